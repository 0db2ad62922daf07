// SPDX-License-Identifier: MIT
// Repeatable chance for simulations: xoshiro256** (Blackman, Vigna 2018), seeded by SplitMix64.
// NOT FOR PRODUCTION: whoever sees a few outputs knows all others. Real nodes use crypto::SystemRandom.
// Layer: sim.   Threads: one object, one thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/random.hpp"
#include "base/time.hpp"

namespace quantumgate::sim {

class SeededRandom final : public RandomSource {
 public:
  // Generators with one seed and different stream numbers are independent of each other.
  explicit SeededRandom(std::uint64_t seed, std::uint64_t stream = 0) noexcept {
    std::uint64_t mixer = split_mix(seed) ^ (stream * 0xd1342543de82ef95);
    for (auto& word : state_) {
      mixer += 0x9e3779b97f4a7c15;
      word = split_mix(mixer);
    }
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // True `per_million` times in a million, to within 2^-32. Takes nothing from the sequence where the answer is
  // certain.
  bool chance(std::uint32_t per_million) noexcept {
    if (per_million == 0) return false;
    if (per_million >= 1'000'000) return true;
    return ((next() >> 32) * 1'000'000) >> 32 < per_million;
  }

  // Uniform in [0, limit].
  Duration up_to(Duration limit) {
    if (limit <= Duration::zero()) return Duration::zero();
    return Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>(limit.count()) + 1)));
  }

  void fill(MutableBytesView out) override {
    while (!out.empty()) {
      const std::uint64_t word = next();
      const std::size_t size = std::min(out.size(), sizeof word);
      std::memcpy(out.data(), &word, size);
      out = out.subspan(size);
    }
  }

 private:
  static std::uint64_t split_mix(std::uint64_t z) noexcept {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::array<std::uint64_t, 4> state_;
};

}  // namespace quantumgate::sim
