// SPDX-License-Identifier: MIT
#include "sim/faults.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::sim {
namespace {

constexpr std::size_t kExtensionMax = 64;

Bytes copy(BytesView data) { return Bytes(data.begin(), data.end()); }

}  // namespace

Bytes damaged(BytesView data, SeededRandom& random) {
  enum class Damage : std::uint8_t { flip_bit, truncate, extend, redraw };
  // An empty datagram can only grow.
  const auto damage = data.empty() ? Damage::extend : static_cast<Damage>(random.below(4));
  Bytes result = copy(data);
  switch (damage) {
    case Damage::flip_bit:
      result[random.below(result.size())] ^= std::byte{1} << random.below(8);
      break;
    case Damage::truncate:
      result.resize(random.below(result.size()));
      break;
    case Damage::extend: {
      const std::size_t old_size = result.size();
      result.resize(old_size + 1 + random.below(kExtensionMax));
      random.fill(MutableBytesView(result).subspan(old_size));
      break;
    }
    case Damage::redraw:
      random.fill(result);
      if (std::equal(result.begin(), result.end(), data.begin(), data.end())) result[0] ^= std::byte{1};
      break;
  }
  return result;
}

Tap damage_every(std::uint64_t n, std::uint64_t seed) {
  CHECK(n > 0);
  return [n, random = SeededRandom(seed), count = std::uint64_t{0}](const PassingDatagram& passing) mutable {
    Verdict verdict;
    if (++count % n == 0) {
      auto& place = random.chance(500'000) ? verdict.before : verdict.after;
      place.push_back({passing.from, passing.to, damaged(passing.data, random), {}});
    }
    return verdict;
  };
}

Tap replay_every(std::uint64_t n, Duration delay) {
  CHECK(n > 0);
  return [n, delay, count = std::uint64_t{0}](const PassingDatagram& passing) mutable {
    Verdict verdict;
    if (++count % n == 0) verdict.after.push_back({passing.from, passing.to, copy(passing.data), delay});
    return verdict;
  };
}

}  // namespace quantumgate::sim
