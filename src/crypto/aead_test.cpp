// SPDX-License-Identifier: MIT
// Goal: both AEADs give the published results, and nothing damaged is ever opened.
// Method: known answers (the GCM specification's test case 16, RFC 8439 section 2.8.2), then every bit of a small
// sealed packet and of its associated data flipped in turn; with each library that can do it. Where two can, they are
// held against each other over all sizes that a packet may have.
#include "crypto/aead.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include "crypto/header_mask.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/system_random.hpp"
#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

struct KnownAnswer {
  const char* name;
  AeadAlgorithm algorithm;
  const char *key, *nonce, *aad, *plaintext, *sealed;
};

const KnownAnswer kKnownAnswers[] = {
    {"Aes256Gcm", AeadAlgorithm::aes_256_gcm, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657b"
     "a"
     "637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0ab"
     "c"
     "c9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    {"ChaCha20Poly1305", AeadAlgorithm::chacha20_poly1305,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f66666"
     "5"
     "7220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742"
     "e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b290"
     "5"
     "d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b611"
     "6"
     "1ae10b594f09e26a7e902ecbd0600691"}};

// The libraries are chosen for the whole process: the default comes back when the scope ends.
struct WithLibrary {
  explicit WithLibrary(AeadLibrary library) { use_aead_library(library); }
  ~WithLibrary() { use_aead_library(AeadLibrary::fastest); }
};

class AeadTest : public testing::TestWithParam<std::tuple<KnownAnswer, AeadLibrary>> {
 protected:
  const KnownAnswer& answer() const { return std::get<0>(GetParam()); }
  AeadKey key() const { return AeadKey(answer().algorithm, array_from_hex<32>(answer().key)); }
  WithLibrary library_{std::get<1>(GetParam())};
  std::array<std::byte, 12> nonce_ = array_from_hex<12>(answer().nonce);
  Bytes aad_ = from_hex(answer().aad);
  Bytes plaintext_ = from_hex(answer().plaintext);
  Bytes sealed_ = from_hex(answer().sealed);
};

TEST_P(AeadTest, KnownAnswerAndBack) {
  AeadKey k = key();
  for (int repeat = 0; repeat < 3; ++repeat) {  // the context is reused, also in the other direction
    Bytes out(sealed_.size());
    k.seal(nonce_, aad_, plaintext_, out);
    EXPECT_EQ(to_hex(out), to_hex(sealed_));
    Bytes back(plaintext_.size());
    ASSERT_TRUE(k.open(nonce_, aad_, sealed_, back));
    EXPECT_EQ(to_hex(back), to_hex(plaintext_));
  }
}

TEST_P(AeadTest, WorksInPlaceAndAfterMoving) {
  AeadKey first = key();
  AeadKey k = std::move(first);
  Bytes buffer = plaintext_;
  buffer.resize(sealed_.size());
  k.seal(nonce_, aad_, BytesView(buffer).first(plaintext_.size()), buffer);
  EXPECT_EQ(buffer, sealed_);
  ASSERT_TRUE(k.open(nonce_, aad_, buffer, MutableBytesView(buffer).first(plaintext_.size())));
  buffer.resize(plaintext_.size());
  EXPECT_EQ(buffer, plaintext_);
}

TEST_P(AeadTest, EmptyPlaintextAndEmptyAad) {
  AeadKey k = key();
  for (const BytesView aad : {BytesView(aad_), BytesView()}) {
    Bytes tag(kAeadTagSize);
    k.seal(nonce_, aad, {}, tag);
    EXPECT_TRUE(k.open(nonce_, aad, tag, {}));
    tag[0] ^= std::byte{1};
    EXPECT_FALSE(k.open(nonce_, aad, tag, {}));
  }
}

TEST_P(AeadTest, EveryFlippedBitIsRefusedAndLeavesZeros) {
  AeadKey k = key();
  Bytes out(plaintext_.size());
  const auto refused = [&](BytesView aad, BytesView sealed) {
    std::ranges::fill(out, std::byte{0xee});
    const bool opened = k.open(nonce_, aad, sealed, out);
    return !opened && std::ranges::all_of(out, [](std::byte b) { return b == std::byte{0}; });
  };
  for (Bytes* bytes : {&sealed_, &aad_}) {
    for (std::size_t bit = 0; bit < 8 * bytes->size(); ++bit) {
      (*bytes)[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      EXPECT_TRUE(refused(aad_, sealed_)) << bit;
      (*bytes)[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    }
  }
  nonce_[11] ^= std::byte{1};
  EXPECT_TRUE(refused(aad_, sealed_));
  nonce_[11] ^= std::byte{1};
  EXPECT_TRUE(k.open(nonce_, aad_, sealed_, out));  // the key itself took no harm
}

TEST_P(AeadTest, ShorterThanATagIsRefused) {
  AeadKey k = key();
  for (std::size_t size = 0; size < kAeadTagSize; ++size) {
    EXPECT_FALSE(k.open(nonce_, aad_, BytesView(sealed_).first(size), {})) << size;
  }
}

TEST_P(AeadTest, OutputOfTheWrongSizeIsOurBug) {
  AeadKey k = key();
  Bytes out(plaintext_.size());
  EXPECT_DEATH(k.seal(nonce_, aad_, plaintext_, out), "internal error");
  EXPECT_DEATH(static_cast<void>(k.open(nonce_, aad_, sealed_, MutableBytesView(out).first(1))), "internal error");
}

INSTANTIATE_TEST_SUITE_P(Both, AeadTest,
                         testing::Combine(testing::ValuesIn(kKnownAnswers),
                                          testing::Values(AeadLibrary::fastest, AeadLibrary::openssl)),
                         [](const auto& test) {
                           const bool openssl = std::get<1>(test.param) == AeadLibrary::openssl;
                           return std::string(std::get<0>(test.param).name) + (openssl ? "Openssl" : "Fastest");
                         });

Bytes random_bytes(std::size_t size) {
  Bytes bytes(size);
  SystemRandom().fill(bytes);
  return bytes;
}

class AeadLibraries : public testing::Test {
 protected:
  void SetUp() override {
    if (!make_ipsec_mb_cipher(key_)) GTEST_SKIP() << "this build or processor has no ipsec-mb: OpenSSL does it all";
  }
  template <class T>
  T made_with(AeadLibrary library) const {
    const WithLibrary scope(library);
    return T(AeadAlgorithm::aes_256_gcm, key_);
  }
  const std::array<std::byte, 32> key_ = [] {
    std::array<std::byte, 32> key;
    SystemRandom().fill(key);
    return key;
  }();
};

TEST_F(AeadLibraries, AgreeOnEverySizeOfAPacket) {
  auto fastest = made_with<AeadKey>(AeadLibrary::fastest);
  auto openssl = made_with<AeadKey>(AeadLibrary::openssl);
  for (std::size_t size = 0; size <= 2048; ++size) {
    std::array<std::byte, 12> nonce;
    SystemRandom().fill(nonce);
    const Bytes aad = random_bytes(SystemRandom().below(65));
    const Bytes plaintext = random_bytes(size);
    Bytes one(size + kAeadTagSize), other(size + kAeadTagSize), back(size);
    fastest.seal(nonce, aad, plaintext, one);
    openssl.seal(nonce, aad, plaintext, other);
    ASSERT_EQ(one, other) << size;
    ASSERT_TRUE(fastest.open(nonce, aad, other, back)) << size;
    ASSERT_EQ(back, plaintext);
    ASSERT_TRUE(openssl.open(nonce, aad, one, back)) << size;
    ASSERT_EQ(back, plaintext);
    // In place, the way packets are.
    Bytes packet = plaintext;
    packet.resize(size + kAeadTagSize);
    fastest.seal(nonce, aad, BytesView(packet).first(size), packet);
    ASSERT_EQ(packet, other) << size;
    ASSERT_TRUE(fastest.open(nonce, aad, packet, MutableBytesView(packet).first(size)));
    packet.resize(size);
    ASSERT_EQ(packet, plaintext) << size;
    // One bit anywhere, and neither opens it.
    const std::size_t bit = SystemRandom().below(8 * one.size());
    one[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    ASSERT_FALSE(fastest.open(nonce, aad, one, back)) << size << " bit " << bit;
    ASSERT_EQ(back, Bytes(size));
    ASSERT_FALSE(openssl.open(nonce, aad, one, back)) << size << " bit " << bit;
  }
}

TEST_F(AeadLibraries, AgreeOnHeaderMasks) {
  auto fastest = made_with<HeaderMask>(AeadLibrary::fastest);
  auto openssl = made_with<HeaderMask>(AeadLibrary::openssl);
  for (int i = 0; i < 1000; ++i) {
    std::array<std::byte, 16> sample;
    SystemRandom().fill(sample);
    ASSERT_EQ(fastest(sample), openssl(sample));
  }
}

}  // namespace
}  // namespace quantumgate::crypto
