// SPDX-License-Identifier: MIT
#include "node/metrics.hpp"

namespace quantumgate {
namespace node {

std::vector<Metric> metrics_of(const NodeCounters& c, std::size_t peers) {
  using enum Metric::Kind;
  return {
      {"quantumgate_peers", "Peers with a session.", gauge, peers},
      {"quantumgate_udp_datagrams_received", "UDP datagrams received.", counter, c.datagrams_received},
      {"quantumgate_udp_datagrams_sent", "UDP datagrams sent.", counter, c.datagrams_sent},
      {"quantumgate_udp_bytes_received", "UDP payload bytes received.", counter, c.bytes_received},
      {"quantumgate_udp_bytes_sent", "UDP payload bytes sent.", counter, c.bytes_sent},
      {"quantumgate_dropped_malformed", "UDP datagrams dropped: impossible size.", counter, c.dropped_malformed},
      {"quantumgate_dropped_unauthentic", "UDP datagrams dropped: no key of ours opens them.", counter,
       c.dropped_unauthentic},
      {"quantumgate_dropped_replayed", "UDP datagrams dropped: seen before.", counter, c.dropped_replayed},
      {"quantumgate_dropped_clock", "Handshake datagrams dropped: their time is more than 120 s from ours.", counter,
       c.dropped_clock},
      {"quantumgate_dropped_no_cookie", "Handshake datagrams dropped: their sender had yet to prove its address.",
       counter, c.dropped_no_cookie},
      {"quantumgate_dropped_trial_limit", "UDP datagrams dropped: more from strangers than are tried to open.", counter,
       c.dropped_trial_limit},
      {"quantumgate_dropped_start_limit", "Handshake datagrams dropped: more are begun than are answered.", counter,
       c.dropped_start_limit},
      {"quantumgate_dropped_full", "UDP datagrams dropped: a bounded table was full.", counter, c.dropped_full},
      {"quantumgate_sessions_evicted", "Sessions whose place went to a peer from elsewhere.", counter,
       c.sessions_evicted},
      {"quantumgate_handshakes_started", "Handshakes begun by others.", counter, c.handshakes_started},
      {"quantumgate_handshakes_completed", "Handshakes completed, by either side.", counter, c.handshakes_completed},
      {"quantumgate_handshakes_evicted", "Unfinished handshakes that made room for newer ones.", counter,
       c.handshakes_evicted},
      {"quantumgate_cookies_sent", "Cookies sent because handshakes piled up.", counter, c.cookies_sent},
      {"quantumgate_tcp_datagrams_received", "Datagrams received by TCP.", counter, c.tcp_datagrams_received},
      {"quantumgate_tcp_datagrams_sent", "Datagrams sent by TCP.", counter, c.tcp_datagrams_sent},
      {"quantumgate_tcp_accepted", "TCP connections that others opened.", counter, c.tcp_accepted},
      {"quantumgate_tcp_refused", "TCP connections that a bound left no room for.", counter, c.tcp_refused},
      {"quantumgate_tcp_unproven", "TCP connections closed because nothing authentic came by them.", counter,
       c.tcp_unproven},
      {"quantumgate_tcp_dropped", "Datagrams that TCP did not take fast enough, or any more.", counter, c.tcp_dropped},
      {"quantumgate_segments_lost", "Times that a path was found to lose segmented sends.", counter, c.segments_lost},
      {"quantumgate_key_updates", "Times that the keys of a session were replaced.", counter, c.key_updates},
      {"quantumgate_key_updates_failed", "Sessions closed because their keys could not be replaced in time.", counter,
       c.key_updates_failed},
      {"quantumgate_moves", "Times that a peer was followed to another endpoint.", counter, c.moves},
      {"quantumgate_messages_sent", "Messages accepted for sending.", counter, c.messages_sent},
      {"quantumgate_messages_received", "Messages handed to extenders.", counter, c.messages_received},
      {"quantumgate_datagrams_sent", "Datagrams of extenders accepted for sending.", counter, c.datagram_frames_sent},
      {"quantumgate_datagrams_received", "Datagrams of extenders received.", counter, c.datagram_frames_received},
      {"quantumgate_datagrams_dropped", "Datagrams received for no extender of this node.", counter,
       c.dropped_datagram_frames},
      {"quantumgate_cover_bytes_sent", "UDP payload bytes of packets that carried nothing.", counter,
       c.cover_bytes_sent},
      {"quantumgate_padding_bytes_sent", "UDP payload bytes that filled up packets.", counter, c.padding_bytes_sent},
  };
}

}  // namespace node

std::string openmetrics_text(std::span<const Metric> metrics) {
  std::string text;
  for (const Metric& metric : metrics) {
    const bool counter = metric.kind == Metric::Kind::counter;
    const std::string name(metric.name);
    text += "# TYPE " + name + (counter ? " counter\n" : " gauge\n");
    text += "# HELP " + name + " " + std::string(metric.help) + "\n";
    text += name + (counter ? "_total " : " ") + std::to_string(metric.value) + "\n";
  }
  return text + "# EOF\n";
}

}  // namespace quantumgate
