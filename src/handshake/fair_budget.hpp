// SPDX-License-Identifier: MIT
// Limits how much of one kind of work strangers may cause, such that no part of the network can use it all up: a common
// budget for whoever comes first, and a reserved one, of which every prefix has a share of its own.
// Spec: docs/spec/02-handshake.md, section 6.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows RandomSource, which outlives it.
// Memory: nothing until the common budget is used up once, then 256 KiB: 32,768 prefixes in sets of eight. In a full
// set a new prefix takes the place of the one that has most of its share left, and goes on with what is left of it: who
// sends from ever new prefixes gains nothing.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "handshake/token_bucket.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/secret.h"

namespace quantumgate::handshake {

class FairBudget {
 public:
  struct Limits {
    std::uint64_t common_per_second;
    Duration common_burst;  // how much time's worth of it may be used at once
    std::uint64_t reserved_per_second;
    std::uint32_t share;               // events that a prefix may cause beyond the common budget
    std::chrono::milliseconds refill;  // until it may cause one more
  };

  FairBudget(const Limits& limits, RandomSource& random);

  // True if `from` may cause one more event now. A refusal costs a part of its share, too: who is refused and goes on
  // all the same is not who waits for its turn.
  bool take(TimePoint now, const Endpoint& from);
  // Less than half of the common budget is left.
  bool scarce(TimePoint now) const { return common_.half_empty(now); }
  std::size_t memory_bytes() const noexcept { return sets_.capacity() * sizeof(Set); }

 private:
  // What is kept of a prefix. When the share is all there again it is as if the prefix had never been seen, so a cell
  // needs no mark that it is free.
  struct Cell {
    std::uint32_t tag = 0;      // a keyed hash of the prefix
    std::uint32_t full_at = 0;  // ms since epoch_, modulo 2^32: when the whole share is there again
  };
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = 4096;
  struct alignas(64) Set {  // one line of the cache
    std::array<Cell, kWays> cells;
  };

  bool take_share(TimePoint now, const Endpoint& from);
  // Until the whole share is there again, in ms.
  std::uint32_t missing(const Cell& cell, std::uint32_t now_ms) const noexcept;

  TokenBucket common_;
  TokenBucket reserved_;
  std::uint32_t refill_ms_;
  std::uint32_t whole_ms_;  // an empty share is whole again after that
  RandomSource& random_;
  Secret<16> key_;
  TimePoint epoch_{};
  std::vector<Set> sets_;  // none, or kSets
};

}  // namespace quantumgate::handshake
