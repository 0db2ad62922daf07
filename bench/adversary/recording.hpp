// SPDX-License-Identifier: MIT
// Traces of two whole nodes whose datagrams pass a tap: in virtual time, or in real time on the loopback interface.
#pragma once

#include <string>
#include <vector>

#include "bench/adversary/tap.hpp"
#include "quantumgate/node.h"

namespace quantumgate::bench {

struct Recording {
  int level = 1;  // of privacy, both nodes alike
  std::uint64_t seed = 1;
  Duration warm_up_max{};  // from the beginning of the activity to that of the window; at least 2 s
  Duration window{};
};

// What the trace of that number is of. Everything but the contents of the nodes' random numbers follows from it; the
// traces of five consecutive numbers have one link.
struct Plan {
  Plan(const Recording& recording, std::uint32_t number);

  Activity activity;
  std::uint32_t group;
  Path path;
  Duration warm_up;
  bool dialler_acts;       // where only one side does
  std::uint64_t seeds[4];  // dialler, listener, tap, simulator
};

NodeOptions node_options(int level);

// One in virtual time.
Result<Trace> simulate(const Recording& recording, std::uint32_t number);
// Those of the numbers from `first` on, `count` at the same time, in real time; two threads for each, and one.
Result<std::vector<Trace>> record_loopback(const Recording& recording, std::uint32_t first, std::uint32_t count);

}  // namespace quantumgate::bench
