// SPDX-License-Identifier: MIT
// GET /v1/chat/follow: the kept lines, then each new one, until the client leaves.
#include <ctime>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"

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

std::string line_json(const chat::Line& line) {
  return to_text({{"event", "line"},
                  {"number", line.number},
                  {"peer", line.peer.to_string()},
                  {"outgoing", line.outgoing},
                  {"time", utc(line.time)},
                  {"text", line.text}});
}

}  // namespace

void chat_follow(Service& service, const control::Request&, ExchangePtr exchange) {
  service.node->post([&service, exchange] {
    exchange->push(to_text({{"event", "following"}}));
    for (const chat::Line& line : service.chat->history()) exchange->push(line_json(line));
    const auto follower = service.chat->follow([exchange](const chat::Line& line) { exchange->push(line_json(line)); });
    exchange->on_cancel(
        [&service, follower] { service.node->post([&service, follower] { service.chat->unfollow(follower); }); });
  });
}

}  // namespace quantumgate::qgate::api
