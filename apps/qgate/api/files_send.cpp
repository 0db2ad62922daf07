// SPDX-License-Identifier: MIT
// POST /v1/files/send {"peer": uuid, "path": absolute path}: a stream of progress that ends with "sent" or an error.
#include <cstring>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/transfer_json.hpp"

namespace quantumgate::qgate::api {
namespace {

Failure explain_transfer(const files::Failure& failure, const files::Transfer& transfer) {
  using files::Reason;
  std::string why = files::describe(failure.reason);
  if (failure.os != 0) why += std::string(" (") + std::strerror(failure.os) + ")";
  const std::string what = "the file was not sent: " + why + ". ";
  const std::string so_far =
      transfer.done_bytes == 0 ? "" : "It stopped after " + human_bytes(transfer.done_bytes) + ". ";
  switch (failure.reason) {
    case Reason::not_connected:
      return {ExitCode::not_connected,
              "no session with " + transfer.peer.to_string() + ". Connect with 'qgate peer connect'."};
    case Reason::not_accepting:
      return {ExitCode::transfer, what + "It must run 'qgate file receive --into FOLDER'."};
    case Reason::exists:
      return {ExitCode::exists, what + "Rename the file, or have the other one removed."};
    case Reason::bad_name:
      return {ExitCode::transfer, what + "Rename the file."};
    case Reason::not_a_file:
      return {ExitCode::usage, what + "Check the path."};
    case Reason::no_space:
      return {ExitCode::transfer, what + so_far + "Have room made there and send it again."};
    case Reason::lost:
      return {ExitCode::transfer, what + so_far + "Connect again and resend it."};
    default:
      return {ExitCode::transfer, what + so_far + "Send it again."};
  }
}

}  // namespace

void files_send(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  const auto peer = body ? PeerUuid::parse(text_member(*body, "peer").value_or("")) : fail(ErrorCode::malformed);
  const auto path = body ? text_member(*body, "path") : std::nullopt;
  if (!peer || !path || !path->starts_with('/')) {
    return refuse(*exchange,
                  {ExitCode::usage, "the request names no peer or absolute path. See docs/spec/control.md."});
  }
  service.node->post([&service, exchange, peer = *peer, path = *path] {
    const auto clock = std::make_shared<TransferClock>();
    files::SendObserver observer;
    observer.on_accepted = [exchange, clock](const files::Transfer& transfer) {
      clock->begun = std::chrono::steady_clock::now();
      exchange->push(to_text(transfer_json("accepted", transfer)));
    };
    observer.on_progress = [exchange, clock](const files::Transfer& transfer) {
      if (clock->due(transfer)) exchange->push(to_text(transfer_json("progress", transfer)));
    };
    observer.on_end = [exchange, clock](const files::Transfer& transfer, std::optional<files::Failure> failure,
                                        const files::Digest& digest) {
      if (failure) return refuse_stream(*exchange, explain_transfer(*failure, transfer));
      exchange->push(to_text(clock->end_json("sent", transfer, digest)));
      exchange->end();
    };
    const auto id = service.files->send(peer, path, "", std::move(observer));
    exchange->on_cancel([&service, id] { service.node->post([&service, id] { service.files->cancel(id); }); });
  });
}

}  // namespace quantumgate::qgate::api
