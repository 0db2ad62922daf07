// SPDX-License-Identifier: MIT
// Datagrams that wait for a random time before they go, so that when they go tells less of when they were made.
// Layer: node.   Threads: one object, one thread.   Ownership: borrows RandomSource, which outlives it.
// Bounds: 256 datagrams; more go at once.
#pragma once

#include <map>
#include <optional>

#include "base/random.hpp"
#include "node/packet_batch.hpp"

namespace quantumgate::node {

class DelayedSends {
 public:
  explicit DelayedSends(RandomSource& random) : random_(random) {}

  // Keeps a copy, until a moment drawn between `now` and `delay_max` after it. Without a delay, or without room for one
  // more, it goes at once.
  void send(TimePoint now, Duration delay_max, const Path& path, BytesView datagram, PacketBatch& batch);
  void flush(TimePoint now, PacketBatch& batch);
  std::optional<TimePoint> deadline() const;

 private:
  static constexpr std::size_t kWaitingMax = 256;
  struct Waiting {
    Path path;
    Bytes datagram;
  };
  RandomSource& random_;
  std::multimap<TimePoint, Waiting> waiting_;  // by when they go
};

}  // namespace quantumgate::node
