// SPDX-License-Identifier: MIT
#include "node/prefix_shares.hpp"

#include <iterator>
#include <limits>

#include "base/check.hpp"

namespace quantumgate::node {
namespace {

constexpr std::uint32_t kTimesMore = 2;

}  // namespace

void PrefixShares::add(Number session, const handshake::Prefix& prefix) {
  CHECK(prefixes_.emplace(session, prefix).second);
  sessions_.emplace(prefix, session);
  set_count(prefix, held_by(prefix) + 1);
}

void PrefixShares::move(Number session, const handshake::Prefix& prefix) {
  remove(session);
  add(session, prefix);
}

void PrefixShares::remove(Number session) {
  const auto kept = prefixes_.extract(session);
  CHECK(!kept.empty());
  sessions_.erase({kept.mapped(), session});
  set_count(kept.mapped(), held_by(kept.mapped()) - 1);
}

std::optional<PrefixShares::Number> PrefixShares::gives_way_to(const handshake::Prefix& prefix) const {
  if (by_count_.empty()) return std::nullopt;
  const auto& [count, largest] = *by_count_.rbegin();
  if (count < kTimesMore * (held_by(prefix) + 1)) return std::nullopt;
  const auto after = sessions_.upper_bound({largest, std::numeric_limits<Number>::max()});
  return std::prev(after)->second;
}

std::uint32_t PrefixShares::held_by(const handshake::Prefix& prefix) const {
  const auto found = counts_.find(prefix);
  return found == counts_.end() ? 0 : found->second;
}

void PrefixShares::set_count(const handshake::Prefix& prefix, std::uint32_t count) {
  std::uint32_t& kept = counts_[prefix];
  if (kept > 0) by_count_.erase({kept, prefix});
  kept = count;
  if (count > 0) {
    by_count_.emplace(count, prefix);
  } else {
    counts_.erase(prefix);
  }
}

}  // namespace quantumgate::node
