// SPDX-License-Identifier: MIT
// Damages every handshake message of a vector in some dozen ways.
#pragma once

#include <string>

#include "tests/vectors/noise_vector.hpp"

namespace quantumgate::vectors {

// Each damaged copy must be refused with the state intact, so that the genuine message is still accepted and the
// handshake ends as before. A copy of a message that is not authenticated yet (no key was agreed) may be accepted; then
// the very next message must be refused. Returns nothing, or what is wrong; adds to `refused`.
std::string check_damage(const NoiseVector& vector, unsigned long& refused);

}  // namespace quantumgate::vectors
