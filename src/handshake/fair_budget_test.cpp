// SPDX-License-Identifier: MIT
// Goal: whoever is loud, and from however many prefixes, an event of a quiet prefix passes; nothing is kept beyond the
// bound.   Method: floods in virtual time.
#include "handshake/fair_budget.hpp"

#include <gtest/gtest.h>

#include "base/byte_order.hpp"
#include "crypto/system_random.hpp"

namespace quantumgate::handshake {
namespace {

using namespace std::chrono_literals;

// The n-th prefix of IPv4, and an address in it.
Endpoint in_prefix(std::uint32_t n, std::uint8_t host = 1) {
  return Endpoint::v4(static_cast<std::uint8_t>(1 + (n >> 16)), static_cast<std::uint8_t>(n >> 8),
                      static_cast<std::uint8_t>(n), host, 5000);
}

struct FairBudgetTest : ::testing::Test {
  // Common: 1,000 a second, 100 at once. Reserved: 500 a second. A prefix: 4, and one more each second.
  static constexpr FairBudget::Limits kLimits{1000, 100ms, 500, 4, 1000ms};
  crypto::SystemRandom random;
  FairBudget budget{kLimits, random};
  TimePoint now{1h};

  int take(int times, const Endpoint& from) {
    int taken = 0;
    for (int i = 0; i < times; ++i) taken += budget.take(now, from);
    return taken;
  }
};

TEST_F(FairBudgetTest, ALoudPrefixUsesUpTheCommonPartAndItsOwnShare) {
  const Endpoint loud = in_prefix(1), quiet = in_prefix(2);
  EXPECT_EQ(take(10'000, loud), 100 + 4);
  EXPECT_EQ(take(10, in_prefix(1, 77)), 0) << "its neighbour";
  EXPECT_EQ(take(1, quiet), 1);
  for (int ms = 0; ms < 10'000; ms += 5, now += 5ms) {
    take(1000, loud);
    ASSERT_TRUE(ms % 1000 != 0 || take(1, quiet) == 1) << ms;
  }
  take(1000, loud);
  EXPECT_EQ(take(10, quiet), 3) << "as many as it spends come back";
  now += 1s;
  EXPECT_FALSE(budget.scarce(now));
  take(51, quiet);
  EXPECT_TRUE(budget.scarce(now));
}

TEST_F(FairBudgetTest, WhoIsRefusedAndGoesOnLosesItsShare) {
  // So many prefixes that the reserve is used up: all are alike at first, later only those that wait get something.
  for (std::uint32_t n = 0; n < 1000; ++n) take(10, in_prefix(n));
  now += 100ms;
  int waited = 0;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    EXPECT_LE(take(10, in_prefix(n)), 100) << "of the common part";
  }
  for (std::uint32_t n = 5000; n < 5050; ++n, now += 2ms) waited += take(1, in_prefix(n));
  EXPECT_EQ(waited, 50);
}

TEST_F(FairBudgetTest, APrefixIs24BitsOfIPv4Or48OfIPv6) {
  take(200, in_prefix(9));
  const auto v6 = [](std::uint8_t in_48, std::uint8_t behind) {
    Endpoint endpoint;
    endpoint.ip[0] = std::byte{0x20};
    endpoint.ip[5] = std::byte{in_48};
    endpoint.ip[6] = std::byte{behind};
    return endpoint;
  };
  EXPECT_EQ(take(5, v6(1, 1)), 4);
  EXPECT_EQ(take(5, v6(1, 2)), 0);
  EXPECT_EQ(take(5, v6(2, 1)), 4);
}

TEST_F(FairBudgetTest, EverNewPrefixesGainNothing) {
  // A reserve without end, so that the shares alone set the limit: 32,768 cells of 4 events each.
  FairBudget shares{{1, 1s, 1'000'000'000, 4, 1000ms}, random};
  EXPECT_EQ(shares.memory_bytes(), 0u);
  std::uint64_t taken = 0;
  for (std::uint32_t n = 0; n < 1'000'000; ++n) taken += shares.take(now, in_prefix(n));
  EXPECT_LE(taken, 1 + 4 * 32'768u);
  EXPECT_GE(taken, 2 * 32'768u);
  EXPECT_EQ(shares.memory_bytes(), 256u * 1024);
  now += 4s;
  EXPECT_TRUE(shares.take(now, in_prefix(2'000'000)));
}

TEST_F(FairBudgetTest, ForgetsNothingAndDeniesNothingWhenItsClockRunsOver) {
  take(200, in_prefix(1));
  for (const Duration later : {24h * 24, 24h * 25, 24h * 49, 24h * 50, 24h * 100}) {
    now = TimePoint(1h) + later;
    take(100, in_prefix(2));
    EXPECT_EQ(take(10, in_prefix(1)), 4);
  }
}

}  // namespace
}  // namespace quantumgate::handshake
