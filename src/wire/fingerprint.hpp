// SPDX-License-Identifier: MIT
// The fingerprint of an identity key.   Spec: docs/spec/01-identity.md, section 1.   Layer: wire.
#pragma once

#include "quantumgate/bytes.h"
#include "quantumgate/uuid.h"

namespace quantumgate::wire {
Fingerprint fingerprint_of(std::uint8_t algorithm_id, std::span<const std::byte, 32> public_key);
}  // namespace quantumgate::wire
