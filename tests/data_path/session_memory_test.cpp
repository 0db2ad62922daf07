// SPDX-License-Identifier: MIT
// Goal: a node can hold thousands of sessions: one that idles costs at most 8 KiB, one with a stream 112 KiB.
// Method: a hundred sessions in the simulator; what malloc and the memory for keys have handed out, before and after.
#include <gtest/gtest.h>

#include "bench/session_memory.hpp"

namespace quantumgate {
namespace {

TEST(SessionMemoryTest, IdleAndWithAStream) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has its own malloc";
#endif
  const auto memory = bench::session_memory();
  RecordProperty("idle_bytes", std::to_string(memory.idle_bytes));
  RecordProperty("open_stream_bytes", std::to_string(memory.open_stream_bytes));
  EXPECT_GT(memory.idle_bytes, 1024) << "not measured at all";
  EXPECT_LE(memory.idle_bytes, 8 * 1024);
  EXPECT_GT(memory.open_stream_bytes, memory.idle_bytes);
  EXPECT_LE(memory.open_stream_bytes, 112 * 1024);
}

}  // namespace
}  // namespace quantumgate
