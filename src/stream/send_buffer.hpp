// SPDX-License-Identifier: MIT
// What was written to a stream: first waiting to be put into packets, then kept where it is until the peer has
// acknowledged it, because the engine repeats lost packets from here.
// Spec: docs/spec/04-streams.md, section 7.   Layer: stream.
// Threads: one object, one thread.   Ownership: owns the bytes.   Memory: up to the capacity, in blocks of 4 KiB.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "quantumgate/bytes.h"
#include "stream/byte_queue.hpp"

namespace quantumgate::stream {

class SendBuffer {
 public:
  explicit SendBuffer(std::size_t capacity_bytes) noexcept : capacity_(capacity_bytes) {}

  std::size_t room() const noexcept { return capacity_ - std::min(capacity_, queue_.size()); }
  std::size_t size() const noexcept { return queue_.size(); }  // not yet acknowledged
  std::size_t unsent() const noexcept { return queue_.size() - in_flight_; }

  // Takes as much as there is room for and returns how much that was.
  std::size_t write(BytesView bytes);
  // The next bytes to send; all of them if they are few, else at least one block.
  std::array<BytesView, 2> next() noexcept;
  void sent(std::size_t count) noexcept;          // count <= unsent()
  void acknowledged(std::size_t count) noexcept;  // from the front; count <= what is in flight
  // The stream is broken off: what was never sent will not be, and nothing more is taken. What is in flight stays for
  // the engine.
  void drop_unsent() noexcept;

 private:
  std::size_t capacity_;
  std::size_t in_flight_ = 0;
  ByteQueue queue_;
  ByteQueue::Position next_;
};

}  // namespace quantumgate::stream
