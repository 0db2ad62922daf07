// SPDX-License-Identifier: MIT
// Goal: ML-KEM computes what FIPS 203 says, refuses malformed keys, and rejects damaged ciphertexts without saying so.
// Method: known answers of other implementations, round trips over many seeds, and damage in every region of keys and
// ciphertexts. Each test runs for both parameter sets, with the library's choice and with our own code (which are the
// same unless OpenSSL has ML-KEM). tests/constant_time checks what can not be seen here.
#include "crypto/ml_kem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>

#include "crypto/ml_kem_native.hpp"
#include "crypto/openssl.hpp"
#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

using P = MlKemParameters;

struct Implementation {
  const char* name;
  Bytes (*encapsulation_key)(P, const Secret<kMlKemSeedSize>&);
  SecretBytes (*decapsulation_key)(P, const Secret<kMlKemSeedSize>&);
  std::optional<Secret<32>> (*encapsulate)(P, BytesView, const Secret<32>&, MutableBytesView);
  std::optional<Secret<32>> (*decapsulate)(P, BytesView, BytesView);
};
void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }
constexpr Implementation kChosen{"Chosen", ml_kem_encapsulation_key, ml_kem_decapsulation_key, ml_kem_encapsulate,
                                 ml_kem_decapsulate};
constexpr Implementation kNative{"Native", native::ml_kem_encapsulation_key, native::ml_kem_decapsulation_key,
                                 native::ml_kem_encapsulate, native::ml_kem_decapsulate};

// A SHAKE function as a stream of test input or as a digest of test output.
class Shake {
 public:
  explicit Shake(const EVP_MD* function) { EVP_DigestInit_ex(context_.get(), function, nullptr); }
  void absorb(BytesView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  Bytes squeeze(std::size_t size) {
    Bytes out(size);
    EVP_DigestFinalXOF(context_.get(), reinterpret_cast<unsigned char*>(out.data()), out.size());
    return out;
  }

 private:
  EvpMdCtx context_{EVP_MD_CTX_new()};
};

std::string sha256_hex(BytesView bytes) {
  Bytes digest(32);
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
             nullptr);
  return to_hex(digest);
}

template <std::size_t N>
Secret<N> secret(BytesView bytes) {
  return Secret<N>(bytes.first<N>());
}

// The seed and message that `number` stands for.
template <std::size_t N>
Secret<N> numbered(std::uint8_t number) {
  Shake shake(EVP_shake128());
  shake.absorb(std::array{static_cast<std::byte>(number), static_cast<std::byte>(N)});
  return secret<N>(shake.squeeze(N));
}

class MlKemTest : public testing::TestWithParam<std::tuple<P, Implementation>> {
 protected:
  P p() const { return std::get<0>(GetParam()); }
  std::size_t k() const { return p() == P::ml_kem_768 ? 3 : 4; }
  MlKemSizes sizes() const { return ml_kem_sizes(p()); }
  const Implementation& kem() const { return std::get<1>(GetParam()); }

  // A key pair and a ciphertext for it, for the tests that do damage.
  void SetUp() override {
    ek = kem().encapsulation_key(p(), numbered<64>(0));
    const SecretBytes secret_key = kem().decapsulation_key(p(), numbered<64>(0));
    dk.assign(secret_key.view().begin(), secret_key.view().end());
    ciphertext.resize(sizes().ciphertext);
    shared = bytes(kem().encapsulate(p(), ek, numbered<32>(0), ciphertext));
  }
  static Bytes bytes(const std::optional<Secret<32>>& secret_or_nothing) {
    if (!secret_or_nothing) return {};
    return {secret_or_nothing->view().begin(), secret_or_nothing->view().end()};
  }
  Bytes decapsulate(BytesView key, BytesView c) const { return bytes(kem().decapsulate(p(), key, c)); }
  // J(z ‖ c), what a rejected ciphertext must give.
  Bytes rejection(BytesView key, BytesView c) const {
    Shake shake(EVP_shake256());
    shake.absorb(key.last(32));
    shake.absorb(c);
    return shake.squeeze(32);
  }

  Bytes ek, dk, ciphertext, shared;
};

INSTANTIATE_TEST_SUITE_P(Sets, MlKemTest,
                         testing::Combine(testing::Values(P::ml_kem_768, P::ml_kem_1024),
                                          testing::Values(kChosen, kNative)),
                         [](const auto& instance) {
                           return std::string(std::get<0>(instance.param) == P::ml_kem_768 ? "768" : "1024") +
                                  std::get<1>(instance.param).name;
                         });

// The procedure of TestAccumulated in Go's crypto/mlkem: one SHAKE128 stream gives seed, message and a random
// ciphertext for each of 100 rounds; a second one digests encapsulation key, ciphertext, shared secret and rejection
// secret. The value for 768 is Go's; for 1024, PQClean, kyber-py, CIRCL and Go's crypto/mlkem agree on it.
TEST_P(MlKemTest, AgreesWithOtherImplementationsOver100Seeds) {
  constexpr std::size_t kRounds = 100;
  const std::size_t round_size = 64 + 32 + sizes().ciphertext;
  const Bytes stream = Shake(EVP_shake128()).squeeze(kRounds * round_size);
  Shake digest(EVP_shake128());
  for (std::size_t i = 0; i < kRounds; ++i) {
    const BytesView input = BytesView(stream).subspan(i * round_size, round_size);
    const auto seed = secret<64>(input);
    const Bytes public_key = kem().encapsulation_key(p(), seed);
    const SecretBytes private_key = kem().decapsulation_key(p(), seed);
    Bytes c(sizes().ciphertext);
    const auto sent = kem().encapsulate(p(), public_key, secret<32>(input.subspan(64)), c);
    ASSERT_TRUE(sent);
    EXPECT_EQ(decapsulate(private_key.view(), c), bytes(sent));
    const BytesView random_ciphertext = input.subspan(96);
    const Bytes rejected = decapsulate(private_key.view(), random_ciphertext);
    EXPECT_EQ(rejected, rejection(private_key.view(), random_ciphertext));
    digest.absorb(public_key);
    digest.absorb(c);
    digest.absorb(sent->view());
    digest.absorb(rejected);
  }
  EXPECT_EQ(to_hex(digest.squeeze(32)), p() == P::ml_kem_768
                                            ? "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"
                                            : "800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00");
}

// From Wycheproof's testvectors_v1, long outputs as SHA-256: mlkem_768_keygen_seed_test.json case 1,
// mlkem_768_encaps_test.json case 14 (both from the seeds of the official round 3 test vectors), and
// mlkem_768_test.json case 164, whose matrix needs 585 bytes of SHAKE128 for one element where 504 mostly suffice.
class MlKem768Test : public testing::TestWithParam<Implementation> {};
INSTANTIATE_TEST_SUITE_P(Implementations, MlKem768Test, testing::Values(kChosen, kNative),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(MlKem768Test, AgreesWithWycheproof) {
  constexpr P kSet = P::ml_kem_768;
  const auto seed =
      secret<64>(from_hex("7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d"
                          "8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f"));
  const Bytes public_key = GetParam().encapsulation_key(kSet, seed);
  EXPECT_EQ(sha256_hex(public_key), "86adbca81f4fee893e2fb58fb98aa2fe188f501fed268d7f4056f8c05c4e53c4");
  EXPECT_EQ(sha256_hex(GetParam().decapsulation_key(kSet, seed).view()),
            "8757e8aee5e441aee07a43af40467d32f80aee5c51aae4ebd2bdb844c038aac7");

  const auto m = secret<32>(from_hex("147c03f7a5bebba406c8fae1874d7f13c80efe79a3a9a874cc09fe76f6997615"));
  Bytes c(ml_kem_sizes(kSet).ciphertext);
  const auto shared = GetParam().encapsulate(kSet, public_key, m, c);
  ASSERT_TRUE(shared);
  EXPECT_EQ(to_hex(shared->view()), "e7184a0975ee3470878d2d159ec83129c8aec253d4ee17b4810311d198cd0368");
  EXPECT_EQ(sha256_hex(c), "36829a2f35cbf4deb62c0a12a15c22dae9f8d2c252566fc24f88abe805cb575e");

  Bytes unlucky = from_hex("0df627a3ac");
  unlucky.resize(64);
  EXPECT_EQ(sha256_hex(GetParam().encapsulation_key(kSet, secret<64>(unlucky))),
            "d9a1bce72c6fccc83c42dbe65e6b522930f495aa7e9d513e3790b0aa8b1ff65f");
}

TEST_P(MlKemTest, HasTheSizesOfTheStandard) {
  EXPECT_EQ(ek.size(), sizes().encapsulation_key);
  EXPECT_EQ(dk.size(), sizes().decapsulation_key);
  EXPECT_EQ(shared.size(), 32U);
  EXPECT_EQ(ek.size(), 384 * k() + 32);
  EXPECT_EQ(dk.size(), 768 * k() + 96);
}

TEST_P(MlKemTest, KeepsTheEncapsulationKeyAndTheSeedInsideTheDecapsulationKey) {
  EXPECT_TRUE(std::ranges::equal(BytesView(dk).subspan(384 * k(), ek.size()), ek));
  EXPECT_TRUE(std::ranges::equal(BytesView(dk).last(32), numbered<64>(0).view().last<32>()));
}

TEST_P(MlKemTest, RoundTripsForManySeeds) {
  for (std::uint8_t number = 1; number < 200; ++number) {
    const Bytes public_key = kem().encapsulation_key(p(), numbered<64>(number));
    const SecretBytes private_key = kem().decapsulation_key(p(), numbered<64>(number));
    Bytes c(sizes().ciphertext);
    const auto sent = kem().encapsulate(p(), public_key, numbered<32>(number), c);
    ASSERT_TRUE(sent);
    EXPECT_EQ(decapsulate(private_key.view(), c), bytes(sent)) << "seed " << int{number};
  }
}

// One flipped bit anywhere must lead to J(z ‖ c), not to the shared secret and not to an error.
TEST_P(MlKemTest, RejectsDamagedCiphertextsImplicitly) {
  for (std::size_t i = 0; i < ciphertext.size(); i += 7) {
    Bytes damaged = ciphertext;
    damaged[i] ^= std::byte{1} << (i % 8);
    EXPECT_EQ(decapsulate(dk, damaged), rejection(dk, damaged)) << "byte " << i;
  }
  Bytes damaged = ciphertext;
  damaged.back() ^= std::byte{0x80};
  EXPECT_EQ(decapsulate(dk, damaged), rejection(dk, damaged));
  const Bytes zeros(ciphertext.size());
  EXPECT_EQ(decapsulate(dk, zeros), rejection(dk, zeros));
}

TEST_P(MlKemTest, RefusesWrongSizes) {
  for (const std::size_t size : {std::size_t{0}, ek.size() - 1, ek.size() + 1, dk.size()}) {
    Bytes key = ek;
    key.resize(size);
    EXPECT_FALSE(kem().encapsulate(p(), key, numbered<32>(0), ciphertext)) << size;
  }
  for (const std::size_t size : {std::size_t{0}, dk.size() - 1, dk.size() + 1, ek.size()}) {
    Bytes key = dk;
    key.resize(size);
    EXPECT_FALSE(kem().decapsulate(p(), key, ciphertext)) << size;
  }
  for (const std::size_t size : {std::size_t{0}, ciphertext.size() - 1, ciphertext.size() + 1}) {
    Bytes c = ciphertext;
    c.resize(size);
    EXPECT_FALSE(kem().decapsulate(p(), dk, c)) << size;
  }
  const P other = p() == P::ml_kem_768 ? P::ml_kem_1024 : P::ml_kem_768;
  EXPECT_FALSE(kem().decapsulate(other, dk, ciphertext));
}

// Section 7.2: coefficients of q and more are refused wherever they stand, q - 1 is not.
TEST_P(MlKemTest, RefusesKeysThatAreNotReduced) {
  const auto with_coefficient = [this](std::size_t position, unsigned value) {
    Bytes key = ek;
    std::byte* at = &key[position / 2 * 3];
    if (position % 2 == 0) {
      at[0] = static_cast<std::byte>(value);
      at[1] = (at[1] & std::byte{0xf0}) | static_cast<std::byte>(value >> 8);
    } else {
      at[1] = (at[1] & std::byte{0x0f}) | static_cast<std::byte>(value << 4);
      at[2] = static_cast<std::byte>(value >> 4);
    }
    return key;
  };
  Bytes c(sizes().ciphertext);
  for (std::size_t position = 0; position < 256 * k(); position += 15) {
    for (const unsigned value : {3329U, 3330U, 4095U}) {
      EXPECT_FALSE(kem().encapsulate(p(), with_coefficient(position, value), numbered<32>(0), c)) << position;
    }
    EXPECT_TRUE(kem().encapsulate(p(), with_coefficient(position, 3328), numbered<32>(0), c)) << position;
  }
  EXPECT_FALSE(kem().encapsulate(p(), with_coefficient(256 * k() - 1, 3329), numbered<32>(0), c));
}

// A flipped bit of the encapsulation key changes the secret, or the key is refused; the honest holder then gets another
// one, silently.
TEST_P(MlKemTest, DamagedEncapsulationKeysAgreeOnNothing) {
  for (std::size_t i = 0; i < ek.size(); i += 31) {
    Bytes damaged = ek;
    damaged[i] ^= std::byte{0x10};
    Bytes c(sizes().ciphertext);
    const Bytes sent = bytes(kem().encapsulate(p(), damaged, numbered<32>(0), c));
    if (sent.empty()) continue;
    EXPECT_NE(sent, shared) << "byte " << i;
    EXPECT_EQ(decapsulate(dk, c), rejection(dk, c)) << "byte " << i;
  }
}

// Regions of a decapsulation key: secret vector, encapsulation key, its hash, z (section 7.3 checks the middle two).
TEST_P(MlKemTest, HandlesDamageInEveryRegionOfADecapsulationKey) {
  const std::size_t vector_end = 384 * k(), key_end = vector_end + ek.size(), hash_end = key_end + 32;
  for (std::size_t i = 0; i < dk.size(); i += 13) {
    Bytes damaged = dk;
    damaged[i] ^= std::byte{0x08};
    const Bytes received = decapsulate(damaged, ciphertext);
    if (i < vector_end) {
      EXPECT_EQ(received.size(), 32U) << "byte " << i;
    } else if (i < hash_end) {
      EXPECT_TRUE(received.empty()) << "byte " << i;
    } else {
      EXPECT_EQ(received, shared) << "byte " << i;  // z matters only to rejected ciphertexts
      Bytes bad = ciphertext;
      bad[0] ^= std::byte{1};
      EXPECT_EQ(decapsulate(damaged, bad), rejection(damaged, bad)) << "byte " << i;
      EXPECT_NE(decapsulate(damaged, bad), decapsulate(dk, bad)) << "byte " << i;
    }
  }
  Bytes wiped = dk;
  std::fill_n(wiped.begin(), vector_end, std::byte{0});
  EXPECT_EQ(decapsulate(wiped, ciphertext), rejection(wiped, ciphertext));
}

// ByteDecode reduces modulo q (algorithm 6): a decapsulation key with coefficients of c + q works like one with c.
TEST_P(MlKemTest, ReadsUnreducedSecretVectorsModuloQ) {
  Bytes unreduced = dk;
  std::size_t changed = 0;
  for (std::size_t i = 0; i < 384 * k(); i += 3) {
    const auto value = std::to_integer<unsigned>(unreduced[i]) | (std::to_integer<unsigned>(unreduced[i + 1]) & 15)
                                                                     << 8;
    if (value + 3329 > 4095) continue;
    unreduced[i] = static_cast<std::byte>(value + 3329);
    unreduced[i + 1] = (unreduced[i + 1] & std::byte{0xf0}) | static_cast<std::byte>((value + 3329) >> 8);
    ++changed;
  }
  ASSERT_GT(changed, 0U);
  const Bytes received = decapsulate(unreduced, ciphertext);
  // OpenSSL may refuse such a key instead; nobody makes them.
  EXPECT_THAT(received, testing::AnyOf(shared, Bytes()));
  if (kem().decapsulate == kNative.decapsulate) {
    EXPECT_EQ(received, shared);
  }
}

// What is chosen and our own code must be interchangeable.
TEST_P(MlKemTest, ImplementationsAgree) {
  EXPECT_EQ(native::ml_kem_encapsulation_key(p(), numbered<64>(0)), ek);
  Bytes c(sizes().ciphertext);
  EXPECT_EQ(bytes(native::ml_kem_encapsulate(p(), ek, numbered<32>(0), c)), shared);
  EXPECT_EQ(c, ciphertext);
  EXPECT_EQ(bytes(native::ml_kem_decapsulate(p(), dk, c)), shared);
}

}  // namespace
}  // namespace quantumgate::crypto
