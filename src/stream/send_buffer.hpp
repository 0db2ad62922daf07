// SPDX-License-Identifier: MIT
// What was written to a stream: first waiting to be put into packets, then kept where it is until the peer has
// acknowledged it, because the engine repeats lost packets from here.
// Spec: docs/spec/04-streams.md, section 7.   Layer: stream.
// Threads: one object, one thread.   Ownership: owns the bytes.   Memory: up to `total_max`, in blocks of 4 KiB.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "quantumgate/bytes.h"
#include "stream/byte_queue.hpp"

namespace quantumgate::stream {

class SendBuffer {
 public:
  // Takes bytes as long as at most `unsent_max` wait to be sent and there are at most `total_max` in all. So what is in
  // flight on a long fast path takes no room from what comes next.
  SendBuffer(std::size_t unsent_max, std::size_t total_max) noexcept : unsent_max_(unsent_max), total_max_(total_max) {}

  std::size_t room() const noexcept {
    return std::min(unsent_max_ - std::min(unsent_max_, unsent()), total_max_ - std::min(total_max_, queue_.size()));
  }
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
  std::size_t unsent_max_;
  std::size_t total_max_;
  std::size_t in_flight_ = 0;
  ByteQueue queue_;
  ByteQueue::Position next_;
};

}  // namespace quantumgate::stream
