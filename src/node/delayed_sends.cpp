// SPDX-License-Identifier: MIT
#include "node/delayed_sends.hpp"

namespace quantumgate::node {

void DelayedSends::send(TimePoint now, Duration delay_max, const Path& path, BytesView datagram, PacketBatch& batch) {
  if (delay_max == Duration::zero() || waiting_.size() == kWaitingMax) return batch.add(path, datagram);
  const auto delay = Duration(random_.below(static_cast<std::uint64_t>(delay_max.count())));
  waiting_.emplace(now + delay, Waiting{path, Bytes(datagram.begin(), datagram.end())});
}

void DelayedSends::flush(TimePoint now, PacketBatch& batch) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    const Waiting& next = waiting_.begin()->second;
    batch.add(next.path, next.datagram);
    waiting_.erase(waiting_.begin());
  }
}

std::optional<TimePoint> DelayedSends::deadline() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

}  // namespace quantumgate::node
