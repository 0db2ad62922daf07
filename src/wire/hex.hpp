// SPDX-License-Identifier: MIT
// Hexadecimal text.   Layer: wire (pure functions).
#pragma once

#include <optional>
#include <string>

#include "quantumgate/bytes.h"

namespace quantumgate::wire {
std::string to_hex(BytesView bytes);            // lower case
std::optional<int> hex_digit(char c) noexcept;  // either case
// Either case; nothing when `text` is not exactly two digits for each byte of `out`. Not constant time.
bool from_hex(std::string_view text, MutableBytesView out) noexcept;
}  // namespace quantumgate::wire
