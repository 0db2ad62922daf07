// SPDX-License-Identifier: MIT
// Which datagram belongs to what: the indexes that this node has given out.
// Spec: docs/spec/02-handshake.md, section 2; 03-session.md, section 1.   Layer: node.
// Threads: one object, one thread.   Bound: two for each dial and half-open handshake, three for each session, and
// those given back in the last 3 s; all these have bounds.
#pragma once

#include <unordered_map>

#include "base/random.hpp"
#include "handshake/responder.hpp"

namespace quantumgate::node {

class Connection;
struct Dial;

class IndexTable final : public handshake::IndexAllocator {
 public:
  // Who takes the datagrams of an index. Neither pointer: the responder.
  struct Owner {
    Dial* dial = nullptr;
    Connection* connection = nullptr;
  };

  explicit IndexTable(RandomSource& random) : random_(random) {}

  // A random index in use nowhere else, never 0; owned by the responder until assigned.
  std::uint32_t allocate() override {
    for (;;) {
      const std::uint32_t index = random_.u32();
      if (index != 0 && owners_.try_emplace(index).second) return index;
    }
  }
  void release(std::uint32_t index) override { owners_.erase(index); }

  void assign(std::uint32_t index, Owner owner) { owners_[index] = owner; }
  const Owner* find(std::uint32_t index) const {
    const auto it = owners_.find(index);
    return it == owners_.end() ? nullptr : &it->second;
  }
  std::size_t size() const noexcept { return owners_.size(); }

 private:
  RandomSource& random_;
  std::unordered_map<std::uint32_t, Owner> owners_;  // our own random numbers as keys: nobody else can crowd a bucket
};

}  // namespace quantumgate::node
