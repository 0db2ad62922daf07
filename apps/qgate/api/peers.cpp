// SPDX-License-Identifier: MIT
// GET /v1/peers
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/peer_json.hpp"
#include "apps/qgate/privacy_choice.hpp"
#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate::api {

Json peer_json(const Peer& peer) {
  Json round_trip;  // null until it is measured
  if (peer.round_trip_time.count() > 0) {
    round_trip = std::chrono::duration<double, std::milli>(peer.round_trip_time).count();
  }
  return {{"uuid", peer.uuid.to_string()},
          {"fingerprint", hex(peer.fingerprint.bytes.data(), peer.fingerprint.bytes.size())},
          {"endpoint", peer.endpoint.to_string()},
          {"transport", describe(peer.transport)},
          {"packet_size", peer.packet_size},
          {"round_trip_ms", round_trip},
          {"outgoing", peer.outgoing},
          {"suite", peer.suite},
          {"post_quantum", peer.post_quantum},
          {"handshake_ms", std::chrono::duration<double, std::milli>(peer.handshake_time).count()},
          {"connected_s", std::chrono::duration_cast<std::chrono::seconds>(peer.connected_for).count()},
          {"key_updates", peer.key_updates},
          {"key_age_s", std::chrono::duration_cast<std::chrono::seconds>(peer.key_age).count()},
          {"privacy", privacy_json(peer.privacy)},
          {"peer_follows", peer.peer_follows},
          {"cover_bytes_sent", peer.cover_bytes_sent},
          {"padding_bytes_sent", peer.padding_bytes_sent},
          {"bytes_sent", peer.bytes_sent},
          {"bytes_received", peer.bytes_received}};
}

void peers(Service& service, const control::Request&, ExchangePtr exchange) {
  service.node->post([&service, exchange] {
    Json list = Json::array();
    for (const Peer& peer : service.node->peers()) list.push_back(peer_json(peer));
    exchange->reply(200, to_text({{"peers", list}}));
  });
}

}  // namespace quantumgate::qgate::api
