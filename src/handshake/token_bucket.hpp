// SPDX-License-Identifier: MIT
// Lets through a number of events per second and a burst of as many as a tenth of that.   Layer: handshake (sans-I/O).
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::handshake {

class TokenBucket {
 public:
  explicit TokenBucket(std::uint64_t per_second)
      : cost_(std::chrono::nanoseconds(std::chrono::seconds(1)) / static_cast<std::int64_t>(per_second)),
        credit_(kBurst) {}

  // True if one more event may happen now.
  bool take(TimePoint now) {
    if (started_) credit_ = std::min(kBurst, credit_ + std::max(now - last_, Duration::zero()));
    started_ = true;
    last_ = now;
    if (credit_ < cost_) return false;
    credit_ -= cost_;
    return true;
  }

 private:
  static constexpr Duration kBurst = std::chrono::milliseconds(100);
  Duration cost_;    // time that earns one token
  Duration credit_;  // time not spent yet
  TimePoint last_{};
  bool started_ = false;
};

}  // namespace quantumgate::handshake
