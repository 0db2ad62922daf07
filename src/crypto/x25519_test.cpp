// SPDX-License-Identifier: MIT
// Goal: X25519 gives the results of RFC 7748 and refuses what would make a shared secret that everybody knows.
// Method: the RFC's vectors, its iterated test, and the public keys of small order.
#include "crypto/x25519.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

std::string shared(std::string_view private_key, std::string_view public_key) {
  const auto secret = x25519(secret_from_hex(private_key), array_from_hex<32>(public_key));
  return secret ? to_hex(secret->view()) : "refused";
}

TEST(X25519Test, Rfc7748) {
  EXPECT_EQ(shared("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(shared("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                   "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(X25519Test, Rfc7748DiffieHellman) {
  const Secret<32> alice = secret_from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const Secret<32> bob = secret_from_hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  EXPECT_EQ(to_hex(x25519_public_key(alice)), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(x25519_public_key(bob)), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const char* const secret = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(to_hex(x25519(alice, x25519_public_key(bob))->view()), secret);
  EXPECT_EQ(to_hex(x25519(bob, x25519_public_key(alice))->view()), secret);
}

TEST(X25519Test, Rfc7748Iterated) {
  Secret<32> k = secret_from_hex("0900000000000000000000000000000000000000000000000000000000000000");
  std::array<std::byte, 32> u = array_from_hex<32>("0900000000000000000000000000000000000000000000000000000000000000");
  for (int i = 1; i <= 1000; ++i) {
    auto next = x25519(k, u);
    ASSERT_TRUE(next);
    std::ranges::copy(k.view(), u.begin());
    k = std::move(*next);
    if (i == 1) {
      EXPECT_EQ(to_hex(k.view()), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(k.view()), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519Test, PublicKeysOfSmallOrderAreRefused) {
  for (const char* u : {"0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                        "0000000000000000000000000000000000000000000000000000000000000080"}) {
    EXPECT_EQ(shared("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", u), "refused") << u;
    EXPECT_TRUE(x25519_has_small_order(array_from_hex<32>(u))) << u;
  }
}

TEST(X25519Test, OtherPublicKeysAreNotOfSmallOrder) {
  std::array<std::byte, 32> u = array_from_hex<32>("ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
  EXPECT_FALSE(x25519_has_small_order(u));
  u = {};
  for (unsigned low = 2; low < 256; ++low) {
    u[0] = static_cast<std::byte>(low);
    EXPECT_FALSE(x25519_has_small_order(u));
    EXPECT_NE(shared("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", to_hex(u)), "refused");
  }
}

}  // namespace
}  // namespace quantumgate::crypto
