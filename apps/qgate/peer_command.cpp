// SPDX-License-Identifier: MIT
// qgate peer connect, qgate peer list, qgate peer disconnect
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/peer_text.hpp"
#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate {
namespace {

std::string milliseconds(const Json& peer) {
  const auto found = peer.find("handshake_ms");
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", found != peer.end() && found->is_number() ? found->get<double>() : 0.0);
  return text;
}

// "5", or "full, constant" where it is that of no level; "5, one way" if the peer does not do likewise.
std::string privacy(const Json& peer) {
  const Json shape = peer.value("privacy", Json::object());
  const std::uint64_t level = number_member(shape, "level").value_or(0);
  const std::string custom =
      text_member(shape, "padding").value_or("?") + ", " + text_member(shape, "cover").value_or("?");
  return (level == 0 ? custom : std::to_string(level)) + (peer.value("peer_follows", true) ? "" : ", one way");
}

}  // namespace

Outcome<void> peer_connect(const Globals& globals, const ConnectOptionsText& options) {
  const auto address = address_in(options.address);
  if (!address) return tl::unexpected(address.error());
  const auto milliseconds_max = static_cast<std::uint64_t>(std::llround(options.time_limit_s * 1000));
  Json request{{"address", options.address}, {"time_limit_ms", milliseconds_max}};
  if (!options.suite.empty()) request["suite"] = options.suite;
  const auto answer = call_api(globals, "POST", "/v1/peers/connect", request);
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
    return {};
  }
  const Json peer = answer->value("peer", Json::object());
  std::printf("Connected to %s in %s, %s\n  %s\n", text_member(peer, "uuid").value_or("?").c_str(),
              milliseconds(peer).c_str(), peer.value("post_quantum", false) ? "post-quantum" : "NOT post-quantum",
              text_member(peer, "suite").value_or("?").c_str());
  return {};
}

Outcome<void> peer_list(const Globals& globals) {
  const auto answer = call_api(globals, "GET", "/v1/peers");
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
    return {};
  }
  const Json peers = answer->value("peers", Json::array());
  if (globals.quiet) {
    for (const Json& peer : peers) std::printf("%s\n", text_member(peer, "uuid").value_or("?").c_str());
    return {};
  }
  if (peers.empty()) {
    std::fputs("No peers. Connect to one with 'qgate peer connect ADDRESS'.\n", stdout);
    return {};
  }
  // Without -v it fits 80 columns, as long as the endpoint is one of IPv4.
  std::vector<std::vector<std::string>> rows{{"UUID", "ENDPOINT", "BY", "PQ", "FOR"}};
  if (globals.verbose) rows[0].insert(rows[0].end(), {"PACKET", "KEYS FOR", "PRIVACY", "SENT", "RECEIVED", "SUITE"});
  for (const Json& peer : peers) {
    rows.push_back({text_member(peer, "uuid").value_or("?"), text_member(peer, "endpoint").value_or("?"),
                    text_member(peer, "transport").value_or("?"), peer.value("post_quantum", false) ? "yes" : "NO",
                    human_duration(std::chrono::seconds(number_member(peer, "connected_s").value_or(0)))});
    if (!globals.verbose) continue;
    rows.back().insert(
        rows.back().end(),
        {std::to_string(number_member(peer, "packet_size").value_or(0)) + " B",
         human_duration(std::chrono::seconds(number_member(peer, "key_age_s").value_or(0))), privacy(peer),
         human_bytes(number_member(peer, "bytes_sent").value_or(0)),
         human_bytes(number_member(peer, "bytes_received").value_or(0)), text_member(peer, "suite").value_or("?")});
  }
  std::fputs(table(rows).c_str(), stdout);
  return {};
}

Outcome<void> peer_disconnect(const Globals& globals, const std::string& text) {
  const auto uuid = named_peer(globals, text);
  if (!uuid) return tl::unexpected(uuid.error());
  const auto answer = call_api(globals, "DELETE", "/v1/peers/" + uuid->to_string());
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
  } else if (!globals.quiet) {
    std::printf("Disconnected from %s\n", uuid->to_string().c_str());
  }
  return {};
}

}  // namespace quantumgate::qgate
