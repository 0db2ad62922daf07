// SPDX-License-Identifier: MIT
// Goal: equality is equality, at every size and position. (That it takes constant time is CRYPTO_memcmp's promise.)
#include "crypto/constant_time.hpp"

#include <gtest/gtest.h>

namespace quantumgate::crypto {
namespace {

TEST(ConstantTimeTest, Equal) {
  EXPECT_TRUE(equal({}, {}));
  for (std::size_t size = 1; size < 70; ++size) {
    const Bytes a(size, std::byte{5});
    Bytes b = a;
    EXPECT_TRUE(equal(a, b));
    EXPECT_FALSE(equal(a, BytesView(b).first(size - 1)));
    for (std::byte& byte : b) {
      byte ^= std::byte{0x80};
      EXPECT_FALSE(equal(a, b));
      byte ^= std::byte{0x80};
    }
  }
}

}  // namespace
}  // namespace quantumgate::crypto
