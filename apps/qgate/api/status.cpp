// SPDX-License-Identifier: MIT
// GET /v1/status
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"

namespace quantumgate::qgate::api {

void status(Service& service, const control::Request&, ExchangePtr exchange) {
  service.node->post([&service, exchange] {
    const NodeCounters c = service.node->counters();
    const auto uptime = std::chrono::steady_clock::now() - service.started;
    exchange->reply(200, to_text({{"uuid", service.node->uuid().to_string()},
                                  {"address", service.node->address().to_string()},
                                  {"network", service.network},
                                  {"shared_secret", service.shared_secret.has_value()},
                                  {"uptime_s", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
                                  {"peers", service.node->peers().size()},
                                  {"accepting_files", service.files->accepting()},
                                  {"counters",
                                   {{"datagrams_received", c.datagrams_received},
                                    {"datagrams_sent", c.datagrams_sent},
                                    {"bytes_received", c.bytes_received},
                                    {"bytes_sent", c.bytes_sent},
                                    {"dropped_malformed", c.dropped_malformed},
                                    {"dropped_unauthentic", c.dropped_unauthentic},
                                    {"dropped_replayed", c.dropped_replayed},
                                    {"dropped_clock", c.dropped_clock},
                                    {"dropped_full", c.dropped_full},
                                    {"handshakes_started", c.handshakes_started},
                                    {"handshakes_completed", c.handshakes_completed},
                                    {"cookies_sent", c.cookies_sent},
                                    {"segments_lost", c.segments_lost},
                                    {"key_updates", c.key_updates},
                                    {"key_updates_failed", c.key_updates_failed},
                                    {"messages_sent", c.messages_sent},
                                    {"messages_received", c.messages_received},
                                    {"datagram_frames_sent", c.datagram_frames_sent},
                                    {"datagram_frames_received", c.datagram_frames_received},
                                    {"dropped_datagram_frames", c.dropped_datagram_frames}}}}));
  });
}

}  // namespace quantumgate::qgate::api
