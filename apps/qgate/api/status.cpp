// SPDX-License-Identifier: MIT
// GET /v1/status
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/privacy_choice.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::qgate::api {
namespace {

Json counters_json(const NodeCounters& c) {
  return {{"datagrams_received", c.datagrams_received},
          {"datagrams_sent", c.datagrams_sent},
          {"bytes_received", c.bytes_received},
          {"bytes_sent", c.bytes_sent},
          {"dropped_malformed", c.dropped_malformed},
          {"dropped_unauthentic", c.dropped_unauthentic},
          {"dropped_replayed", c.dropped_replayed},
          {"dropped_clock", c.dropped_clock},
          {"dropped_no_cookie", c.dropped_no_cookie},
          {"dropped_trial_limit", c.dropped_trial_limit},
          {"dropped_start_limit", c.dropped_start_limit},
          {"dropped_full", c.dropped_full},
          {"sessions_evicted", c.sessions_evicted},
          {"handshakes_started", c.handshakes_started},
          {"handshakes_completed", c.handshakes_completed},
          {"handshakes_evicted", c.handshakes_evicted},
          {"cookies_sent", c.cookies_sent},
          {"tcp_datagrams_received", c.tcp_datagrams_received},
          {"tcp_datagrams_sent", c.tcp_datagrams_sent},
          {"tcp_accepted", c.tcp_accepted},
          {"tcp_refused", c.tcp_refused},
          {"tcp_unproven", c.tcp_unproven},
          {"tcp_dropped", c.tcp_dropped},
          {"segments_lost", c.segments_lost},
          {"key_updates", c.key_updates},
          {"key_updates_failed", c.key_updates_failed},
          {"moves", c.moves},
          {"messages_sent", c.messages_sent},
          {"messages_received", c.messages_received},
          {"datagram_frames_sent", c.datagram_frames_sent},
          {"datagram_frames_received", c.datagram_frames_received},
          {"dropped_datagram_frames", c.dropped_datagram_frames},
          {"cover_bytes_sent", c.cover_bytes_sent},
          {"padding_bytes_sent", c.padding_bytes_sent}};
}

// What is said of every node. `counters` are none while it is locked.
Json status_json(const LockedStatus& node, const char* state, const NodeCounters& counters) {
  const auto uptime = std::chrono::steady_clock::now() - node.started;
  const SecretMemory memory = secret_memory();
  return {{"state", state},
          {"uuid", node.uuid},
          {"address", node.address},
          {"network", node.network},
          {"shared_secret", node.shared_secret},
          {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
          {"key_memory",
           {{"locked_bytes", memory.locked_bytes},
            {"unlocked_bytes", memory.unlocked_bytes},
            {"outside_bytes", memory.outside_bytes}}},
          {"peers", 0},
          {"accepting_files", false},
          {"counters", counters_json(counters)}};
}

}  // namespace

void status(Service& service, const control::Request&, ExchangePtr exchange) {
  service.node->post([&service, exchange] {
    Json json = status_json({service.node->uuid().to_string(), service.node->address().to_string(), service.network,
                             service.shared_secret.has_value(), service.started},
                            "running", service.node->counters());
    const auto peers = service.node->peers();
    std::uint64_t cover_a_day = 0;
    for (const Peer& peer : peers) cover_a_day += cover_bytes_per_day(peer.privacy);
    json["peers"] = peers.size();
    json["privacy"] = privacy_json(service.node->privacy());
    json["cover_bytes_per_day"] = cover_a_day;
    json["accepting_files"] = service.files->accepting();
    exchange->reply(200, to_text(json));
  });
}

void locked_status(const LockedStatus& locked, control::Exchange& exchange) {
  exchange.reply(200, to_text(status_json(locked, "locked", {})));
}

}  // namespace quantumgate::qgate::api
