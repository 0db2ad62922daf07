// SPDX-License-Identifier: MIT
#include "node/cover_budget.hpp"

namespace quantumgate::node {
namespace {

constexpr std::uint64_t kShares = 4;  // so that a single peer can not take all

}  // namespace

bool CoverBudget::grant(std::uint64_t session, std::uint64_t rate) {
  give_back(session);
  if (rate > rate_max_ / kShares || rate > rate_max_ - granted_) return false;
  if (rate > 0) rates_.emplace(session, rate);
  granted_ += rate;
  return true;
}

void CoverBudget::give_back(std::uint64_t session) {
  const auto rate = rates_.extract(session);
  if (!rate.empty()) granted_ -= rate.mapped();
}

}  // namespace quantumgate::node
