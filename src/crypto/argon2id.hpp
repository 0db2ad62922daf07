// SPDX-License-Identifier: MIT
// Argon2id (RFC 9106): a key from a pass phrase, slowly on purpose.   Layer: crypto.   Threads: any; blocks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

struct Argon2Cost {
  std::uint32_t passes = 3;               // 1 to 16
  std::uint32_t memory_kib = 256 * 1024;  // 8 to 4 Mi
};

// Nothing when the cost is out of range or the memory can not be had.
std::optional<Secret<32>> argon2id(BytesView pass_phrase, std::span<const std::byte, 16> salt, Argon2Cost cost);

}  // namespace quantumgate::crypto
