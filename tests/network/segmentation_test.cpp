// SPDX-License-Identifier: MIT
// Goal: a path on which segmented sends get lost (a network card that fails to cut them) carries a transfer after a
// short pause, and says so; loss alone is not mistaken for that.
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

struct SegmentationTest : ::testing::Test {
  std::vector<std::unique_ptr<Source>> sources;  // their callbacks come until the nodes are gone
  sim::Simulator simulator{1};
  TestNode alice{simulator, 1};
  TestNode bob{simulator, 2};

  bool transfer(std::uint64_t size, std::chrono::seconds time_limit) {
    Source& source = *sources.emplace_back(std::make_unique<Source>(*alice.node, bob.identity.uuid(), size));
    alice.node->post([] {});
    return simulator.run_until([&] { return source.done() || source.failed(); }, time_limit) && source.done();
  }
};

TEST_F(SegmentationTest, WhereSegmentsGetLostItGoesOnWithout) {
  sim::Link link;
  link.delay = 10ms;
  link.loses_segments = true;
  simulator.set_default_link(link);
  ASSERT_TRUE(alice.connect(bob.address()));
  EXPECT_TRUE(transfer(20'000'000, 60s));
  EXPECT_EQ(alice.node->counters().segments_lost, 1u);
  EXPECT_EQ(std::ranges::count_if(alice.log, [](const auto& line) { return line.find("segmented") != line.npos; }), 1);
  EXPECT_TRUE(transfer(20'000'000, 10s)) << "it has learnt that";
  EXPECT_EQ(alice.node->counters().segments_lost, 1u);

  link.loses_segments = false;
  simulator.set_default_link(link);
  simulator.run_for(10min);
  EXPECT_TRUE(transfer(20'000'000, 10s));
  EXPECT_EQ(alice.node->counters().segments_lost, 1u) << "a mended path is not blamed again";
  EXPECT_EQ(bob.node->counters().segments_lost, 0u);
  EXPECT_EQ(bob.sink->wrong, 0u);
}

TEST_F(SegmentationTest, LossAndOutagesAreNoProof) {
  sim::Link link;
  link.delay = 10ms;
  link.loss_per_million = 200'000;
  simulator.set_default_link(link);
  ASSERT_TRUE(alice.connect(bob.address()));
  EXPECT_TRUE(transfer(2'000'000, 5min));

  link.loss_per_million = 0;
  simulator.set_default_link(link);
  sources.push_back(std::make_unique<Source>(*alice.node, bob.identity.uuid(), 2'000'000'000));
  alice.node->post([] {});
  for (int outage = 0; outage < 10; ++outage) {
    simulator.run_for(3s);
    link.loss_per_million = 1'000'000;
    simulator.set_default_link(link);
    simulator.run_for(4s);
    link.loss_per_million = 0;
    simulator.set_default_link(link);
  }
  EXPECT_GT(sources.back()->written(), 10'000'000u);
  EXPECT_EQ(alice.node->counters().segments_lost, 0u);
  EXPECT_EQ(alice.observer->downs.size(), 0u);
}

}  // namespace
}  // namespace quantumgate::network_test
