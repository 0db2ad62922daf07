// SPDX-License-Identifier: MIT
// How much cover the peers of a node may make it send: so much for all, and not more than a share of it for one.
// Spec: docs/spec/03-session.md, section 10.   Layer: node.   Threads: one object, one thread.
// Memory: an entry for each session that was granted something. Bound: the sessions.
#pragma once

#include <cstdint>
#include <map>

namespace quantumgate::node {

class CoverBudget {
 public:
  // `rate_max`: for all, in bytes per second.
  explicit CoverBudget(std::uint64_t rate_max) : rate_max_(rate_max) {}

  // Whether the peer of that session gets `rate`; it takes the place of what it had. A refusal leaves it nothing.
  bool grant(std::uint64_t session, std::uint64_t rate);
  // What that session had is there for others.
  void give_back(std::uint64_t session);

  std::uint64_t granted() const noexcept { return granted_; }

 private:
  const std::uint64_t rate_max_;
  std::uint64_t granted_ = 0;
  std::map<std::uint64_t, std::uint64_t> rates_;  // by session, above 0
};

}  // namespace quantumgate::node
