// SPDX-License-Identifier: MIT
#include "handshake/salt_filter.hpp"

#include <algorithm>
#include <utility>

#include "base/byte_order.hpp"

namespace quantumgate::handshake {

SaltFilter::SaltFilter(std::size_t salts_max, Duration lifetime, RandomSource& random)
    : salts_max_(salts_max), age_length_(lifetime / 2), key_(random.u64() | 1) {}

SaltFilter::Verdict SaltFilter::insert(TimePoint now, std::span<const std::byte, 24> salt) {
  expire(now);
  // Salts are random, so 64 bits of one identify it: a false "seen" has a chance of 2^-44 with a full table.
  std::uint64_t value = load_be<std::uint64_t>(salt.first<8>()) * key_;
  value ^= value >> 32;
  value = (value ^ load_be<std::uint64_t>(salt.subspan<8, 8>())) * key_;
  value ^= value >> 29;
  if (value == 0) value = 1;
  for (const Age& age : ages_) {
    if (age.contains(value)) return Verdict::seen;
  }
  if (full()) return Verdict::full;
  ages_[0].insert(value);
  ++size_;
  return Verdict::fresh;
}

void SaltFilter::expire(TimePoint now) {
  if (!started_) {
    started_ = true;
    age_start_ = now;
  }
  for (std::size_t i = 0; i < ages_.size() && now - age_start_ >= age_length_; ++i) {
    ages_[2] = std::exchange(ages_[1], std::exchange(ages_[0], Age{}));
    age_start_ += age_length_;
  }
  if (now - age_start_ >= age_length_) age_start_ = now;  // idle for longer than everything lived
  size_ = ages_[0].size() + ages_[1].size() + ages_[2].size();
}

std::size_t SaltFilter::memory_bytes() const noexcept {
  return ages_[0].memory_bytes() + ages_[1].memory_bytes() + ages_[2].memory_bytes();
}

bool SaltFilter::Age::contains(std::uint64_t value) const noexcept {
  if (cells_.empty()) return false;
  for (std::size_t at = value & (cells_.size() - 1); cells_[at] != 0; at = (at + 1) & (cells_.size() - 1)) {
    if (cells_[at] == value) return true;
  }
  return false;
}

void SaltFilter::Age::insert(std::uint64_t value) {
  if ((used_ + 1) * 3 > cells_.size() * 2) {
    std::vector<std::uint64_t> old =
        std::exchange(cells_, std::vector<std::uint64_t>(std::max<std::size_t>(64, cells_.size() * 2)));
    used_ = 0;
    for (const std::uint64_t kept : old) {
      if (kept != 0) insert(kept);
    }
  }
  std::size_t at = value & (cells_.size() - 1);
  while (cells_[at] != 0) at = (at + 1) & (cells_.size() - 1);
  cells_[at] = value;
  ++used_;
}

}  // namespace quantumgate::handshake
