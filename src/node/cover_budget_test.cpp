// SPDX-License-Identifier: MIT
// Goal: what peers are granted stays within what the node gives, and none gets more than a quarter; what is given back,
// or replaced, is there again.
#include "node/cover_budget.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace quantumgate::node {
namespace {

TEST(CoverBudget, HasABoundForAllAndOneForEach) {
  CoverBudget budget(1000);
  EXPECT_FALSE(budget.grant(1, 251));
  for (std::uint64_t session = 1; session <= 4; ++session) EXPECT_TRUE(budget.grant(session, 250));
  EXPECT_FALSE(budget.grant(5, 1));
  EXPECT_TRUE(budget.grant(5, 0)) << "who asks for nothing gets it";
  EXPECT_FALSE(budget.grant(5, std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(budget.granted(), 1000u);
}

TEST(CoverBudget, ARequestTakesThePlaceOfTheOneBefore) {
  CoverBudget budget(1000);
  for (const std::uint64_t rate : {250u, 100u, 250u}) {
    EXPECT_TRUE(budget.grant(1, rate));
    EXPECT_EQ(budget.granted(), rate);
  }
  EXPECT_FALSE(budget.grant(1, 251));
  EXPECT_EQ(budget.granted(), 0u) << "who is refused gives nothing at all";
}

TEST(CoverBudget, WhatIsGivenBackIsThereForOthers) {
  CoverBudget budget(1000);
  for (std::uint64_t session = 1; session <= 4; ++session) ASSERT_TRUE(budget.grant(session, 250));
  budget.give_back(2);
  budget.give_back(2);
  budget.give_back(77);
  EXPECT_EQ(budget.granted(), 750u);
  EXPECT_TRUE(budget.grant(5, 250));
  EXPECT_FALSE(budget.grant(2, 1));
}

TEST(CoverBudget, OfNothingGivesNothing) {
  CoverBudget budget(0);
  EXPECT_FALSE(budget.grant(1, 1));
  EXPECT_TRUE(budget.grant(1, 0));
}

}  // namespace
}  // namespace quantumgate::node
