// SPDX-License-Identifier: MIT
// How a line of chat looks in JSON, and which lines are shown.
#pragma once

#include <optional>
#include <vector>

#include "apps/qgate/json.hpp"
#include "extenders/chat/chat.hpp"

namespace quantumgate::qgate::api {

inline constexpr std::size_t kLinesShownMax = 1000;
inline constexpr std::size_t kShownBytesMax = 256 * 1024;  // of text; as JSON, well below what an answer may hold back

struct LineFilter {
  std::optional<PeerUuid> peer;
  std::chrono::system_clock::time_point since{};
  std::size_t limit = kLinesShownMax;
};

Json line_json(const chat::Line& line, bool unread);

// The last lines that `filter` lets through, the oldest first, as many as the bounds above allow.
std::vector<const chat::Line*> last_lines(const chat::History& history, const LineFilter& filter);

}  // namespace quantumgate::qgate::api
