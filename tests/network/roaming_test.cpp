// SPDX-License-Identifier: MIT
// Goal: a session lives on when a machine gets another address, whichever side that is and whatever it does meanwhile;
// and whoever sends copies of packets from elsewhere moves nothing.
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

struct RoamingTest : ::testing::Test, Transfers {
  TestNode alice{simulator, 1, {.anywhere = true}};
  TestNode bob{simulator, 2};
  std::uint8_t places = 0;

  void SetUp() override {
    simulator.set_default_link({.delay = 20ms, .bits_per_second = 20'000'000});
    ASSERT_TRUE(alice.connect(bob.address()));
    simulator.run_for(1s);  // bob, too, has the session
  }
  void move_alice() { alice.host.set_addresses({Endpoint::v4(10, 9, 0, ++places, 0)}); }
  void move_alice_five_times(const Source& source) {
    for (int i = 0; i < 5; ++i) {
      simulator.run_for(5s);
      ASSERT_FALSE(source.done());
      move_alice();
    }
  }
};

TEST_F(RoamingTest, TheSenderMovesAgainAndAgain) {
  const Source& source = start(alice, bob, 100'000'000);
  ASSERT_NO_FATAL_FAILURE(move_alice_five_times(source));
  EXPECT_TRUE(ends(source, 60s));
  EXPECT_EQ(bob.node->counters().moves, 5u);
  EXPECT_EQ(bob.node->peers().at(0).endpoint, alice.host.v4(5000));
  EXPECT_EQ(alice.node->counters().moves, 0u);
  one_session(alice, bob);
  simulator.run_for(15s);
  EXPECT_GE(bob.node->counters().key_updates, 1u) << "the old indexes are not seen for long in the new network";
}

TEST_F(RoamingTest, TheReceiverMovesAgainAndAgain) {
  const Source& source = start(bob, alice, 100'000'000);
  ASSERT_NO_FATAL_FAILURE(move_alice_five_times(source));
  EXPECT_TRUE(ends(source, 100s));
  EXPECT_EQ(bob.node->counters().moves, 5u);
  one_session(alice, bob);
}

TEST_F(RoamingTest, WhoMovesInSilenceIsFoundByItsKeepalive) {
  simulator.run_for(1min);
  move_alice();
  simulator.run_for(22s);
  EXPECT_EQ(bob.node->counters().moves, 1u);
  EXPECT_TRUE(ends(start(bob, alice, 1'000'000), 10s));
  one_session(alice, bob);
}

TEST_F(RoamingTest, CopiesFromElsewhereThatComeFirstMoveNothing) {
  alice.restart();  // so that the handshake is copied, too
  sim::Host& mallory = simulator.add_host();
  std::uint64_t to_mallory = 0;
  bool answered = false;  // bob has sent message 2
  simulator.add_tap([&](const sim::PassingDatagram& passing) {
    sim::Verdict verdict;
    const bool to_bob = passing.to == bob.host.v4(5000);
    answered |= passing.to == alice.host.v4(5000);
    if (answered && (to_bob || passing.to == alice.host.v4(5000))) {
      verdict.before.push_back(
          {.from = mallory.v4(1), .to = passing.to, .data = Bytes(passing.data.begin(), passing.data.end())});
    }
    if (passing.to == mallory.v4(1)) to_mallory += passing.data.size();
    return verdict;
  });
  ASSERT_TRUE(alice.connect(bob.address()));
  EXPECT_TRUE(ends(start(alice, bob, 50'000'000), 60s));
  EXPECT_TRUE(ends(start(bob, alice, 5'000'000), 60s));
  EXPECT_EQ(bob.node->counters().moves, 0u);
  EXPECT_GT(to_mallory, 0u) << "it was asked";
  EXPECT_LT(to_mallory, 5000u) << "two small packets a second";
  EXPECT_EQ(bob.observer->downs, std::vector{CloseReason::replaced})
      << "the session of before the restart, and no other";
  EXPECT_EQ(alice.sink->wrong + bob.sink->wrong, 0u);
}

}  // namespace
}  // namespace quantumgate::network_test
