// SPDX-License-Identifier: MIT
// Goal: datagrams cross a byte stream whole, however it is cut; rubbish ends it and costs no memory; and what travels
// neither shows a length nor meets the published censor rule.
#include "wire/tcp_framing.hpp"

#include <gtest/gtest.h>

#include "sim/random.hpp"
#include "wire/test_censor_rule.hpp"

namespace quantumgate::wire {
namespace {

Secret<32> key_of(std::uint64_t seed) {
  Secret<32> key;
  sim::SeededRandom(seed).fill(key.mutable_view());
  return key;
}

std::vector<Bytes> some_datagrams(std::uint64_t seed) {
  sim::SeededRandom random(seed);
  std::vector<Bytes> datagrams;
  for (const std::size_t size : {1, 2, 704, 1232, 24, 2047, 2048, 3}) random.fill(datagrams.emplace_back(size));
  return datagrams;
}

Bytes written(const std::vector<Bytes>& datagrams, const Secret<32>& key, RandomSource& random) {
  TcpFrameWriter writer(key, random);
  Bytes out;
  for (const Bytes& datagram : datagrams) writer.append(datagram, out);
  return out;
}

std::vector<Bytes> read_in_pieces(Bytes stream, std::size_t size, const Secret<32>& key) {
  TcpFrameReader reader(key);
  std::vector<Bytes> got;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    std::vector<MutableBytesView> datagrams;
    reader.read(MutableBytesView(stream).subspan(at, std::min(size, stream.size() - at)), datagrams);
    for (const auto& datagram : datagrams) got.emplace_back(datagram.begin(), datagram.end());
    EXPECT_LE(reader.kept(), kTcpLengthSize + kTcpDatagramMax);
    EXPECT_FALSE(reader.broken());
  }
  EXPECT_EQ(reader.kept(), 0u);
  return got;
}

TEST(TcpFramingTest, DatagramsCrossHoweverTheStreamIsCut) {
  sim::SeededRandom random(1);
  const auto datagrams = some_datagrams(2);
  const Bytes stream = written(datagrams, key_of(3), random);
  for (const std::size_t size : {1, 2, 3, 23, 24, 25, 26, 27, 100, 706, 1500, 4000, 100'000}) {
    EXPECT_EQ(read_in_pieces(stream, size, key_of(3)), datagrams) << size;
  }
}

TEST(TcpFramingTest, TheWireIsWhatTheSpecSays) {
  sim::SeededRandom random(1);
  const Secret<32> key = key_of(3);
  const Bytes datagram(5, std::byte{0xaa});
  Bytes stream = written({datagram, datagram}, key, random);
  ASSERT_EQ(stream.size(), 24u + 2 * (2 + 5));
  crypto::XChaCha20 cipher(key, BytesView(stream).first<24>());
  const auto masked = MutableBytesView(stream).subspan(24);
  cipher.apply(masked);
  const Bytes frame{std::byte{0},    std::byte{5},    std::byte{0xaa}, std::byte{0xaa},
                    std::byte{0xaa}, std::byte{0xaa}, std::byte{0xaa}};
  EXPECT_TRUE(std::ranges::equal(masked.first(7), frame));
  EXPECT_TRUE(std::ranges::equal(masked.subspan(7), frame));
}

TEST(TcpFramingTest, ALengthOutOfRangeEndsIt) {
  for (const unsigned length : {0u, 2049u, 65535u}) {
    sim::SeededRandom random(1);
    const Secret<32> key = key_of(3);
    const Bytes datagram(100, std::byte{1});
    Bytes stream = written({datagram, datagram}, key, random);
    // The difference to the true length passes through the keystream as it is.
    const std::size_t second = 24 + 2 + 100;
    stream[second] ^= static_cast<std::byte>((length ^ 100) >> 8);
    stream[second + 1] ^= static_cast<std::byte>(length ^ 100);
    TcpFrameReader reader(key);
    std::vector<MutableBytesView> datagrams;
    reader.read(stream, datagrams);
    EXPECT_EQ(datagrams.size(), 1u);
    EXPECT_TRUE(reader.broken());
    Bytes more = written(some_datagrams(1), key, random);
    reader.read(more, datagrams);
    EXPECT_EQ(datagrams.size(), 1u) << "the rest is swallowed";
    EXPECT_EQ(reader.kept(), 0u);
  }
}

TEST(TcpFramingTest, AnotherKeyReadsNothing) {
  sim::SeededRandom random(1);
  Bytes stream = written(some_datagrams(2), key_of(3), random);
  TcpFrameReader reader(key_of(4));
  std::vector<MutableBytesView> datagrams;
  reader.read(stream, datagrams);
  for (const auto& datagram : datagrams) {
    for (const Bytes& sent : some_datagrams(2)) EXPECT_FALSE(std::ranges::equal(datagram, sent) && sent.size() > 3);
  }
}

TEST(TcpFramingTest, TwoConnectionsHaveNothingInCommon) {
  sim::SeededRandom random(1);
  const auto datagrams = some_datagrams(2);
  const Bytes one = written(datagrams, key_of(3), random);
  const Bytes two = written(datagrams, key_of(3), random);
  std::size_t equal = 0;
  for (std::size_t i = 0; i < one.size(); ++i) equal += one[i] == two[i];
  EXPECT_LT(equal, one.size() / 100) << "one in 256, and a few more among the printable ones";
}

// Method: the first payload of 20,000 connections, in the shortest and the longest form that a write may give it; and
// as a control the same bytes without the salt, which the rule is made for.
TEST(TcpFramingTest, TheCensorRuleBlocksNone) {
  sim::SeededRandom random(1);
  const Secret<32> key = key_of(3);
  std::size_t hits = 0, hits_without = 0;
  constexpr std::size_t kConnections = 20'000;
  for (std::size_t i = 0; i < kConnections; ++i) {
    Bytes datagram(24 + random.below(1209));
    random.fill(datagram);
    const Bytes stream = written({datagram, datagram}, key, random);
    hits += censor_rule_blocks(stream) || censor_rule_blocks(BytesView(stream).first(24)) ||
            censor_rule_blocks(BytesView(stream).first(24 + 2 + datagram.size()));
    hits_without += censor_rule_blocks(BytesView(stream).subspan(24));
  }
  EXPECT_EQ(hits, 0u);
  EXPECT_GT(hits_without, kConnections * 9 / 10) << "the rule finds what it was made for";
}

}  // namespace
}  // namespace quantumgate::wire
