// SPDX-License-Identifier: MIT
// Goal: no byte of the source is given out twice.   Method: a source that counts.
#include "base/buffered_random.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace quantumgate {
namespace {

struct Counting final : RandomSource {
  void fill(MutableBytesView out) override {
    ++asked;
    for (std::byte& byte : out) byte = static_cast<std::byte>(next++ % 251);
  }
  int asked = 0;
  std::uint64_t next = 0;
};

TEST(BufferedRandomTest, GivesEachByteOnceAndAsksSeldom) {
  Counting source;
  BufferedRandom random(source);
  std::vector<std::byte> all;
  for (int i = 0; i < 64; ++i) {
    std::array<std::byte, 24> value;
    random.fill(value);
    all.insert(all.end(), value.begin(), value.end());
  }
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<std::byte>(i % 251)) << i;
  EXPECT_EQ(source.asked, 2);
  std::vector<std::byte> large(1000);
  random.fill(large);
  EXPECT_EQ(large.front(), static_cast<std::byte>(2 * 768 % 251));
}

}  // namespace
}  // namespace quantumgate
