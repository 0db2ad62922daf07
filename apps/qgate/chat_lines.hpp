// SPDX-License-Identifier: MIT
// Lines of chat as people read them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "apps/qgate/json.hpp"

namespace quantumgate::qgate {

bool is_line(const Json& object);

// "14:02 3f2a1b2c: hello", "2026-11-25 14:02 to 3f2a1b2c: hello (not delivered)"; the date only if it is not that of
// `now`; times are local. `peer_known`: the reader talks with this peer only, so that "you" and "they" will do.
std::string shown_line(const Json& line, bool peer_known, std::chrono::system_clock::time_point now);

// What --since takes: "2026-11-25", "2026-11-25 14:02" (local), or how long ago: "90m", "12h", "3d".
std::optional<std::chrono::system_clock::time_point> parse_since(const std::string& text,
                                                                 std::chrono::system_clock::time_point now);

}  // namespace quantumgate::qgate
