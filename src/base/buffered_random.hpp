// SPDX-License-Identifier: MIT
// A random source for many small values that are no secrets, such as salts: asks the one behind it for 32 of them at a
// time, since each question costs more than the bytes.
// Threads: one object, one thread.   Ownership: borrows the other source, which outlives it.   Memory: 768 bytes.
#pragma once

#include <algorithm>
#include <array>

#include "base/random.hpp"

namespace quantumgate {

class BufferedRandom final : public RandomSource {
 public:
  explicit BufferedRandom(RandomSource& source) : source_(source) {}

  void fill(MutableBytesView out) override {
    if (out.size() > buffer_.size()) return source_.fill(out);
    if (out.size() > buffer_.size() - used_) {
      source_.fill(buffer_);
      used_ = 0;
    }
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
    used_ += out.size();
  }

 private:
  RandomSource& source_;
  std::array<std::byte, 768> buffer_;
  std::size_t used_ = 768;
};

}  // namespace quantumgate
