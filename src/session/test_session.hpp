// SPDX-License-Identifier: MIT
// What tests of the session share: an allocator that notices every fault.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "handshake/responder.hpp"
#include "session/test_established.hpp"

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

}  // namespace quantumgate::session
