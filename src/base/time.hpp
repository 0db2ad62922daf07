// SPDX-License-Identifier: MIT
// Points in time as arguments: cores are told the time, they never ask for it.
#pragma once

#include <chrono>
#include <cstdint>

namespace quantumgate {

// Monotonic time with an arbitrary start. Not a clock: it has no now(); platform/ and sim/ supply it.
struct MonotonicTime {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTime>;
  static constexpr bool is_steady = true;
};
using TimePoint = MonotonicTime::time_point;
using Duration = MonotonicTime::duration;

// Seconds since 1970-01-01 UTC.
using UnixTime = std::chrono::duration<std::int64_t>;

}  // namespace quantumgate
