// SPDX-License-Identifier: MIT
// What the fuzz targets share: a fuzzer's bytes taken piece by piece, steps that they choose, a key that the fuzzer
// knows, and a demand that ends the program.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/byte_order.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"
#include "sim/random.hpp"

namespace quantumgate::fuzz {

[[noreturn]] inline void broken(const char* demand, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, demand);
  std::abort();
}

// Gives zeros and shorter runs once the bytes are used up, so that every input means something.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) noexcept : rest_(reinterpret_cast<const std::byte*>(data), size) {}

  std::uint8_t u8() noexcept { return integer<std::uint8_t>(); }
  std::uint16_t u16() noexcept { return integer<std::uint16_t>(); }
  std::uint32_t u32() noexcept { return integer<std::uint32_t>(); }
  BytesView bytes(std::size_t size) noexcept {
    const BytesView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  BytesView rest() noexcept { return bytes(rest_.size()); }
  std::size_t left() const noexcept { return rest_.size(); }

 private:
  template <std::unsigned_integral T>
  T integer() noexcept {
    T value = 0;
    for (const std::byte b : bytes(sizeof(T))) value = static_cast<T>((value << 8) | std::to_integer<T>(b));
    return value;
  }

  BytesView rest_;
};

// Lets `world` take steps until the input is used up.
template <class World>
void run(Input& input, World& world, std::size_t steps_max = std::numeric_limits<std::size_t>::max()) {
  for (std::size_t steps = 0; input.left() > 0 && steps < steps_max; ++steps) world.step(input);
}

// The same in every run and every target.
inline const Secret<32>& some_key() {
  static const Secret<32> key = [] {
    Secret<32> made;
    sim::SeededRandom(7).fill(made.mutable_view());
    return made;
  }();
  return key;
}

inline Bytes copy(BytesView bytes) { return Bytes(bytes.begin(), bytes.end()); }

// Changes `bytes` in one to four ways that `input` chooses: a bit, a byte, a shorter end, a longer one.
inline void damage(Input& input, Bytes& bytes) {
  for (std::size_t changes = 1 + input.u8() % 4; changes > 0; --changes) {
    const std::uint8_t how = input.u8();
    const std::size_t at = bytes.empty() ? 0 : input.u16() % bytes.size();
    switch (how % 4) {
      case 0:
        if (!bytes.empty()) bytes[at] ^= static_cast<std::byte>(1u << (how / 4 % 8));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = std::byte{input.u8()};
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3: {
        const BytesView more = input.bytes(1 + how / 4);
        bytes.insert(bytes.end(), more.begin(), more.end());
        break;
      }
    }
  }
}

}  // namespace quantumgate::fuzz

// Holds in every run of the program, whatever the input; else the program ends and the fuzzer keeps the input.
#define REQUIRE(demand) ((demand) ? static_cast<void>(0) : ::quantumgate::fuzz::broken(#demand, __FILE__, __LINE__))
