// SPDX-License-Identifier: MIT
#include "bench/measurements.hpp"
#include "bench/session_memory.hpp"

namespace quantumgate::bench {
Measured idle_session_bytes() { return {session_memory().idle_bytes, std::nullopt}; }
Measured open_stream_session_bytes() { return {session_memory().open_stream_bytes, std::nullopt}; }
}  // namespace quantumgate::bench
