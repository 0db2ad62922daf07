// SPDX-License-Identifier: MIT
// Chance as an argument: cores are given a random source, so that a test can repeat a run.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "quantumgate/bytes.h"

namespace quantumgate {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableBytesView out) = 0;

  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }
  // Uniform in [0, bound), without bias. `bound` > 0.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject_under = (0 - bound) % bound;  // 2^64 mod bound
    for (;;) {
      const std::uint64_t value = u64();
      if (value >= reject_under) return value % bound;
    }
  }

 private:
  template <class T>
  T integer() {
    T value;
    fill({reinterpret_cast<std::byte*>(&value), sizeof value});
    return value;
  }
};

}  // namespace quantumgate
