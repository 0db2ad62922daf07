// SPDX-License-Identifier: MIT
// POST /v1/chat/history {"peer": uuid, "since": seconds, "limit": n}: the kept lines, as a stream that ends.
// POST /v1/chat/read {"peer": uuid, "number": n}: lines of the peer up to this one have been read.
// POST /v1/chat/clear {"peer": uuid}: forgets the lines of the peer, or all.
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/chat_json.hpp"

namespace quantumgate::qgate::api {
namespace {

// The body, and the peer if it names one. Refuses a body that is none, or a peer that is none.
struct Asked {
  Json body;
  std::optional<PeerUuid> peer;
};
std::optional<Asked> read(const control::Request& request, control::Exchange& exchange) {
  auto body = parse_object(request.body);
  const auto text = body ? text_member(*body, "peer") : std::nullopt;
  const auto peer = text ? PeerUuid::parse(*text) : fail(ErrorCode::not_found);
  if (!body || (text && !peer)) {
    refuse(exchange, {ExitCode::usage, "the request is not understood. See docs/spec/control.md."});
    return std::nullopt;
  }
  return Asked{std::move(*body), peer ? std::optional(*peer) : std::nullopt};
}

}  // namespace

void chat_history(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto asked = read(request, *exchange);
  if (!asked) return;
  LineFilter filter;
  filter.peer = asked->peer;
  filter.limit = static_cast<std::size_t>(
      std::min<std::uint64_t>(number_member(asked->body, "limit").value_or(kLinesShownMax), kLinesShownMax));
  // A time beyond what a clock can say would overflow.
  const auto since = std::min<std::uint64_t>(number_member(asked->body, "since").value_or(0), 4'000'000'000);
  filter.since = std::chrono::system_clock::from_time_t(static_cast<std::time_t>(since));
  service.node->post([&service, exchange, filter] {
    const chat::History& history = service.chat->history();
    for (const chat::Line* line : last_lines(history, filter)) {
      exchange->push(to_text(line_json(*line, history.is_unread(*line))));
    }
    exchange->push(to_text({{"event", "end"}, {"kept_on_disk", history.is_kept()}}));
    exchange->end();
  });
}

void chat_read(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto asked = read(request, *exchange);
  if (!asked) return;
  const auto number = number_member(asked->body, "number");
  if (!asked->peer || !number) {
    return refuse(*exchange, {ExitCode::usage, "the request names no peer or number. See docs/spec/control.md."});
  }
  service.node->post([&service, exchange, peer = *asked->peer, number = *number] {
    service.chat->history().mark_read(peer, number);
    exchange->reply(200, to_text({{"read", number}}));
  });
}

void chat_clear(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto asked = read(request, *exchange);
  if (!asked) return;
  service.node->post([&service, exchange, peer = asked->peer] {
    exchange->reply(200, to_text({{"cleared", service.chat->history().clear(peer)}}));
  });
}

}  // namespace quantumgate::qgate::api
