// SPDX-License-Identifier: MIT
// The command line's side of the control protocol (docs/spec/control.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "apps/qgate/json.hpp"
#include "apps/qgate/settings.hpp"
#include "control/http.hpp"
#include "quantumgate/uuid.h"

namespace quantumgate::qgate {

// One request. Errors of the node come back as the Failure they were there.
class ApiCall {
 public:
  static Outcome<std::unique_ptr<ApiCall>> open(const Globals& globals);
  // The answer; for a streamed one, each object goes to `on_object` first, which returns false to leave, and the result
  // is an empty object. An object with "error" ends the stream as a Failure.
  Outcome<Json> run(const char* method, const std::string& path, const Json& body,
                    std::function<bool(const Json&)> on_object = {},
                    std::optional<std::chrono::milliseconds> time_limit = {});
  void stop() { call_->stop(); }  // any thread

 private:
  explicit ApiCall(std::unique_ptr<control::Call> call) : call_(std::move(call)) {}
  std::unique_ptr<control::Call> call_;
};

Outcome<Json> call_api(const Globals& globals, const char* method, const std::string& path, const Json& body = {},
                       std::function<bool(const Json&)> on_object = {});

// One question that a healthy node answers at once.
inline constexpr std::chrono::seconds kAskTimeLimit{5};
Outcome<Json> ask_node(const Globals& globals, const std::string& path);

// A peer as the user names it: its UUID; an address or invitation, which is dialled if need be; or, only at a terminal,
// the beginning of the UUID of a connected peer.
Outcome<PeerUuid> find_peer(const Globals& globals, const std::string& text);

// The same for a command that needs no session: nobody is dialled.
Outcome<PeerUuid> named_peer(const Globals& globals, const std::string& text);

}  // namespace quantumgate::qgate
