// SPDX-License-Identifier: MIT
// Goal: hashes, HMAC and HKDF give the published results, however the input is cut into parts and on any thread.
// Method: known answers of FIPS 180-4, RFC 7693, RFC 4231 and RFC 5869; the same answers again in pieces and in
// parallel.
#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "crypto/test_hex.hpp"

namespace quantumgate::crypto {
namespace {

constexpr HashAlgorithm kAll[] = {HashAlgorithm::sha256, HashAlgorithm::sha512, HashAlgorithm::blake2s,
                                  HashAlgorithm::blake2b};

std::string hash_hex(HashAlgorithm algorithm, std::initializer_list<BytesView> parts) {
  Bytes out(hash_size(algorithm));
  hash(algorithm, parts, out);
  return to_hex(out);
}
std::string hmac_hex(HashAlgorithm algorithm, BytesView key, BytesView message) {
  Bytes out(hash_size(algorithm));
  hmac(algorithm, key, {message}, out);
  return to_hex(out);
}

// The digest of "abc".
const char* abc_digest(HashAlgorithm algorithm) {
  switch (algorithm) {
    case HashAlgorithm::sha256:
      return "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    case HashAlgorithm::sha512:
      return "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
             "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    case HashAlgorithm::blake2s:
      return "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
    case HashAlgorithm::blake2b:
      return "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
             "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923";
  }
  return "";
}

TEST(HashTest, KnownAnswers) {
  for (const HashAlgorithm a : kAll) EXPECT_EQ(hash_hex(a, {as_bytes("abc")}), abc_digest(a));
  EXPECT_EQ(hash_hex(HashAlgorithm::sha256, {}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256({as_bytes("abcdbcdecdefdefgefghfghighijhijk"), as_bytes("ijkljklmklmnlmnomnopnopq")})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(HashTest, PartsAndPiecesMakeNoDifference) {
  Bytes message(1000);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i);
  for (const HashAlgorithm a : kAll) {
    const std::string whole = hash_hex(a, {message});
    for (const std::size_t piece : {1u, 7u, 63u, 64u, 65u, 127u, 128u, 129u, 999u}) {
      Hash h(a);
      for (std::size_t at = 0; at < message.size(); at += piece) {
        h.update(BytesView(message).subspan(at, std::min(piece, message.size() - at)));
      }
      Bytes out(hash_size(a));
      h.finish(out);
      EXPECT_EQ(to_hex(out), whole) << piece;
      h.update(as_bytes("abc"));  // ready for the next message
      h.finish(out);
      EXPECT_EQ(to_hex(out), abc_digest(a));
    }
    EXPECT_EQ(hash_hex(a, {BytesView(message).first(100), {}, BytesView(message).subspan(100)}), whole);
  }
}

TEST(HashTest, OutputMayBeItsOwnInput) {
  auto digest = sha256({as_bytes("a")});
  const auto expected = sha256({digest, as_bytes("b")});
  hash(HashAlgorithm::sha256, {digest, as_bytes("b")}, digest);
  EXPECT_EQ(digest, expected);
}

TEST(HashTest, OneShotsFromManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) {
        for (const HashAlgorithm a : kAll) EXPECT_EQ(hash_hex(a, {as_bytes("abc")}), abc_digest(a));
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

TEST(HashTest, OutputOfTheWrongSizeIsOurBug) {
  Bytes out(31);
  EXPECT_DEATH(hash(HashAlgorithm::sha256, {}, out), "internal error");
  EXPECT_DEATH(hmac(HashAlgorithm::sha256, {}, {}, out), "internal error");
}

TEST(HmacTest, Rfc4231) {
  struct Case {
    Bytes key, message;
    const char *sha256, *sha512;
  };
  const Case cases[] = {
      {Bytes(20, std::byte{0x0b}), from_hex("4869205468657265"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
       "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f17"
       "02e696c203a126854"},
      {from_hex("4a656665"), from_hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4"
       "b636e070a38bce737"},
      {Bytes(131, std::byte{0xaa}),  // longer than a block: hashed first
       from_hex(
           "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b657920466972"
           "7374"),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
       "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0ae"
       "c8b915a985d786598"}};
  for (const Case& c : cases) {
    EXPECT_EQ(hmac_hex(HashAlgorithm::sha256, c.key, c.message), c.sha256);
    EXPECT_EQ(hmac_hex(HashAlgorithm::sha512, c.key, c.message), c.sha512);
  }
}

TEST(HmacTest, PartsMakeNoDifferenceAndKeysOfAllSizesDiffer) {
  for (const HashAlgorithm a : kAll) {
    Bytes out(hash_size(a));
    hmac(a, as_bytes("key"), {as_bytes("me"), {}, as_bytes("ssage")}, out);
    EXPECT_EQ(to_hex(out), hmac_hex(a, as_bytes("key"), as_bytes("message")));
    std::vector<std::string> seen;
    for (std::size_t size = 1; size <= 2 * block_size(a); ++size) {
      seen.push_back(hmac_hex(a, Bytes(size, std::byte{1}), {}));
    }
    std::ranges::sort(seen);
    EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  }
}

TEST(HkdfTest, Rfc5869) {
  struct Case {
    const char *ikm, *salt, *info;
    const char *prk, *okm;
  };
  const Case cases[] = {
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363"
       "738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
       "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969"
       "798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
       "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e"
       "7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b"
       "8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"}};
  for (const Case& c : cases) {
    Bytes prk(32);
    hkdf_extract(HashAlgorithm::sha256, from_hex(c.salt), from_hex(c.ikm), prk);
    EXPECT_EQ(to_hex(prk), c.prk);
    Bytes okm(std::string_view(c.okm).size() / 2);
    hkdf_expand(HashAlgorithm::sha256, prk, from_hex(c.info), okm);
    EXPECT_EQ(to_hex(okm), c.okm);
  }
}

TEST(HkdfTest, UpToTheLimitAndNotBeyond) {
  for (const HashAlgorithm a : kAll) {
    const Bytes prk(hash_size(a), std::byte{7});
    Bytes longest(255 * hash_size(a) + 1);
    hkdf_expand(a, prk, as_bytes("info"), MutableBytesView(longest).first(longest.size() - 1));
    Bytes shorter(33);
    hkdf_expand(a, prk, as_bytes("info"), shorter);
    EXPECT_TRUE(std::ranges::equal(shorter, BytesView(longest).first(33)));  // a prefix
    hkdf_expand(a, prk, as_bytes("info"), {});
    EXPECT_DEATH(hkdf_expand(a, prk, as_bytes("info"), longest), "internal error");
    EXPECT_DEATH(hkdf_expand(a, BytesView(prk).first(31), as_bytes("info"), shorter), "internal error");
  }
}

}  // namespace
}  // namespace quantumgate::crypto
