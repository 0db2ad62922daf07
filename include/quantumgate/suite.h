// SPDX-License-Identifier: MIT
/// \file
/// Suites: the sets of algorithms that a session can be secured with, each called by its Noise protocol name.
#pragma once

#include <string>
#include <vector>

#include "quantumgate/export.h"

namespace quantumgate {

/// The names of all suites, best first: "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256" and what else there is. Every
/// one is post-quantum; docs/spec/02-handshake.md, section 1, says what speaks for which.
QG_EXPORT std::vector<std::string> suite_names();

}  // namespace quantumgate
