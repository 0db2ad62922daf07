// SPDX-License-Identifier: MIT
// zstd, and the decision whether to try it.
// Spec: docs/spec/04-streams.md, section 9.   Layer: node.   Threads: one object, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "quantumgate/bytes.h"

namespace quantumgate::node {

// One for a whole kernel. Memory: nothing before the first use, then 1 to 2 MiB of contexts.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // One zstd frame that names its content's size, if it is shorter than `plain`; else nothing. Borrowed until the next
  // call.
  BytesView compress(BytesView plain);
  // The size that `frame` claims for its content; nothing if it names none, or is no frame.
  static std::optional<std::uint64_t> content_size(BytesView frame);
  // False unless `frame` is exactly one frame that names its content's size, at most `plain_max`, and holds that.
  bool decompress(BytesView frame, std::size_t plain_max, Bytes& plain);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

// For one direction of one stream: tries the compressor on a sample, and leaves it when the data does not shrink.
class CompressionGauge {
 public:
  static constexpr std::size_t kSampleBytes = 64 << 10;
  static constexpr std::size_t kSkipBytes = 8 << 20;       // sent as it is after a sample that did not shrink
  static constexpr double kShrinkMin = 0.9;                // compressed to plain
  static constexpr std::uint64_t kFastPath = 200'000'000;  // bytes per second: about half of what level 1 compresses

  // Whether the next bytes should be compressed. `delivery_rate`: Streams::delivery_rate().
  bool worthwhile(std::uint64_t delivery_rate) const noexcept { return skip_ == 0 && delivery_rate < kFastPath; }
  // `sent` bytes went out for `plain` bytes.
  void note(std::size_t plain, std::size_t sent, bool tried) noexcept;

 private:
  std::size_t skip_ = 0;  // bytes that still go as they are
  std::size_t sampled_plain_ = 0;
  std::size_t sampled_sent_ = 0;
};

}  // namespace quantumgate::node
