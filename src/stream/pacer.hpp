// SPDX-License-Identifier: MIT
// Spreads what congestion control allows over the round-trip time (RFC 9002, section 7.7), in bursts rather than in
// single packets: a burst crosses the system in one call, and timers that fire more often than once in a millisecond
// would cost more than the packets.
// Spec: docs/spec/04-streams.md, section 8.   Layer: stream (sans-I/O).
// Threads: one object, one thread.   Memory: 32 bytes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::stream {

class Pacer {
 public:
  // A burst is what the rate yields in a millisecond, within these bounds. The lower is RFC 9002's initial window.
  static constexpr double kBurstMin = 14'720;
  static constexpr double kBurstMax = 512 * 1024;

  // Sets the rate: `window` bytes in each `round_trip`. Until the first call, and with a round trip of 0, nothing is
  // held back.
  void set_rate(TimePoint now, std::uint64_t window, Duration round_trip) noexcept {
    refill(now);
    bytes_per_ms_ =
        round_trip.count() <= 0
            ? 0
            : std::max(1.0, static_cast<double>(window) * kNanosecondsPerMs / static_cast<double>(round_trip.count()));
  }
  bool allows(TimePoint now) noexcept {
    refill(now);
    return bytes_per_ms_ == 0 || level_ > 0;
  }
  void sent(std::size_t bytes) noexcept {
    if (bytes_per_ms_ > 0) level_ -= static_cast<double>(bytes);
  }
  // When half a burst may leave. Only while allows() says no.
  TimePoint next() const noexcept {
    return time_ + Duration(static_cast<Duration::rep>((burst() / 2 - level_) * kNanosecondsPerMs / bytes_per_ms_) + 1);
  }

 private:
  static constexpr double kNanosecondsPerMs = 1e6;

  double burst() const noexcept { return std::clamp(bytes_per_ms_, kBurstMin, kBurstMax); }
  void refill(TimePoint now) noexcept {
    const double elapsed_ms = static_cast<double>((now - time_).count()) / kNanosecondsPerMs;
    level_ = std::min(level_ + elapsed_ms * bytes_per_ms_, burst());
    time_ = now;
  }

  double bytes_per_ms_ = 0;
  double level_ = kBurstMin;  // bytes that may be sent at `time_`; below zero after the last packet of a burst
  TimePoint time_{};
};

}  // namespace quantumgate::stream
