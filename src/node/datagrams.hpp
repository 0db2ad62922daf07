// SPDX-License-Identifier: MIT
// The datagrams of one connection: a short queue in front of the session's window for them.
// Spec: docs/spec/03-session.md, section 8.   Layer: node.
// Threads: the connection's.   Bounds: 64 datagrams wait; more are refused.
#pragma once

#include <array>
#include <deque>

#include "base/wiped_bytes.hpp"
#include "quantumgate/result.h"
#include "session/datagram_window.hpp"
#include "wire/frames.hpp"

namespace quantumgate::node {

using DatagramId = std::array<std::byte, wire::kDatagramIdSize>;  // stands for the extender's name
// The first 4 bytes of SHA-256("QuantumGate datagram v1" ‖ name).
DatagramId datagram_id(std::string_view extender);

class Datagrams {
 public:
  // Errors: would_block. The size was checked.
  Result<void> send(const DatagramId& id, BytesView datagram);
  // Writes the body of the next DATAGRAM frame into `out` and returns its size; 0 when there is none, or not yet.
  std::size_t poll_transmit(TimePoint now, MutableBytesView out);
  std::optional<TimePoint> deadline() const;
  session::DatagramWindow& window() noexcept { return window_; }

 private:
  std::deque<WipedBytes> queue_;  // frame bodies; at most session::kDatagramsQueuedMax
  session::DatagramWindow window_;
};

}  // namespace quantumgate::node
