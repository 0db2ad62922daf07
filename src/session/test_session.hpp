// SPDX-License-Identifier: MIT
// What tests of the session share: what a handshake leaves behind, and an allocator that notices every fault.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "handshake/established.hpp"
#include "handshake/responder.hpp"

namespace quantumgate::session {

// Gives out 1000, 1001, ..., each once; knows which are in use.
struct TestIndexes final : handshake::IndexAllocator {
  std::uint32_t allocate() override {
    used.insert(next);
    return next++;
  }
  void release(std::uint32_t index) override { EXPECT_EQ(used.erase(index), 1u) << index; }
  std::uint32_t next = 1000;
  std::set<std::uint32_t> used{100, 200};  // those of established_for_test()
};

inline handshake::Established established_for_test(bool initiator, std::uint8_t suite = 1) {
  handshake::Established e;
  e.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
  e.suite = handshake::find_suite(suite);
  std::array<std::byte, 32> one{}, two{};
  one.fill(std::byte{1});
  two.fill(std::byte{2});
  e.secrets = {Secret<32>(initiator ? one : two), Secret<32>(initiator ? two : one)};
  e.handshake_hash = Bytes(crypto::hash_size(e.suite->algorithms.hash), std::byte{3});
  e.local_index = initiator ? 100 : 200;
  e.remote_index = initiator ? 200 : 100;
  return e;
}

}  // namespace quantumgate::session
