// SPDX-License-Identifier: MIT
// The published censor rule for connections that look fully random: Wu et al., "How the Great Firewall of China Detects
// and Blocks Fully Encrypted Traffic", USENIX Security 2023, section 4. For tests.   Layer: wire.
#pragma once

#include <algorithm>
#include <bit>

#include "quantumgate/bytes.h"

namespace quantumgate::wire {

// Whether the rule blocks a connection whose first payload is `payload`. Its exemption for TLS and HTTP is left out: we
// look like neither.
inline bool censor_rule_blocks(BytesView payload) {
  const auto printable = [](std::byte b) { return b >= std::byte{0x20} && b <= std::byte{0x7e}; };
  std::size_t bits = 0, readable = 0, run = 0, longest_run = 0;
  for (const std::byte b : payload) {
    bits += static_cast<std::size_t>(std::popcount(std::to_integer<unsigned>(b)));
    readable += printable(b);
    run = printable(b) ? run + 1 : 0;
    longest_run = std::max(longest_run, run);
  }
  const double bits_per_byte = static_cast<double>(bits) / static_cast<double>(payload.size());
  const bool begins_readable = payload.size() >= 6 && std::ranges::all_of(payload.first(6), printable);
  return bits_per_byte > 3.4 && bits_per_byte < 4.6 && !begins_readable && 2 * readable <= payload.size() &&
         longest_run <= 20;
}

}  // namespace quantumgate::wire
