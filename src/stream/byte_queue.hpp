// SPDX-License-Identifier: MIT
// Bytes in the order they came, in blocks that never move: what a stream has received and not yet handed out, and the
// store below SendBuffer. The peer's credit bounds the first, a capacity the second.
// Spec: none.   Layer: stream.
// Threads: one object, one thread.   Ownership: owns the bytes.   Memory: nothing when empty, else whole blocks of 4
// KiB; up to 4 MiB of them stay with the thread, for the next queue.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "quantumgate/bytes.h"

namespace quantumgate::stream {

struct Block;

class ByteQueue {
 public:
  // A place in the queue; the default one is the front. Stays valid until the byte behind it is dropped.
  struct Position {
    const Block* block = nullptr;
    std::size_t offset = 0;
  };

  ByteQueue() noexcept;
  ~ByteQueue();
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void append(BytesView bytes);
  // Moves up to out.size() bytes from the front.
  std::size_t read(MutableBytesView out) noexcept;
  void drop_front(std::size_t count) noexcept;  // count <= size()
  // Removes the last bytes. Positions among them become invalid.
  void drop_back(std::size_t count) noexcept;  // count <= size()
  void clear() noexcept;

  // The bytes from `position` on, as far as two blocks hold them. Moves `position` off the end of a block.
  std::array<BytesView, 2> peek(Position& position) const noexcept;
  void advance(Position& position, std::size_t count) const noexcept;

 private:
  void drop_head() noexcept;
  std::size_t end_of(const Block& block) const noexcept;

  std::unique_ptr<Block> head_;
  Block* tail_ = nullptr;
  std::size_t begin_ = 0;  // first byte in head_
  std::size_t end_ = 0;    // behind the last byte in tail_
  std::size_t size_ = 0;
};

}  // namespace quantumgate::stream
