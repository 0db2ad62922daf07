// SPDX-License-Identifier: MIT
// Goal: Argon2id gives what other implementations give, and refuses costs outside its range.
// Method: answers computed with OpenSSL 3.5's Argon2id (RFC 9106's own vectors use four lanes and a key, which are not
// offered here), with small costs so that the test is quick.
#include "crypto/argon2id.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

const auto kSalt = array_from_hex<16>("000102030405060708090a0b0c0d0e0f");

std::string key_hex(std::string_view pass_phrase, Argon2Cost cost) {
  const auto key = argon2id(as_bytes(pass_phrase), kSalt, cost);
  return key ? to_hex(key->view()) : "refused";
}

TEST(Argon2idTest, KnownAnswers) {
  EXPECT_EQ(key_hex("", {.passes = 1, .memory_kib = 8}),
            "31ed41e2d73f27fdfe4eb4bec651341e58ba43477051c6fe4adad735d82ee08a");
  EXPECT_EQ(key_hex("correct horse battery staple", {.passes = 3, .memory_kib = 64}),
            "bc240e180a205bd2e782cdc64983f247e76aeb8fb2133aec1570b70cccd68bff");
  EXPECT_EQ(key_hex(std::string(300, 'x'), {.passes = 2, .memory_kib = 1024}),
            "8c6e7fe08caf3cc4136cbd0673f70e59192e11ee9cd7f136072e2d815c506716");
}

TEST(Argon2idTest, EveryArgumentCounts) {
  const std::string key = key_hex("pass", {.passes = 2, .memory_kib = 16});
  EXPECT_NE(key, key_hex("Pass", {.passes = 2, .memory_kib = 16}));
  EXPECT_NE(key, key_hex("pass", {.passes = 3, .memory_kib = 16}));
  EXPECT_NE(key, key_hex("pass", {.passes = 2, .memory_kib = 17}));
}

TEST(Argon2idTest, CostsOutsideTheRangeAreRefused) {
  for (const Argon2Cost cost : {Argon2Cost{0, 64}, Argon2Cost{17, 64}, Argon2Cost{1, 7}, Argon2Cost{1, 0},
                                Argon2Cost{1, 4 * 1024 * 1024 + 1}, Argon2Cost{1, 0xffffffff}}) {
    EXPECT_EQ(key_hex("pass", cost), "refused") << cost.passes << " " << cost.memory_kib;
  }
}

}  // namespace
}  // namespace quantumgate::crypto
