// SPDX-License-Identifier: MIT
// Goal: who holds by far the most gives way, with the youngest session; who holds little never does; and the books
// agree with the sessions after any course of events.
#include "node/prefix_shares.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace quantumgate::node {
namespace {

using handshake::Prefix;

Prefix prefix(int number) {
  return handshake::prefix_of(
      Endpoint::v4(10, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number), 1, 5000));
}

// So many places, all taken or not, and who comes and goes.
struct Places {
  explicit Places(std::size_t count) : size(count) {}

  // A newcomer; false if it was refused.
  bool come(const Prefix& from) {
    if (taken.size() == size) {
      const auto evicted = shares.gives_way_to(from);
      if (!evicted) return false;
      ++evictions;
      go(*evicted);
    }
    taken.emplace_back(next, from);
    shares.add(next++, from);
    return true;
  }
  void go(PrefixShares::Number session) {
    const auto found = std::ranges::find(taken, session, &std::pair<PrefixShares::Number, Prefix>::first);
    shares.remove(session);
    taken.erase(found);
  }
  int come(int times, const Prefix& from) {
    int admitted = 0;
    for (int i = 0; i < times; ++i) admitted += come(from);
    return admitted;
  }
  bool has(PrefixShares::Number session) const { return std::ranges::count(taken, session, &Taken::first) == 1; }

  using Taken = std::pair<PrefixShares::Number, Prefix>;
  std::size_t size;
  PrefixShares shares;
  std::vector<Taken> taken;  // in the order of age
  PrefixShares::Number next = 0;
  int evictions = 0;
};

TEST(PrefixShares, WithNobodyThereNobodyGivesWay) {
  const PrefixShares shares;
  EXPECT_FALSE(shares.gives_way_to(prefix(1)));
  EXPECT_EQ(shares.held_by(prefix(1)), 0u);
}

TEST(PrefixShares, TheYoungestOfThePrefixWithMostGivesWay) {
  PrefixShares shares;
  shares.add(1, prefix(1));
  shares.add(2, prefix(2));
  shares.add(3, prefix(2));
  shares.add(4, prefix(3));
  EXPECT_EQ(shares.gives_way_to(prefix(4)), 3u);
  shares.remove(3);
  EXPECT_FALSE(shares.gives_way_to(prefix(4))) << "who has one place is safe";
  shares.add(5, prefix(1));
  EXPECT_EQ(shares.gives_way_to(prefix(4)), 5u);
  // A session that moves is as old as before.
  shares.add(9, prefix(1));
  shares.move(4, prefix(1));
  EXPECT_EQ(shares.held_by(prefix(3)), 0u);
  EXPECT_EQ(shares.held_by(prefix(1)), 4u);
  EXPECT_EQ(shares.gives_way_to(prefix(4)), 9u);
}

TEST(PrefixShares, OneMoreGetsInOnlyWhileItsPrefixHasNoMoreThanHalf) {
  PrefixShares shares;
  PrefixShares::Number next = 0;
  for (int i = 0; i < 10; ++i) shares.add(next++, prefix(1));
  for (const bool gets_in : {true, true, true, true, true, false}) {
    EXPECT_EQ(shares.gives_way_to(prefix(2)).has_value(), gets_in) << shares.held_by(prefix(2));
    shares.add(next++, prefix(2));
  }
  EXPECT_FALSE(shares.gives_way_to(prefix(1))) << "who holds most";
  EXPECT_TRUE(shares.gives_way_to(prefix(3)));
}

TEST(PrefixShares, OneNetworkTakesAllPlacesAndGivesThemBackOneByOne) {
  Places places(1000);
  places.come(prefix(100));
  EXPECT_EQ(places.come(2000, prefix(1)), 999);
  for (int n = 2; n < 52; ++n) ASSERT_EQ(places.come(2, prefix(n)), 2);
  EXPECT_EQ(places.evictions, 100);
  EXPECT_EQ(places.shares.held_by(prefix(1)), 899u);
  EXPECT_TRUE(places.has(0)) << "somebody else's";
  EXPECT_TRUE(places.has(1)) << "the eldest of the large one";
  EXPECT_EQ(places.come(100, prefix(1)), 0);
}

// Everybody tries again and again. There is an end to it, and all have half of what the largest has, or all they want.
TEST(PrefixShares, ComesToRestInFairShares) {
  Places places(1000);
  const auto wanted = [](int n) { return n < 5 ? 1000 : n < 10 ? 30 : 1; };
  for (int round = 0; round < 1000; ++round) {
    for (int n = 0; n < 100; ++n) {
      if (static_cast<int>(places.shares.held_by(prefix(n))) < wanted(n)) places.come(prefix(n));
    }
    if (round == 998) places.evictions = 0;
  }
  EXPECT_EQ(places.evictions, 0) << "in the last round";
  EXPECT_EQ(places.taken.size(), 1000u);
  for (int n = 5; n < 100; ++n) EXPECT_EQ(static_cast<int>(places.shares.held_by(prefix(n))), wanted(n)) << n;
  for (int n = 0; n < 5; ++n) EXPECT_GE(places.shares.held_by(prefix(n)), 100u) << n;
}

TEST(PrefixShares, AgreeWithTheSessionsWhateverHappens) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) { return random() % n; };
  Places places(200);
  for (int step = 0; step < 20'000; ++step) {
    // Small numbers are more frequent.
    const Prefix from = prefix(static_cast<int>(below(1 + below(50))));
    std::uint32_t most = 0;
    std::map<Prefix, std::uint32_t> counts;
    for (const auto& [session, at] : places.taken) most = std::max(most, ++counts[at]);
    const auto evicted = places.shares.gives_way_to(from);
    ASSERT_EQ(evicted.has_value(), most >= 2 * (counts[from] + 1));
    if (evicted) {
      const auto found = std::ranges::find(places.taken, *evicted, &Places::Taken::first);
      ASSERT_NE(found, places.taken.end());
      ASSERT_EQ(counts[found->second], most);
      ASSERT_TRUE(std::none_of(found + 1, places.taken.end(), [&](const auto& t) { return t.second == found->second; }))
          << "a younger one of the same prefix";
    }
    for (const auto& [at, count] : counts) ASSERT_EQ(places.shares.held_by(at), count);
    if (below(4) == 0 && !places.taken.empty()) {
      places.go(places.taken[below(places.taken.size())].first);
    } else {
      places.come(from);
    }
  }
  EXPECT_GT(places.evictions, 100);
}

}  // namespace
}  // namespace quantumgate::node
