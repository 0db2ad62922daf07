// SPDX-License-Identifier: MIT
#include "apps/qgate/api/chat_json.hpp"

#include <algorithm>
#include <ctime>

namespace quantumgate::qgate::api {
namespace {

std::string utc(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

Json line_json(const chat::Line& line, bool unread) {
  return {{"event", "line"},
          {"number", line.number},
          {"peer", line.peer.to_string()},
          {"outgoing", line.outgoing},
          {"delivered", line.delivered},
          {"unread", unread},
          {"time", utc(line.time)},
          {"text", line.text}};
}

std::vector<const chat::Line*> last_lines(const chat::History& history, const LineFilter& filter) {
  std::vector<const chat::Line*> lines;
  std::size_t bytes = 0;
  const std::size_t limit = std::min(filter.limit, kLinesShownMax);
  for (auto line = history.lines().rbegin(); line != history.lines().rend() && lines.size() < limit; ++line) {
    if (filter.peer && line->peer != *filter.peer) continue;
    if (line->time < filter.since || (bytes += line->text.size()) > kShownBytesMax) break;
    lines.push_back(&*line);
  }
  std::ranges::reverse(lines);
  return lines;
}

}  // namespace quantumgate::qgate::api
