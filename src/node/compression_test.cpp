// SPDX-License-Identifier: MIT
// Goal: compression gives back what was put in, costs no more memory than it is allowed, whatever a peer sends, and is
// left when it does not pay.
// Method: round trips; frames made and damaged by hand; the gauge fed with ratios.
#include "node/compression.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <string>

namespace quantumgate::node {
namespace {

Bytes bytes_of(std::string_view text) {
  const BytesView view = as_bytes(text);
  return {view.begin(), view.end()};
}

Bytes noise(std::size_t size) {
  Bytes bytes(size);
  std::uint64_t state = 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

TEST(CompressorTest, RoundTrips) {
  Compressor compressor;
  for (const std::size_t size : {30u, 128u, 4096u, 65536u, 1000000u}) {
    const Bytes plain(size, std::byte{'a'});
    const BytesView packed = compressor.compress(plain);
    ASSERT_FALSE(packed.empty()) << size;
    EXPECT_LT(packed.size(), plain.size());
    Bytes out;
    const Bytes frame(packed.begin(), packed.end());
    ASSERT_TRUE(compressor.decompress(frame, size, out));
    EXPECT_EQ(out, plain);
  }
}

TEST(CompressorTest, WhatDoesNotShrinkIsNotCompressed) {
  Compressor compressor;
  EXPECT_TRUE(compressor.compress({}).empty());
  EXPECT_TRUE(compressor.compress(bytes_of("x")).empty());
  EXPECT_TRUE(compressor.compress(noise(10'000)).empty());
}

TEST(CompressorTest, ABombIsRefusedBeforeItCostsMemory) {
  Compressor compressor;
  const Bytes plain(1 << 20);
  const BytesView packed = compressor.compress(plain);
  const Bytes frame(packed.begin(), packed.end());
  ASSERT_LT(frame.size(), 200u);
  Bytes out;
  EXPECT_FALSE(compressor.decompress(frame, plain.size() - 1, out)) << "one byte over";
  EXPECT_EQ(out.capacity(), 0u);
  EXPECT_TRUE(compressor.decompress(frame, plain.size(), out));
}

TEST(CompressorTest, OnlyOneFrameThatNamesItsSize) {
  Compressor compressor;
  const Bytes plain(5000, std::byte{7});
  const BytesView packed = compressor.compress(plain);
  const Bytes frame(packed.begin(), packed.end());
  Bytes out;

  Bytes two = frame;
  two.insert(two.end(), frame.begin(), frame.end());
  EXPECT_FALSE(compressor.decompress(two, 1 << 20, out)) << "a second frame behind the first";
  Bytes longer = frame;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(compressor.decompress(longer, 1 << 20, out));
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(compressor.decompress(BytesView(frame).first(size), 1 << 20, out)) << "cut to " << size;
  }
  EXPECT_FALSE(compressor.decompress(noise(100), 1 << 20, out));

  // A frame that keeps its size to itself, as streaming compressors write it.
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes unnamed(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compress2(context, unnamed.data(), unnamed.size(), plain.data(), plain.size());
  ZSTD_freeCCtx(context);
  ASSERT_FALSE(ZSTD_isError(size));
  unnamed.resize(size);
  EXPECT_FALSE(compressor.decompress(unnamed, 1 << 20, out));
}

TEST(CompressorTest, DamageIsNoticedOrHarmless) {
  Compressor compressor;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "line " + std::to_string(i) + "\n";
  const BytesView packed = compressor.compress(bytes_of(text));
  const Bytes frame(packed.begin(), packed.end());
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = frame;
      damaged[at] ^= static_cast<std::byte>(1 << bit);
      Bytes out;
      if (compressor.decompress(damaged, 10'000, out)) {
        EXPECT_LE(out.size(), 10'000u);
      }
    }
  }
}

TEST(CompressionGaugeTest, LeavesWhatDoesNotShrinkAndComesBack) {
  CompressionGauge gauge;
  EXPECT_TRUE(gauge.worthwhile(0));
  EXPECT_FALSE(gauge.worthwhile(CompressionGauge::kFastPath)) << "the path is faster than the compressor";
  gauge.note(32 << 10, 31 << 10, true);
  EXPECT_TRUE(gauge.worthwhile(0)) << "half a sample";
  gauge.note(32 << 10, 31 << 10, true);
  EXPECT_FALSE(gauge.worthwhile(0));
  gauge.note(CompressionGauge::kSkipBytes - 1, CompressionGauge::kSkipBytes - 1, false);
  EXPECT_FALSE(gauge.worthwhile(0));
  gauge.note(1, 1, false);
  EXPECT_TRUE(gauge.worthwhile(0)) << "another sample";
  gauge.note(64 << 10, 50 << 10, true);
  EXPECT_TRUE(gauge.worthwhile(0)) << "this one shrank";
}

}  // namespace
}  // namespace quantumgate::node
