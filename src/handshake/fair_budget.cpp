// SPDX-License-Identifier: MIT
#include "handshake/fair_budget.hpp"

#include <algorithm>

#include "crypto/siphash.hpp"
#include "handshake/prefix.hpp"

namespace quantumgate::handshake {
FairBudget::FairBudget(const Limits& limits, RandomSource& random)
    : common_(limits.common_per_second, limits.common_burst),
      reserved_(limits.reserved_per_second),
      refill_ms_(static_cast<std::uint32_t>(limits.refill.count())),
      whole_ms_(refill_ms_ * limits.share),
      random_(random) {}

bool FairBudget::take(TimePoint now, const Endpoint& from) {
  // The share first, then the reserve: else who has no share left would use up the reserve.
  return common_.take(now) || (take_share(now, from) && reserved_.take(now));
}

bool FairBudget::take_share(TimePoint now, const Endpoint& from) {
  if (sets_.empty()) {
    random_.fill(key_.mutable_view());
    epoch_ = now;
    sets_.resize(kSets);
  }
  const auto now_ms =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now - epoch_).count());
  const std::uint64_t place = crypto::siphash(key_, prefix_of(from));
  auto& cells = sets_[place % kSets].cells;
  const auto tag = static_cast<std::uint32_t>(place >> 32);
  auto cell = std::ranges::find(cells, tag, &Cell::tag);
  if (cell == cells.end()) {
    cell = std::ranges::min_element(cells, {}, [&](const Cell& c) { return missing(c, now_ms); });
    cell->tag = tag;
  }
  const std::uint32_t missing_ms = missing(*cell, now_ms);
  if (missing_ms + refill_ms_ > whole_ms_) return false;
  cell->full_at = now_ms + missing_ms + refill_ms_;
  return true;
}

std::uint32_t FairBudget::missing(const Cell& cell, std::uint32_t now_ms) const noexcept {
  // A time that is long past looks like one in the future after 24 days; no true one is so far away.
  const std::uint32_t ahead = cell.full_at - now_ms;
  return ahead <= whole_ms_ ? ahead : 0;
}

}  // namespace quantumgate::handshake
