// SPDX-License-Identifier: MIT
// Processor time of the calling thread: what a computation costs, however many others want the processor meanwhile.
#pragma once

#include <ctime>

namespace quantumgate::bench {

inline double own_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace quantumgate::bench
