// SPDX-License-Identifier: MIT
// Reads fields from bytes that a stranger may have written: every read is checked against what is left.
// Layer: wire.   Ownership: borrows the bytes.
#pragma once

#include <concepts>
#include <optional>

#include "base/byte_order.hpp"
#include "quantumgate/bytes.h"

namespace quantumgate::wire {

// After a failed read nothing more can be read, so that a decoder may check once at its end.
class Reader {
 public:
  explicit Reader(BytesView bytes) noexcept : rest_(bytes) {}

  template <std::unsigned_integral T>
  T integer() noexcept {
    const BytesView bytes = take(sizeof(T));
    return failed_ ? T{0} : load_be<T>(bytes.first<sizeof(T)>());
  }
  // The next `size` bytes, borrowed; empty when fewer are left.
  BytesView take(std::size_t size) noexcept {
    if (size > rest_.size()) failed_ = true;
    if (failed_) return {};
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  BytesView take_rest() noexcept { return take(rest_.size()); }
  void fail() noexcept { failed_ = true; }

  bool failed() const noexcept { return failed_; }
  bool at_end() const noexcept { return !failed_ && rest_.empty(); }  // everything was read, and nothing failed
  std::size_t left() const noexcept { return failed_ ? 0 : rest_.size(); }

 private:
  BytesView rest_;
  bool failed_ = false;
};

}  // namespace quantumgate::wire
