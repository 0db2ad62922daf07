// SPDX-License-Identifier: MIT
// POST /v1/files/send {"peer": uuid, "paths": [absolute paths]}: a stream of progress that ends with "sent" or an
// error.
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/transfer_json.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate::api {
namespace {

constexpr std::uint64_t kRetrySecondsMax = 24 * 3600;

Failure explain_transfer(const files::Failure& failure, const files::Transfer& transfer) {
  using files::Reason;
  const std::string which = failure.path.empty() ? "the files were" : "'" + text::printable(failure.path) + "' was";
  const std::string what = which + " not sent: " + sentence_of(failure) + ". ";
  const std::string so_far =
      transfer.done_bytes == 0 ? "" : "It stopped after " + human_bytes(transfer.done_bytes) + ". ";
  switch (failure.reason) {
    case Reason::not_connected:
      return {ExitCode::not_connected,
              "no session with " + transfer.peer.to_string() + ". Connect with 'qgate peer connect'."};
    case Reason::not_accepting:
      return {ExitCode::transfer, what + "It must run 'qgate file receive --into FOLDER'."};
    case Reason::exists:
      return {ExitCode::exists, what + "Rename yours, or have the other one removed."};
    case Reason::bad_name:
      return {ExitCode::transfer, what + "Rename it: no dot in front, no backslash, no control characters."};
    case Reason::not_a_file:
      return {ExitCode::usage, what + "Check the path."};
    case Reason::read_failed:
      return {ExitCode::transfer, what + "Have it made readable for the user who runs the node."};
    case Reason::same_name:
      return {ExitCode::usage, what + "Send them one after the other, to folders of their own."};
    case Reason::too_many:
      return {ExitCode::transfer, what + "Send its parts, or pack it into an archive first."};
    case Reason::no_space:
      return {ExitCode::transfer, what + so_far + "Have room made there and send it again; what arrived is kept."};
    case Reason::lost:
    case Reason::stopping:
    case Reason::cancelled:
      return {ExitCode::transfer, what + so_far + "Send it again to go on from there."};
    default:
      return {ExitCode::transfer, what + so_far + "Send it again."};
  }
}

Failure explain_failed_items(const TransferRecord& record, const files::Transfer& transfer) {
  std::string what = std::to_string(transfer.failed) + " of the files and folders did not go through";
  if (const auto first = record.first_failure()) {
    what += ", the first: '" + text::printable(first->path) + "': " + sentence_of(*first);
  }
  const bool exists = record.first_failure() && record.only_names_taken();
  return {exists ? ExitCode::exists : ExitCode::transfer,
          what + (exists ? ". What is there is never replaced." : ". Mend that and send again; the rest is there.")};
}

std::vector<std::filesystem::path> paths_in(const Json& body) {
  std::vector<std::filesystem::path> paths;
  for (const Json& path : body.value("paths", Json::array())) {
    if (path.is_string() && path.get<std::string>().starts_with('/'))
      paths.emplace_back(path.get<std::string>());
    else
      return {};
  }
  return paths;
}

}  // namespace

void files_send(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  const auto peer = body ? PeerUuid::parse(text_member(*body, "peer").value_or("")) : fail(ErrorCode::malformed);
  const auto paths = body ? paths_in(*body) : std::vector<std::filesystem::path>();
  if (!peer || paths.empty()) {
    return refuse(*exchange,
                  {ExitCode::usage, "the request names no peer or absolute paths. See docs/spec/control.md."});
  }
  files::SendOptions options;
  options.resume = body->value("resume", Json(true)) != Json(false);
  options.retry_for = std::chrono::seconds(std::min(number_member(*body, "retry_s").value_or(0), kRetrySecondsMax));
  if (const auto address = Address::parse(text_member(*body, "address").value_or(""))) options.hosts = address->hosts;
  service.node->post([&service, exchange, peer = *peer, paths, options] {
    const auto record = std::make_shared<TransferRecord>();
    files::Observer observer;
    observer.on_begin = [exchange, record](const files::Transfer& transfer) {
      record->begin();
      exchange->push(to_text(transfer_json("accepted", transfer)));
    };
    observer.on_progress = [exchange, record](const files::Transfer& transfer) {
      if (record->due(transfer)) exchange->push(to_text(transfer_json("progress", transfer)));
    };
    observer.on_item = [exchange, record](const files::Transfer&, const files::Item& item) {
      record->add(item);
      exchange->push(to_text(item_json(item)));
    };
    observer.on_pause = [exchange](const files::Transfer& transfer, const files::Failure& failure) {
      Json event = transfer_json("paused", transfer);
      event["reason"] = sentence_of(failure);
      exchange->push(to_text(event));
    };
    observer.on_end = [exchange, record](const files::Transfer& transfer,
                                         const std::optional<files::Failure>& failure) {
      if (failure) return refuse_stream(*exchange, explain_transfer(*failure, transfer));
      if (const auto single = record->failure_of_single(transfer)) {
        return refuse_stream(*exchange, explain_transfer(*single, transfer));
      }
      exchange->push(to_text(record->end_json("sent", transfer)));
      if (transfer.failed != 0) return refuse_stream(*exchange, explain_failed_items(*record, transfer));
      exchange->end();
    };
    const auto id = service.files->send(peer, paths, options, std::move(observer));
    exchange->on_cancel([&service, id] { service.node->post([&service, id] { service.files->cancel(id); }); });
  });
}

}  // namespace quantumgate::qgate::api
