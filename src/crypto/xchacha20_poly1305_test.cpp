// SPDX-License-Identifier: MIT
// Goal: XChaCha20-Poly1305 gives the published result and opens nothing damaged.
// Method: the example of draft-irtf-cfrg-xchacha-03, appendix A.3.1; then every bit flipped.
#include "crypto/xchacha20_poly1305.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

class XChaCha20Poly1305Test : public testing::Test {
 protected:
  Secret<32> key_ = secret_from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  std::array<std::byte, 24> nonce_ = array_from_hex<24>("404142434445464748494a4b4c4d4e4f5051525354555657");
  Bytes aad_ = from_hex("50515253c0c1c2c3c4c5c6c7");
  Bytes plaintext_ = from_hex(
      "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666"
      "657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069"
      "742e");
  Bytes sealed_ = from_hex(
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216"
      "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13"
      "b52ec0875924c1c7987947deafd8780acf49");
};

TEST_F(XChaCha20Poly1305Test, KnownAnswerAndBackInPlace) {
  Bytes buffer = plaintext_;
  buffer.resize(sealed_.size());
  xchacha20_poly1305_seal(key_, nonce_, aad_, BytesView(buffer).first(plaintext_.size()), buffer);
  EXPECT_EQ(to_hex(buffer), to_hex(sealed_));
  ASSERT_TRUE(xchacha20_poly1305_open(key_, nonce_, aad_, buffer, MutableBytesView(buffer).first(plaintext_.size())));
  buffer.resize(plaintext_.size());
  EXPECT_EQ(buffer, plaintext_);
}

TEST_F(XChaCha20Poly1305Test, EmptyPlaintext) {
  Bytes tag(kXChaChaTagSize);
  xchacha20_poly1305_seal(key_, nonce_, {}, {}, tag);
  EXPECT_TRUE(xchacha20_poly1305_open(key_, nonce_, {}, tag, {}));
  EXPECT_FALSE(xchacha20_poly1305_open(key_, nonce_, aad_, tag, {}));
}

TEST_F(XChaCha20Poly1305Test, EveryFlippedBitIsRefusedAndLeavesZeros) {
  Bytes out(plaintext_.size());
  for (Bytes* bytes : {&sealed_, &aad_}) {
    for (std::size_t bit = 0; bit < 8 * bytes->size(); ++bit) {
      (*bytes)[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      std::ranges::fill(out, std::byte{0xee});
      EXPECT_FALSE(xchacha20_poly1305_open(key_, nonce_, aad_, sealed_, out)) << bit;
      EXPECT_EQ(out, Bytes(out.size()));
      (*bytes)[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    }
  }
}

TEST_F(XChaCha20Poly1305Test, ShorterThanATagIsRefused) {
  for (std::size_t size = 0; size < kXChaChaTagSize; ++size) {
    EXPECT_FALSE(xchacha20_poly1305_open(key_, nonce_, aad_, BytesView(sealed_).first(size), {})) << size;
  }
}

}  // namespace
}  // namespace quantumgate::crypto
