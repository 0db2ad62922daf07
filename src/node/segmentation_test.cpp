// SPDX-License-Identifier: MIT
// Goal: runs are what the system can cut; a verdict needs proof both ways: segments that do not arrive, and the same
// path carrying datagrams sent one by one.
#include "node/segmentation.hpp"

#include <gtest/gtest.h>

#include <array>

namespace quantumgate::node {
namespace {

using namespace std::chrono_literals;

TEST(SegmentedRun, HoldsWhatTheSystemCanCut) {
  const std::array<std::byte, 2000> bytes{};
  const Endpoint a = Endpoint::v4(10, 0, 0, 1, 1), b = Endpoint::v4(10, 0, 0, 1, 2);
  const auto of = [&](const Endpoint& to, std::size_t size, bool alone = false) {
    return OutgoingDatagram{to, BytesView(bytes).first(size), alone};
  };
  const auto run = [](std::vector<OutgoingDatagram> batch) { return segmented_run(batch); };
  EXPECT_EQ(run({of(a, 9)}), 1u);
  EXPECT_EQ(run({of(a, 9), of(a, 9), of(b, 9)}), 2u);
  EXPECT_EQ(run({of(a, 9), of(a, 5), of(a, 5)}), 2u) << "a shorter one is the last";
  EXPECT_EQ(run({of(a, 9), of(a, 10)}), 1u);
  EXPECT_EQ(run({of(a, 9), of(a, 0)}), 1u);
  EXPECT_EQ(run({of(a, 0), of(a, 0)}), 1u);
  EXPECT_EQ(run({of(a, 9), of(a, 9), of(a, 9, true)}), 2u);
  EXPECT_EQ(run({of(a, 9, true), of(a, 9)}), 1u);
  EXPECT_EQ(run(std::vector(100, of(a, 9))), 64u);
  EXPECT_EQ(run(std::vector(100, of(a, 1400))), 46u) << "65,000 bytes";
}

// Sends 100 kB each 100 ms, of which `share` percent arrive.
struct SegmentationTest : ::testing::Test {
  Segmentation segmentation;
  TimePoint now{};
  stream::Delivery delivery{.round_trip = 10ms};
  int proofs = 0;

  bool step(std::uint64_t share) {
    now += 100ms;
    proofs += segmentation.observe(now, delivery);
    delivery.packets += 80;
    delivery.sent += 100'000;
    delivery.delivered += (delivery.sent - delivery.delivered) * share / 100;  // what was lost is repeated
    delivery.outstanding = delivery.sent - delivery.delivered;
    return segmentation.allowed();
  }
  void run(Duration time, std::uint64_t together, std::uint64_t alone) {
    for (const TimePoint end = now + time; now < end;) step(segmentation.allowed() ? together : alone);
  }
};

TEST_F(SegmentationTest, StaysOnWhileMostArrives) {
  run(1h, 100, 100);
  run(1h, 40, 100);
  EXPECT_TRUE(segmentation.allowed());
  EXPECT_EQ(proofs, 0);
}

TEST_F(SegmentationTest, GoesOffOnceBothAreProven) {
  run(4s, 0, 100);
  EXPECT_EQ(proofs, 0) << "it may have been an outage";
  run(5s, 0, 100);
  EXPECT_FALSE(segmentation.allowed());
  EXPECT_EQ(proofs, 1);
  run(9min, 0, 100);
  EXPECT_FALSE(segmentation.allowed());
  run(65s, 100, 100);
  EXPECT_TRUE(segmentation.allowed()) << "another card may have taken over";
  run(9s, 0, 100);
  EXPECT_EQ(proofs, 2);
  run(15min, 0, 100);
  EXPECT_FALSE(segmentation.allowed()) << "the second time it lasts twice as long";
  EXPECT_EQ(proofs, 2);
}

TEST_F(SegmentationTest, ADeadPathProvesNothing) {
  int trials = 0;
  bool before = true;
  for (int i = 0; i < 3000; ++i) {
    const bool allowed = step(0);
    trials += before && !allowed;
    before = allowed;
  }
  EXPECT_EQ(proofs, 0);
  EXPECT_GE(trials, 5);
  EXPECT_LE(trials, 10) << "with 30 s between them";
}

TEST_F(SegmentationTest, LittleOrNothingProvesNothing) {
  for (int i = 0; i < 1000; ++i) {
    now += 100ms;
    if (i % 50 == 0) ++delivery.packets, delivery.sent += 1000, delivery.outstanding += 1000;
    EXPECT_FALSE(segmentation.observe(now, delivery));
    if (i % 50 == 40) delivery.outstanding = 0;
    EXPECT_TRUE(segmentation.allowed());
  }
  run(2s, 0, 100);
  EXPECT_FALSE(segmentation.observe(now, std::nullopt)) << "the engine is gone";
}

}  // namespace
}  // namespace quantumgate::node
