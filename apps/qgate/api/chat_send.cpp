// SPDX-License-Identifier: MIT
// POST /v1/chat/send {"peer": uuid, "text": line}; answered when the peer has taken the line.
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"

namespace quantumgate::qgate::api {
namespace {

Failure explain_chat(const Error& error, const PeerUuid& peer) {
  switch (error.code) {
    case ErrorCode::not_found:
      return {ExitCode::not_connected, "no session with " + peer.to_string() + ". Connect with 'qgate peer connect'."};
    case ErrorCode::invalid_argument:
      return {ExitCode::usage, "a chat line has 1 to 4096 bytes of UTF-8 and no line feed. Shorten or split it."};
    case ErrorCode::unsupported:
      return {ExitCode::transfer, "the peer takes no chat lines. It must run the chat service."};
    case ErrorCode::would_block:
    case ErrorCode::limit:
      return {ExitCode::transfer, "too many lines are on their way to the peer. Wait and try again."};
    default:
      return {ExitCode::transfer,
              std::string("the line was not delivered: ") + describe(error.code) + ". Connect again and resend it."};
  }
}

}  // namespace

void chat_send(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  const auto peer = body ? PeerUuid::parse(text_member(*body, "peer").value_or("")) : fail(ErrorCode::malformed);
  const auto text = body ? text_member(*body, "text") : std::nullopt;
  if (!peer || !text) {
    return refuse(*exchange, {ExitCode::usage, "the request names no peer or text. See docs/spec/control.md."});
  }
  service.node->post([&service, exchange, peer = *peer, text = *text] {
    const auto begun = service.chat->send(peer, text, [exchange, peer](Result<void> result) {
      if (!result) return refuse(*exchange, explain_chat(result.error(), peer));
      exchange->reply(200, to_text({{"delivered", true}}));
    });
    if (!begun) refuse(*exchange, explain_chat(begun.error(), peer));
  });
}

}  // namespace quantumgate::qgate::api
