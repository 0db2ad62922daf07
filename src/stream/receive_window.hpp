// SPDX-License-Identifier: MIT
// How much a peer may send ahead of the reader: as much as twice what the reader takes in a round trip, found out as it
// reads. It grows only for those who read, never shrinks, and has a limit.
// Spec: docs/spec/04-streams.md, section 8.   Layer: stream (sans-I/O).
// Threads: one object, one thread.   Memory: 40 bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/time.hpp"

namespace quantumgate::stream {

class ReceiveWindow {
 public:
  ReceiveWindow(std::uint64_t bytes, std::uint64_t bytes_max) noexcept : bytes_(bytes), bytes_max_(bytes_max) {}

  // The reader has taken `count` bytes. What the peer may send for it: as much again, and what the window grows by.
  // `round_trip`: the shortest seen. A longer one would count what waits in queues, and let windows feed on themselves.
  std::uint64_t read(TimePoint now, std::uint64_t count, Duration round_trip) noexcept {
    taken_ += count;
    const Duration elapsed = now - begin_;
    if (elapsed < round_trip || round_trip <= Duration::zero()) return count;
    const double in_round_trip =
        static_cast<double>(taken_) * static_cast<double>(round_trip.count()) / static_cast<double>(elapsed.count());
    begin_ = now;
    taken_ = 0;
    const auto wanted = static_cast<std::uint64_t>(std::min(2 * in_round_trip, static_cast<double>(bytes_max_)));
    if (wanted <= bytes_) return count;
    return count + (wanted - std::exchange(bytes_, wanted));
  }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::uint64_t bytes_;
  std::uint64_t bytes_max_;
  std::uint64_t taken_ = 0;  // since begin_
  TimePoint begin_{};
};

}  // namespace quantumgate::stream
