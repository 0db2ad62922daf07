// SPDX-License-Identifier: MIT
#include "apps/qgate/client.hpp"

#include <unistd.h>

#include "apps/qgate/peer_text.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {

Outcome<std::unique_ptr<ApiCall>> ApiCall::open(const Globals& globals) {
  const std::string socket = globals.text(Setting::control);
  auto call = control::Call::open(socket);
  if (call) return std::unique_ptr<ApiCall>(new ApiCall(std::move(*call)));
  const std::string name = "'" + text::printable(socket) + "'";
  switch (call.error().code) {
    case ErrorCode::not_found:
    case ErrorCode::closed:
      return failed(ExitCode::no_node, "no node answers on " + name +
                                           ". Start one with 'qgate node run', or name its socket with --control.");
    case ErrorCode::not_authentic:
      return failed(ExitCode::no_node,
                    name + " belongs to another user's program. Name your node's socket with --control.");
    case ErrorCode::permission_denied:
      return failed(ExitCode::no_node,
                    name + " may not be opened: permission denied. Run this as the user who runs the node.");
    default:
      return tl::unexpected(Failure{ExitCode::no_node, name + ": " + explain(call.error()).message});
  }
}

Outcome<Json> ApiCall::run(const char* method, const std::string& path, const Json& body,
                           std::function<bool(const Json&)> on_object,
                           std::optional<std::chrono::milliseconds> time_limit) {
  std::optional<Failure> failure;
  const auto failure_in = [](const Json& object) -> std::optional<Failure> {
    const auto error = object.find("error");
    if (error == object.end() || !error->is_object()) return std::nullopt;
    const auto code = exit_code_of(text_member(*error, "code").value_or(""));
    return Failure{code.value_or(ExitCode::failure),
                   text_member(*error, "message").value_or("the node gave no reason.")};
  };
  const auto on_line = [&](std::string_view line) {
    const auto object = parse_object(line);
    if (!object) return true;
    failure = failure_in(*object);
    if (failure) return false;
    return !on_object || on_object(*object);
  };
  const auto reply = call_->run(method, path, body.is_null() ? std::string() : to_text(body), on_line, time_limit);
  if (failure) return tl::unexpected(*failure);
  if (!reply) {
    if (reply.error().code == ErrorCode::closed) return Json::object();  // left, as on_object or stop() wanted
    if (reply.error().code == ErrorCode::closed_by_peer) {
      return failed(ExitCode::no_node,
                    "the node stopped before it had answered. Start it again with 'qgate node run'.");
    }
    if (reply.error().code == ErrorCode::timed_out) {
      return failed(ExitCode::no_node, "the node takes no notice of the question. See its log, or start it again.");
    }
    return tl::unexpected(explain(reply.error()));
  }
  if (reply->body.empty()) return Json::object();
  const auto object = parse_object(reply->body);
  if (!object)
    return failed(ExitCode::failure, "the node's answer is not understood. Do both come from the same version?");
  if (auto refused = failure_in(*object)) return tl::unexpected(std::move(*refused));
  return *object;
}

Outcome<Json> call_api(const Globals& globals, const char* method, const std::string& path, const Json& body,
                       std::function<bool(const Json&)> on_object) {
  auto call = ApiCall::open(globals);
  if (!call) return tl::unexpected(call.error());
  return (*call)->run(method, path, body, std::move(on_object));
}

Outcome<Json> ask_node(const Globals& globals, const std::string& path) {
  auto call = ApiCall::open(globals);
  if (!call) return tl::unexpected(call.error());
  return (*call)->run("GET", path, {}, {}, kAskTimeLimit);
}

Outcome<PeerUuid> find_peer(const Globals& globals, const std::string& text) {
  if (const auto uuid = PeerUuid::parse(text)) return *uuid;
  if (text.starts_with("qg://") || is_invitation(text)) {
    const auto address = address_in(text);
    if (!address) return tl::unexpected(address.error());
    if (address->hosts.empty()) return address->uuid;
    const auto connected = call_api(globals, "POST", "/v1/peers/connect", {{"address", text}});
    if (!connected) return tl::unexpected(connected.error());
    return address->uuid;
  }
  if (::isatty(STDIN_FILENO) != 1 || text.size() < 4) {
    return failed(ExitCode::usage, "'" + text + "' names no peer. Give its whole UUID, its address or its invitation.");
  }
  const auto list = call_api(globals, "GET", "/v1/peers");
  if (!list) return tl::unexpected(list.error());
  std::optional<PeerUuid> found;
  for (const Json& peer : list->value("peers", Json::array())) {
    const std::string uuid = text_member(peer, "uuid").value_or("");
    if (!uuid.starts_with(text)) continue;
    if (found) return failed(ExitCode::usage, "'" + text + "' begins more than one peer's UUID. Give more of it.");
    if (const auto parsed = PeerUuid::parse(uuid)) found = *parsed;
  }
  if (!found)
    return failed(ExitCode::not_connected,
                  "no connected peer's UUID begins with '" + text + "'. See 'qgate peer list'.");
  return *found;
}

Outcome<PeerUuid> named_peer(const Globals& globals, const std::string& text) {
  if (!text.starts_with("qg://") && !is_invitation(text)) return find_peer(globals, text);
  const auto address = address_in(text);
  if (!address) return tl::unexpected(address.error());
  return address->uuid;
}

}  // namespace quantumgate::qgate
