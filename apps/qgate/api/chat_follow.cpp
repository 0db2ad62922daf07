// SPDX-License-Identifier: MIT
// GET /v1/chat/follow: the last lines, then each new one, until the client leaves.
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/chat_json.hpp"

namespace quantumgate::qgate::api {
namespace {

constexpr std::size_t kLinesBefore = 256;

}  // namespace

void chat_follow(Service& service, const control::Request&, ExchangePtr exchange) {
  service.node->post([&service, exchange] {
    const chat::History& history = service.chat->history();
    exchange->push(to_text({{"event", "following"}}));
    for (const chat::Line* line : last_lines(history, {.limit = kLinesBefore})) {
      exchange->push(to_text(line_json(*line, history.is_unread(*line))));
    }
    const auto follower = service.chat->follow([&history, exchange](const chat::Line& line) {
      exchange->push(to_text(line_json(line, history.is_unread(line))));
    });
    exchange->on_cancel(
        [&service, follower] { service.node->post([&service, follower] { service.chat->unfollow(follower); }); });
  });
}

}  // namespace quantumgate::qgate::api
