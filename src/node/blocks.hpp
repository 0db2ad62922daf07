// SPDX-License-Identifier: MIT
// The bytes of a stream in blocks, each compressed or not, without history from one to the next.
// Spec: docs/spec/04-streams.md, sections 7 and 9.   Layer: node.
// Threads: one object, one thread.   Memory: a compressed block and its content, 64 KiB each, while one is being read.
#pragma once

#include <array>

#include "base/wiped_bytes.hpp"
#include "node/compression.hpp"
#include "stream/streams.hpp"
#include "wire/stream_header.hpp"

namespace quantumgate::node {

inline constexpr std::size_t kBlockMax = 64 << 10;  // bytes in a block, compressed and not

class BlockWriter {
 public:
  explicit BlockWriter(bool compress) noexcept : compress_(compress) {}
  // As Stream::write, in blocks.
  std::size_t write(stream::Streams& streams, stream::StreamId id, Compressor& compressor, BytesView bytes);

 private:
  bool compress_;
  CompressionGauge gauge_;
};

class BlockReader {
 public:
  BlockReader() = default;
  BlockReader(BlockReader&&) = default;
  BlockReader& operator=(BlockReader&&) = delete;
  ~BlockReader() { wipe(plain_); }
  // Reads on to the next bytes of content, as far as they have arrived. False if the stream does not follow the spec.
  [[nodiscard]] bool advance(stream::Streams& streams, stream::StreamId id, Compressor& compressor);
  // Moves content into `out`; only what the last advance() found.
  std::size_t read(stream::Streams& streams, stream::StreamId id, MutableBytesView out);
  std::size_t readable(const stream::Streams& streams, stream::StreamId id) const;
  // Whether it stands between two blocks.
  bool between() const noexcept { return head_size_ == 0 && left_ == 0 && plain_.empty(); }

 private:
  std::array<std::byte, wire::BlockHead::kSize> head_{};
  std::size_t head_size_ = 0;  // bytes of it that have arrived
  std::size_t left_ = 0;       // bytes of the block still in the stream
  bool compressed_ = false;
  WipedBytes packed_;  // a compressed block as far as it came
  Bytes plain_;        // its content, empty when all of it was read; wiped by hand, the compressor wants plain Bytes
  std::size_t plain_at_ = 0;
};

}  // namespace quantumgate::node
