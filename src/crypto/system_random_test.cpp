// SPDX-License-Identifier: MIT
// Goal: the whole buffer is filled, and never twice alike.
// Method: each byte of a buffer must change within 64 fills (fails by chance once in 2^500 runs).
#include "crypto/system_random.hpp"

#include <gtest/gtest.h>

namespace quantumgate::crypto {
namespace {

TEST(SystemRandomTest, FillsEveryByte) {
  SystemRandom random;
  random.fill({});
  Bytes first(100);
  random.fill(first);
  std::vector<bool> changed(first.size());
  for (int i = 0; i < 64; ++i) {
    Bytes next(first.size());
    random.fill(next);
    EXPECT_NE(next, first);
    for (std::size_t at = 0; at < next.size(); ++at) changed[at] = changed[at] || next[at] != first[at];
  }
  for (std::size_t at = 0; at < changed.size(); ++at) EXPECT_TRUE(changed[at]) << at;
}

TEST(SystemRandomTest, BelowStaysBelow) {
  SystemRandom random;
  for (int i = 0; i < 1000; ++i) EXPECT_LT(random.below(3), 3u);
  EXPECT_EQ(random.below(1), 0u);
}

}  // namespace
}  // namespace quantumgate::crypto
