// SPDX-License-Identifier: MIT
// Goal: XChaCha20 gives the published stream, however the text is cut.
// Method: the example of draft-irtf-cfrg-xchacha-03, appendix A.3.2.1; then the same in pieces of every size.
#include "crypto/xchacha20.hpp"

#include <gtest/gtest.h>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

const std::string kText =
    "The dhole (pronounced \"dole\") is also known as the Asiatic wild dog, red dog, and whistling dog. It is about "
    "the "
    "size of a German shepherd but looks more like a long-legged fox. This highly elusive and skilled jumper is "
    "classified with wolves, coyotes, jackals, and foxes in the taxonomic family Canidae.";
const Bytes kStreamed = from_hex(
    "4559abba4e48c16102e8bb2c05e6947f50a786de162f9b0b7e592a9b53d0d4e98d8d6410d540a1a6375b26d80dace4fab52384c731acbf16a5"
    "923c0c48d3575d4d0d2c673b666faa731061277701093a6bf7a158a8864292a41c48e3a9b4c0daece0f8d98d0d7e05b37a307bbb66333164ec"
    "9e1b24ea0d6c3ffddcec4f68e7443056193a03c810e11344ca06d8ed8a2bfb1e8d48cfa6bc0eb4e2464b748142407c9f431aee769960e15ba8"
    "b96890466ef2457599852385c661f752ce20f9da0c09ab6b19df74e76a95967446f8d0fd415e7bee2a12a114c20eb5292ae7a349ae577820d5"
    "520a1f3fb62a17ce6a7e68fa7c79111d8860920bc048ef43fe84486ccb87c25f0ae045f0cce1e7989a9aa220a28bdd4827e751a24a6d5c62d7"
    "90a66393b93111c1a55dd7421a10184974c7c5");

XChaCha20 stream() {
  return {secret_from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
          array_from_hex<24>("404142434445464748494a4b4c4d4e4f5051525354555658")};
}

Bytes text() {
  const BytesView view = as_bytes(kText);
  return {view.begin(), view.end()};
}

TEST(XChaCha20Test, KnownAnswerAndBack) {
  Bytes bytes = text();
  stream().apply(bytes);
  EXPECT_EQ(to_hex(bytes), to_hex(kStreamed));
  stream().apply(bytes);
  EXPECT_EQ(bytes, text());
}

TEST(XChaCha20Test, PiecesOfEverySizeGiveTheSame) {
  for (std::size_t size = 1; size <= kStreamed.size(); ++size) {
    Bytes bytes = text();
    XChaCha20 cipher = stream();
    cipher.apply({});
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      cipher.apply(MutableBytesView(bytes).subspan(at, std::min(size, bytes.size() - at)));
    }
    ASSERT_EQ(bytes, kStreamed) << size;
  }
}

}  // namespace
}  // namespace quantumgate::crypto
