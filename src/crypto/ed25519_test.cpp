// SPDX-License-Identifier: MIT
// Goal: Ed25519 gives the results of RFC 8032 and verifies nothing else.
// Method: the RFC's tests 1 to 3; then every bit of a signature, a message and a key flipped, and S made too large.
#include "crypto/ed25519.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

TEST(Ed25519Test, Rfc8032) {
  struct Case {
    const char *seed, *public_key, *message, *signature;
  };
  const Case cases[] = {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
                         "46bd25bf5f0595bbe2465"
                         "5141438e7a100b"},
                        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
                         "d8c387b2eaeb4302aeeb0"
                         "0d291612bb0c00"},
                        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
                         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
                         "6594a7c15e9716ed28dc0"
                         "27beceea1ec40a"}};
  for (const Case& c : cases) {
    const Secret<32> seed = secret_from_hex(c.seed);
    EXPECT_EQ(to_hex(ed25519_public_key(seed)), c.public_key);
    EXPECT_EQ(to_hex(ed25519_sign(seed, from_hex(c.message))), c.signature);
    EXPECT_TRUE(ed25519_verify(array_from_hex<32>(c.public_key), from_hex(c.message), array_from_hex<64>(c.signature)));
  }
}

TEST(Ed25519Test, EveryFlippedBitIsRefused) {
  const Secret<32> seed = secret_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  auto key = ed25519_public_key(seed);
  Bytes message = from_hex("00010203040506070809");
  auto signature = ed25519_sign(seed, message);
  ASSERT_TRUE(ed25519_verify(key, message, signature));
  for (const MutableBytesView part : {MutableBytesView(key), MutableBytesView(message), MutableBytesView(signature)}) {
    for (std::size_t bit = 0; bit < 8 * part.size(); ++bit) {
      part[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      EXPECT_FALSE(ed25519_verify(key, message, signature)) << bit;
      part[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    }
  }
  EXPECT_FALSE(ed25519_verify(key, BytesView(message).first(9), signature));
}

TEST(Ed25519Test, OneSignatureHasOneForm) {
  // S + L satisfies the same equation; RFC 8032, 5.1.7 demands S < L.
  const Secret<32> seed = secret_from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  auto signature = ed25519_sign(seed, as_bytes("x"));
  const auto order = array_from_hex<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += std::to_integer<unsigned>(signature[32 + i]) + std::to_integer<unsigned>(order[i]);
    signature[32 + i] = static_cast<std::byte>(carry);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519_verify(ed25519_public_key(seed), as_bytes("x"), signature));
}

TEST(Ed25519Test, BytesThatAreNoPointAreRefused) {
  const auto no_point = array_from_hex<32>("0200000000000000000000000000000000000000000000000000000000000000");
  const auto all_ones = array_from_hex<32>("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
  const std::array<std::byte, 64> signature{};
  EXPECT_FALSE(ed25519_verify(no_point, as_bytes("x"), signature));
  EXPECT_FALSE(ed25519_verify(all_ones, as_bytes("x"), signature));
}

}  // namespace
}  // namespace quantumgate::crypto
