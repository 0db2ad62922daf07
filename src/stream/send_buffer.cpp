// SPDX-License-Identifier: MIT
#include "stream/send_buffer.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::stream {

std::size_t SendBuffer::write(BytesView bytes) {
  const std::size_t count = std::min(bytes.size(), room());
  queue_.append(bytes.first(count));
  return count;
}

std::array<BytesView, 2> SendBuffer::next() noexcept {
  if (unsent() == 0) return {};
  return queue_.peek(next_);
}

void SendBuffer::sent(std::size_t count) noexcept {
  CHECK(count <= unsent());
  queue_.advance(next_, count);
  in_flight_ += count;
}

void SendBuffer::acknowledged(std::size_t count) noexcept {
  CHECK(count <= in_flight_);
  in_flight_ -= count;
  // With nothing in flight the next byte is the front, and its block may be about to go.
  if (in_flight_ == 0) next_ = {};
  queue_.drop_front(count);
}

void SendBuffer::drop_unsent() noexcept {
  unsent_max_ = total_max_ = 0;
  queue_.drop_back(unsent());
  if (in_flight_ == 0) next_ = {};
}

}  // namespace quantumgate::stream
