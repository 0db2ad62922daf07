// SPDX-License-Identifier: MIT
// What a session costs in memory.
#pragma once

namespace quantumgate::bench {

struct SessionMemory {
  double idle_bytes = 0;         // of the heap, for one end of a session without a stream
  double open_stream_bytes = 0;  // with one open stream over which a little was sent
};

// Measures a hundred sessions in the simulator by what malloc has handed out, to C libraries too.
SessionMemory session_memory();

}  // namespace quantumgate::bench
