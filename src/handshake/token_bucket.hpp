// SPDX-License-Identifier: MIT
// Lets through a number of events per second, and so many at once as fall into `burst`.   Layer: handshake (sans-I/O).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::handshake {

class TokenBucket {
 public:
  explicit TokenBucket(std::uint64_t per_second, Duration burst = std::chrono::milliseconds(100))
      : cost_(std::chrono::nanoseconds(std::chrono::seconds(1)) / static_cast<std::int64_t>(per_second)),
        burst_(burst),
        credit_(burst) {}

  // True if one more event may happen now.
  bool take(TimePoint now) {
    credit_ = credit(now);
    started_ = true;
    last_ = now;
    if (credit_ < cost_) return false;
    credit_ -= cost_;
    return true;
  }
  bool half_empty(TimePoint now) const { return 2 * credit(now) < burst_; }

 private:
  Duration credit(TimePoint now) const {
    return started_ ? std::min(burst_, credit_ + std::max(now - last_, Duration::zero())) : burst_;
  }

  Duration cost_;    // time that earns one token
  Duration burst_;   // what a full bucket holds
  Duration credit_;  // time not spent yet
  TimePoint last_{};
  bool started_ = false;
};

}  // namespace quantumgate::handshake
