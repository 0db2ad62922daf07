// SPDX-License-Identifier: MIT
// Goal: packets become as large as the path carries, by IPv4 and IPv6, and small again where it carries less than
// before; nothing is lost by it but time, and little of that; who says little, or pads, sends no probe.
#include "session/constants.hpp"
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

using session::kPacketSizeDefault;

constexpr std::size_t kHeadersV4 = 28, kHeadersV6 = 48;  // IP and UDP

struct PathMtuTest : ::testing::Test, Transfers {
  std::unique_ptr<TestNode> alice, bob;
  std::size_t largest = 0;  // of the datagrams that were put on the network

  sim::Link link{.delay = 20ms, .bits_per_second = 20'000'000};

  void set_mtu(std::size_t mtu) {
    link.mtu = mtu;
    simulator.set_default_link(link);
  }
  void connect(const TestNode::Options& options = {}) { connect(options, options); }
  void connect(const TestNode::Options& of_alice, const TestNode::Options& of_bob) {
    simulator.set_default_link(link);
    bob.reset();
    alice.reset();
    alice = std::make_unique<TestNode>(simulator, 1, of_alice);
    bob = std::make_unique<TestNode>(simulator, 2, of_bob);
    ASSERT_TRUE(alice->connect(bob->address()));
    simulator.run_for(1s);
    simulator.clear_taps();
    largest = 0;
    simulator.add_tap([&](const sim::PassingDatagram& passing) {
      largest = std::max(largest, passing.data.size());
      return sim::Verdict{};
    });
  }
  std::size_t size() const { return alice->node->peers().at(0).packet_size; }
  void found(std::size_t carried) const {
    EXPECT_LE(size(), carried);
    EXPECT_GT(size() + session::kMtuExact, carried);
  }
};

TEST_F(PathMtuTest, WhatThePathCarriesIsFound) {
  for (const std::size_t mtu : {1500u, 1492u, 1420u, 1280u}) {
    for (const bool v6 : {false, true}) {
      set_mtu(mtu);
      connect({.v6 = v6});
      EXPECT_EQ(size(), kPacketSizeDefault);
      EXPECT_TRUE(ends(start(*alice, *bob, 20'000'000), 60s));
      found(mtu - (v6 ? kHeadersV6 : kHeadersV4));
      one_session(*alice, *bob);
    }
  }
}

TEST_F(PathMtuTest, ALargerLinkThanAnEthernetIsNoReasonForMore) {
  set_mtu(9000);
  connect({.v6 = true});
  EXPECT_TRUE(ends(start(*alice, *bob, 2'000'000), 60s));
  EXPECT_EQ(size(), session::kPacketSizeMaxV6);
}

TEST_F(PathMtuTest, WhoSaysLittleSendsNoProbe) {
  connect();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(ends(start(*alice, *bob, 100), 10s));
  simulator.run_for(10min);
  EXPECT_LE(largest, kPacketSizeDefault);
}

TEST_F(PathMtuTest, APathThatCarriesLessInTheMidstOfATransfer) {
  for (const bool v6 : {false, true}) {
    set_mtu(1500);
    connect({.v6 = v6});
    const Source& source = start(*alice, *bob, 40'000'000);
    simulator.run_for(5s);
    found(1500 - (v6 ? kHeadersV6 : kHeadersV4));
    set_mtu(1300);
    simulator.run_for(1s);
    const std::uint64_t then = bob->sink->received;
    simulator.run_for(1s);
    EXPECT_GT(bob->sink->received, then + 500'000) << "a second is enough to notice, another to get going";
    EXPECT_TRUE(ends(source, 60s));
    found(1300 - (v6 ? kHeadersV6 : kHeadersV4));
    EXPECT_EQ(bob->node->counters().moves + alice->node->counters().moves, 0u) << "nor was TCP asked for help";
    one_session(*alice, *bob);
  }
}

TEST_F(PathMtuTest, EachWayByItself) {
  connect();
  link.mtu = 1400;
  simulator.set_link(bob->host, alice->host, link);
  EXPECT_TRUE(ends(start(*alice, *bob, 5'000'000), 60s));
  EXPECT_TRUE(ends(start(*bob, *alice, 20'000'000), 60s));
  EXPECT_EQ(size(), 1472u);
  const std::size_t other = bob->node->peers().at(0).packet_size;
  EXPECT_LE(other, 1400 - kHeadersV4);
  EXPECT_GT(other + session::kMtuExact, 1400 - kHeadersV4);
}

TEST_F(PathMtuTest, LossAndOutagesDoNotMakePacketsSmall) {
  link.loss_per_million = 50'000;
  connect();
  const Source& source = start(*alice, *bob, 30'000'000);
  simulator.run_for(10s);
  simulator.set_default_link({.delay = 20ms, .loss_per_million = 1'000'000});
  simulator.run_for(3s);
  EXPECT_EQ(size(), kPacketSizeDefault);
  simulator.set_default_link(link);
  simulator.run_for(10s);
  EXPECT_EQ(size(), 1472u);
  EXPECT_TRUE(ends(source, 300s));
}

TEST_F(PathMtuTest, ANewPlaceIsMeasuredAnew) {
  connect({.anywhere = true}, {});
  const Source& source = start(*bob, *alice, 60'000'000);
  const auto size_to_alice = [&] { return bob->node->peers().at(0).packet_size; };
  simulator.run_for(5s);
  EXPECT_EQ(size_to_alice(), 1472u);
  largest = 0;
  set_mtu(1280);
  alice->host.set_addresses({Endpoint::v4(10, 9, 0, 1, 0)});
  EXPECT_TRUE(ends(source, 100s));
  EXPECT_LE(size_to_alice(), 1280 - kHeadersV4);
  EXPECT_EQ(bob->node->counters().moves, 1u);
}

TEST_F(PathMtuTest, DatagramsOfFullSizeArriveAgainOnAPathThatShrank) {
  connect();
  const PeerUuid to = bob->node->uuid();
  std::uint64_t sent = 0;
  const auto talk = [&](int datagrams) {
    for (int i = 0; i < datagrams; ++i) {
      sent += alice->node->send_datagram(to, "test.sink", Bytes(alice->node->datagram_size_max(to))).has_value();
      alice->node->post([] {});
      simulator.run_for(100ms);
    }
  };
  const auto lost = [&] { return sent - bob->node->counters().datagram_frames_received; };
  talk(10);
  EXPECT_EQ(size(), 1472u);
  EXPECT_EQ(lost(), 0u);
  set_mtu(1300);
  talk(150);
  found(1300 - kHeadersV4);
  EXPECT_LE(lost(), 30u) << "they are counted once a second";
  const std::uint64_t before = lost();
  talk(20);
  EXPECT_EQ(lost(), before);
}

TEST_F(PathMtuTest, PaddedPacketsTellNothingOfThePath) {
  connect({.privacy = *privacy_level(2)});
  EXPECT_TRUE(ends(start(*alice, *bob, 5'000'000), 60s));
  EXPECT_EQ(largest, kPacketSizeDefault);
  ASSERT_TRUE(alice->node->set_privacy(*privacy_level(1)));
  ASSERT_TRUE(bob->node->set_privacy(*privacy_level(1)));
  simulator.run_for(1s);
  EXPECT_TRUE(ends(start(*alice, *bob, 5'000'000), 60s));
  EXPECT_EQ(largest, 1472u);
  ASSERT_TRUE(bob->node->set_privacy(*privacy_level(2)));
  simulator.run_for(1s);
  largest = 0;
  EXPECT_TRUE(ends(start(*alice, *bob, 5'000'000), 60s));
  EXPECT_EQ(largest, kPacketSizeDefault) << "as the peer wishes";
}

}  // namespace
}  // namespace quantumgate::network_test
