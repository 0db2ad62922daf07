// SPDX-License-Identifier: MIT
// What happened in a simulation, condensed into a running SHA-256: two runs with equal fingerprints did the same.
// Layer: sim.   Threads: one object, one thread.   Memory: 4 KiB, fixed; the events themselves are not kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "quantumgate/bytes.h"

namespace quantumgate::sim {

enum class Event : std::uint8_t {
  sent = 1,       // subject: datagram number; value: hash of endpoints, size and content
  duplicated,     // subject: number of the original; value: number of the copy
  injected,       // by a tap or a test; as `sent`
  replaced,       // subject: datagram number; value: hash of the new content
  delivered,      // subject: datagram number; value: receiving host
  lost,           // by chance on the link
  queue_full,     // dropped by the queue of a rate-limited link
  too_large,      // for the MTU of the link, or for any socket
  unreachable,    // no host has the address, or the sender has none of that family
  not_listening,  // the host has no socket at that endpoint
  dropped_by_tap,
  timer_fired,   // subject: host; value: its timers' running number
  tcp_accepted,  // subject: number of the connection, as below; value: accepting host
  tcp_received,  // value: hash of receiving host and content
  tcp_closed,    // by the other end; value: the host that is told
};

using Fingerprint = std::array<std::byte, 32>;

class EventLog {
 public:
  void add(TimePoint time, Event event, std::uint64_t subject, std::uint64_t value = 0);
  // Of all events so far. The log can go on afterwards.
  Fingerprint fingerprint() const;
  std::uint64_t size() const noexcept { return size_; }

 private:
  // Each event is folded to 64 bits first; content_hash says why that is enough.
  std::array<std::byte, 8 * 512> pending_;  // hashed together with `state_` when full
  std::size_t used_ = 0;
  Fingerprint state_{};
  std::uint64_t size_ = 0;
};

// A fast hash for datagram contents. 64 bits that anyone could forge are enough here: nobody attacks a test's log, and
// two runs that differ by accident agree with a chance of about 2^-64 for each datagram in which they differ, while
// SHA-256 over all contents would cost more than all the rest of the simulator. It reads words in the byte order of the
// machine: fingerprints are comparable between machines of one byte order.
std::uint64_t content_hash(BytesView bytes, std::uint64_t seed = 0) noexcept;

}  // namespace quantumgate::sim
