// SPDX-License-Identifier: MIT
// qgate privacy
#include <cstdio>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/privacy_choice.hpp"

namespace quantumgate::qgate {

Outcome<void> privacy(const Globals& globals, const PrivacyOptions& options) {
  Json request{{"level", options.level}};
  const auto add = [&](const char* key, const auto& value) {
    if (value) request[key] = *value;
  };
  add("padding", options.padding);
  add("cover", options.cover);
  add("cover_interval_ms", options.cover_interval_ms);
  add("send_delay_ms", options.send_delay_ms);
  add("handshake_jitter_ms", options.handshake_jitter_ms);
  if (!options.peer.empty()) {
    const auto peer = named_peer(globals, options.peer);
    if (!peer) return tl::unexpected(peer.error());
    request["peer"] = peer->to_string();
  }
  const auto answer = call_api(globals, "POST", "/v1/privacy", request);
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
  } else if (!globals.quiet) {
    std::printf("Privacy %s\n", privacy_sentence(answer->value("privacy", Json::object())).c_str());
  }
  return {};
}

}  // namespace quantumgate::qgate
