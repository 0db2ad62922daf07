// SPDX-License-Identifier: MIT
// Text from strangers: is it UTF-8, how wide is it, and how is it shown without letting it steer a terminal.
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quantumgate::text {

// Well-formed UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

// Whether `text`, which is UTF-8, holds a control character (C0, DEL, C1) or one that changes the direction of what
// stands around it, with which a name can be made to look like another.
bool has_control(std::string_view text) noexcept;

// `text` with everything that could steer a terminal or deceive a reader written as \xHH or \u{H}; a backslash is
// doubled, so that the result has one reading.
std::string printable(std::string_view text);

// Columns that `text`, which is UTF-8 without control characters, takes on a terminal.
std::size_t columns(std::string_view text) noexcept;

// `text` cut to at most `columns_max` columns, with "…" in place of what was cut off.
std::string shortened(std::string_view text, std::size_t columns_max);

}  // namespace quantumgate::text
