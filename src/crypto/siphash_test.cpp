// SPDX-License-Identifier: MIT
// Goal: the function is SipHash-2-4.   Method: the example of its paper, appendix A (its number is little endian).
#include "crypto/siphash.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

TEST(SipHashTest, KnownAnswer) {
  const Secret<16> key(array_from_hex<16>("000102030405060708090a0b0c0d0e0f"));
  EXPECT_EQ(siphash(key, array_from_hex<15>("000102030405060708090a0b0c0d0e")), 0xe545be4961ca29a1u);
}

}  // namespace
}  // namespace quantumgate::crypto
