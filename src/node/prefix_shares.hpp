// SPDX-License-Identifier: MIT
// How the sessions that others have begun are spread over the network, and which of them gives its place to a newcomer
// when all are taken: so no part of the network can take them all, and none is limited while there are places.
// Why so: docs/design/denial-of-service.md, section 3.   Layer: node.   Threads: one object, one thread.
// Memory: 128 bytes for each session, and as many for each prefix that has one. Bound: the sessions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "handshake/prefix.hpp"

namespace quantumgate::node {

class PrefixShares {
 public:
  using Number = std::uint64_t;  // of a session; the younger of two has the greater one

  void add(Number session, const handshake::Prefix& prefix);
  void move(Number session, const handshake::Prefix& prefix);
  void remove(Number session);

  // The session that gives way to one more from `prefix`: the youngest of the prefix that holds most. Nothing: unless
  // that prefix has at least twice as many as the newcomer's has with the newcomer, nobody gives way.
  std::optional<Number> gives_way_to(const handshake::Prefix& prefix) const;

  std::uint32_t held_by(const handshake::Prefix& prefix) const;

 private:
  void set_count(const handshake::Prefix& prefix, std::uint32_t count);

  std::map<Number, handshake::Prefix> prefixes_;
  std::set<std::pair<handshake::Prefix, Number>> sessions_;
  std::map<handshake::Prefix, std::uint32_t> counts_;  // above 0
  std::set<std::pair<std::uint32_t, handshake::Prefix>> by_count_;
};

}  // namespace quantumgate::node
