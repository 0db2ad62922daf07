// SPDX-License-Identifier: MIT
// Goal: the masks are those of QUIC.
// Method: RFC 9001, appendix A.5 (ChaCha20) and FIPS 197, appendix C.3 (AES-256), each with the object reused.
#include "crypto/header_mask.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

TEST(HeaderMaskTest, KnownAnswers) {
  struct Case {
    AeadAlgorithm algorithm;
    const char *key, *sample, *mask;
  };
  for (const Case& c :
       {Case{AeadAlgorithm::chacha20_poly1305, "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
             "5e5cd55c41f69080575d7999c25a5bfb", "aefefe7d03"},
        Case{AeadAlgorithm::aes_256_gcm, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
             "00112233445566778899aabbccddeeff", "8ea2b7ca51"}}) {
    HeaderMask first(c.algorithm, array_from_hex<32>(c.key));
    HeaderMask mask = std::move(first);
    for (int repeat = 0; repeat < 3; ++repeat) {
      EXPECT_EQ(to_hex(mask(array_from_hex<16>(c.sample))), c.mask);
      EXPECT_NE(to_hex(mask(array_from_hex<16>("ffffffffffffffffffffffffffffffff"))), c.mask);
    }
  }
}

}  // namespace
}  // namespace quantumgate::crypto
