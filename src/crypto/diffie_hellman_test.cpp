// SPDX-License-Identifier: MIT
// Goal: X25519 and X448 give the results of RFC 7748 and refuse what would make a shared secret that everybody knows.
// Method: the RFC's vectors, its iterated tests, and the public keys of small order.
#include "crypto/diffie_hellman.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

constexpr auto kX25519 = DhAlgorithm::x25519;
constexpr auto kX448 = DhAlgorithm::x448;

std::string shared(DhAlgorithm algorithm, std::string_view private_key, std::string_view public_key) {
  const auto secret = dh(algorithm, from_hex(private_key), from_hex(public_key));
  return secret ? to_hex(secret->view()) : "refused";
}

TEST(DiffieHellmanTest, Rfc7748) {
  EXPECT_EQ(shared(kX25519, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                   "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(shared(kX25519, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                   "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
  EXPECT_EQ(shared(kX448,
                   "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eb"
                   "a368f54b29259a4f1c600ad3",
                   "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da2583fa5429"
                   "db94ada18aa7a7fb4ef8a086"),
            "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b0779d982239"
            "61111e21766282f73dd96b6f");
  EXPECT_EQ(shared(kX448,
                   "203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c538345dd77c3e4806e25f46d3315c44e0"
                   "a5b4371282dd2c8d5be3095f",
                   "0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b165d015894e56c4d3570bee52fe205e2"
                   "8a78b91cdfbde71ce8d157db"),
            "884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7ad1b3ee3a5700df34321d62077e63633"
            "c575c1c954514e99da7c179d");
}

void expect_agreement(DhAlgorithm algorithm, std::string_view alice_private, std::string_view alice_public,
                      std::string_view bob_private, std::string_view bob_public, std::string_view secret) {
  const DhKeyPair alice = DhKeyPair::of(algorithm, SecretBytes(from_hex(alice_private)));
  const DhKeyPair bob = DhKeyPair::of(algorithm, SecretBytes(from_hex(bob_private)));
  EXPECT_EQ(to_hex(alice.public_key), alice_public);
  EXPECT_EQ(to_hex(bob.public_key), bob_public);
  EXPECT_EQ(to_hex(dh(algorithm, alice.private_key.view(), bob.public_key)->view()), secret);
  EXPECT_EQ(to_hex(dh(algorithm, bob.private_key.view(), alice.public_key)->view()), secret);
}

TEST(DiffieHellmanTest, Rfc7748Agreement) {
  expect_agreement(kX25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                   "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                   "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  expect_agreement(kX448,
                   "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
                   "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
                   "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
                   "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
                   "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"
                   "6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
                   "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
                   "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
                   "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
                   "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d");
}

// The result becomes the private key, the private key the public one, a thousand times.
std::string iterated(DhAlgorithm algorithm, int times) {
  Bytes u(dh_size(algorithm));
  u[0] = algorithm == kX25519 ? std::byte{9} : std::byte{5};
  SecretBytes k{BytesView(u)};
  for (int i = 1; i <= times; ++i) {
    auto next = dh(algorithm, k.view(), u);
    if (!next) return "refused";
    std::ranges::copy(k.view(), u.begin());
    k = std::move(*next);
  }
  return to_hex(k.view());
}

TEST(DiffieHellmanTest, Rfc7748Iterated) {
  EXPECT_EQ(iterated(kX25519, 1), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
  EXPECT_EQ(iterated(kX25519, 1000), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  EXPECT_EQ(iterated(kX448, 1),
            "3f482c8a9f19b01e6c46ee9711d9dc14fd4bf67af30765c2ae2b846a4d23a8cd0db897086239492caf350b51"
            "f833868b9bc2b3bca9cf4113");
  EXPECT_EQ(iterated(kX448, 1000),
            "aa3b4749d55b9daf1e5b00288826c467274ce3ebbdd5c17b975e09d4af6c67cf10d087202db88286e2b79fce"
            "ea3ec353ef54faa26e219f38");
}

TEST(DiffieHellmanTest, PublicKeysOfSmallOrderAreRefused) {
  for (const char* u : {"0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                        "0000000000000000000000000000000000000000000000000000000000000080"}) {
    EXPECT_EQ(shared(kX25519, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", u), "refused") << u;
    EXPECT_TRUE(dh_has_small_order(kX25519, from_hex(u))) << u;
  }
  for (const char* u : {"00000000000000000000000000000000000000000000000000000000"
                        "00000000000000000000000000000000000000000000000000000000",
                        "01000000000000000000000000000000000000000000000000000000"
                        "00000000000000000000000000000000000000000000000000000000",
                        "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                        "feffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                        "feffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                        "00000000000000000000000000000000000000000000000000000000"
                        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}) {
    EXPECT_EQ(shared(kX448,
                     "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8cdd78fbff44943eb"
                     "a368f54b29259a4f1c600ad3",
                     u),
              "refused")
        << u;
    EXPECT_TRUE(dh_has_small_order(kX448, from_hex(u))) << u;
  }
}

TEST(DiffieHellmanTest, OtherPublicKeysAreNotOfSmallOrder) {
  EXPECT_FALSE(
      dh_has_small_order(kX25519, from_hex("ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
  EXPECT_FALSE(dh_has_small_order(kX448, from_hex("fdffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                                                  "feffffffffffffffffffffffffffffffffffffffffffffffffffffff")));
  EXPECT_FALSE(dh_has_small_order(kX448, from_hex("01000000000000000000000000000000000000000000000000000000"
                                                  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff")));
  for (const DhAlgorithm algorithm : {kX25519, kX448}) {
    Bytes private_key(dh_size(algorithm), std::byte{0x5a});
    Bytes u(dh_size(algorithm));
    for (unsigned low = 2; low < 64; ++low) {
      u[0] = static_cast<std::byte>(low);
      EXPECT_FALSE(dh_has_small_order(algorithm, u));
      EXPECT_TRUE(dh(algorithm, private_key, u)) << low;
    }
  }
}

}  // namespace
}  // namespace quantumgate::crypto
