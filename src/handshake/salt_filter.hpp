// SPDX-License-Identifier: MIT
// Remembers the salts of authentic first datagrams, so that a recorded one is not answered again.
// Spec: docs/spec/02-handshake.md, section 5, step 5.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Memory: grows with use to at most 24 MiB (2^20 salts of 8 bytes, tables at most
// two thirds full, three ages), back to nothing when idle.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"

namespace quantumgate::handshake {

class SaltFilter {
 public:
  // `salts_max`: bound of the salts remembered; `lifetime`: how long each is remembered at least.
  SaltFilter(std::size_t salts_max, Duration lifetime, RandomSource& random);

  enum class Verdict : std::uint8_t { fresh, seen, full };
  // Remembers `salt` and says whether it was there before. `full`: it was not, and can not be remembered.
  Verdict insert(TimePoint now, std::span<const std::byte, 24> salt);
  bool full() const noexcept { return size_ >= salts_max_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t memory_bytes() const noexcept;

 private:
  // A set of 64-bit values by open addressing; 0 marks a free cell.
  class Age {
   public:
    bool contains(std::uint64_t value) const noexcept;
    void insert(std::uint64_t value);
    std::size_t size() const noexcept { return used_; }
    std::size_t memory_bytes() const noexcept { return cells_.capacity() * sizeof(std::uint64_t); }

   private:
    std::vector<std::uint64_t> cells_;
    std::size_t used_ = 0;
  };

  void expire(TimePoint now);

  std::size_t salts_max_;
  Duration age_length_;
  std::uint64_t key_;        // keeps strangers from choosing salts that crowd one place of the table
  std::array<Age, 3> ages_;  // [0] is filled now; an age is dropped when it is third, so a salt lives 2 to 3 ages
  TimePoint age_start_{};
  bool started_ = false;
  std::size_t size_ = 0;
};

}  // namespace quantumgate::handshake
