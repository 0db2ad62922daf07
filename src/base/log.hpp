// SPDX-License-Identifier: MIT
// A log sink that may be absent, and one that lets a bounded number of lines through.
#pragma once

#include <string_view>

#include "base/time.hpp"
#include "quantumgate/log.h"

namespace quantumgate {

inline void log_line(const LogSink& sink, LogLevel level, std::string_view area, std::string_view line) {
  if (sink) sink(level, area, line);
}

// At most one line per interval, however much a stranger sends. Counts what it held back.
class RateLimitedLog {
 public:
  explicit RateLimitedLog(Duration interval) : interval_(interval) {}

  // True when a line may be written now; `held_back()` then says how many were swallowed since the last one.
  bool allow(TimePoint now) {
    if (written_ && now - last_ < interval_) {
      ++swallowed_;
      return false;
    }
    written_ = true;
    last_ = now;
    held_back_ = swallowed_;
    swallowed_ = 0;
    return true;
  }
  unsigned long held_back() const { return held_back_; }

 private:
  Duration interval_;
  TimePoint last_{};
  bool written_ = false;
  unsigned long swallowed_ = 0;
  unsigned long held_back_ = 0;
};

}  // namespace quantumgate
