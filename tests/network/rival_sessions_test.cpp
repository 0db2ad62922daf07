// SPDX-License-Identifier: MIT
// Goal: two nodes that have a session with each other do not lose it because of another handshake between them, however
// late its datagrams are; and a peer is reported once.
// Method: whole nodes in virtual time. A tap knows the keys of the outer layer and keeps back messages 3, which the
// initiator repeats in vain.   Spec: docs/spec/02-handshake.md, section 8.
#include <algorithm>

#include "handshake/sealed_datagram.hpp"
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

struct RivalSessionsTest : ::testing::TestWithParam<int>, Transfers {
  RivalSessionsTest() : Transfers(static_cast<std::uint64_t>(GetParam())) {}

  TestNode alice{simulator, 1};
  TestNode bob{simulator, 2};
  handshake::Credentials anybody{alice.identity, "test", nullptr, handshake::all_suites(), {}};

  bool is(wire::SealedType type, const TestNode& to, const sim::PassingDatagram& passing) const {
    if (passing.to != to.host.v4(5000)) return false;
    const auto keys = handshake::OuterKeys::derive({}, to.identity.uuid(), anybody.network_hash());
    const auto opened = handshake::open_datagram(keys.to_responder, type == wire::SealedType::message3, passing.data);
    return opened && opened->header.type == type;
  }
  bool is_message3(const TestNode& to, const sim::PassingDatagram& passing) const {
    return is(wire::SealedType::message3, to, passing);
  }
  void expect_one_session_and_use_it() {
    for (const TestNode* node : {&alice, &bob}) {
      EXPECT_EQ(node->observer->ups.size(), 1u);
      EXPECT_TRUE(node->observer->downs.empty());
      ASSERT_EQ(node->node->peers().size(), 1u);
    }
    EXPECT_NE(alice.node->peers()[0].outgoing, bob.node->peers()[0].outgoing) << "the same one at both ends";
    const Source& there = start(alice, bob, 100'000);
    const Source& back = start(bob, alice, 100'000);
    EXPECT_TRUE(simulator.run_until([&] { return there.done() && back.done(); }, 1min));
  }
};

TEST_P(RivalSessionsTest, DialsThatCrossWhileOneIsNotConfirmed) {
  // Bob has no session of Alice's dial for a while, or never; he has that of his own all the time.
  for (const Duration kept_back : {Duration(5s), Duration(20s)}) {
    alice.restart();
    bob.restart();
    const TimePoint until = simulator.now() + kept_back;
    simulator.add_tap([&](const sim::PassingDatagram& passing) {
      sim::Verdict verdict;
      verdict.deliver = simulator.now() >= until || !is_message3(bob, passing);
      return verdict;
    });
    int answers = 0;
    const auto count = [&](Result<Peer> peer) { answers += peer.has_value(); };
    alice.node->connect(bob.address(), {}, count);
    bob.node->connect(alice.address(), {}, count);
    ASSERT_TRUE(simulator.run_until([&] { return answers == 2; }, 1s));
    simulator.run_for(25s);
    expect_one_session_and_use_it();
    simulator.run_for(10s);
    EXPECT_EQ(alice.observer->downs.size() + bob.observer->downs.size(), 0u);
    simulator.clear_taps();
  }
}

TEST_P(RivalSessionsTest, DialsThatCrossUnderHeavyLoss) {
  simulator.set_default_link({.delay = 20ms, .jitter = 20ms, .loss_per_million = 400'000});
  alice.node->connect(bob.address(), {}, [](Result<Peer>) {});
  simulator.run_for(1ms * GetParam());
  bob.node->connect(alice.address(), {}, [](Result<Peer>) {});
  simulator.run_for(12s);
  simulator.set_default_link({.delay = 20ms});
  simulator.run_for(10s);
  expect_one_session_and_use_it();
}

TEST_P(RivalSessionsTest, AMessage3ThatComesWhenItsInitiatorHasGivenUp) {
  std::vector<Bytes> late;
  bool first_dial = true;
  simulator.add_tap([&](const sim::PassingDatagram& passing) {
    sim::Verdict verdict;
    if (!first_dial || passing.to != bob.host.v4(5000)) return verdict;
    if (is_message3(bob, passing)) {
      late.emplace_back(passing.data.begin(), passing.data.end());
      verdict.deliver = false;
    } else if (!late.empty()) {
      verdict.deliver = false;  // that she has given up does not arrive either
    }
    return verdict;
  });
  ASSERT_TRUE(alice.connect(bob.address(), 2s));
  simulator.run_for(3s);
  ASSERT_TRUE(alice.node->peers().empty());
  ASSERT_TRUE(bob.observer->ups.empty());
  alice.observer->ups.clear();
  alice.observer->downs.clear();
  ASSERT_FALSE(late.empty());

  first_dial = false;
  ASSERT_TRUE(alice.connect(bob.address()));
  const Source& source = start(alice, bob, 20'000'000);
  simulator.run_for(1s);
  const std::uint64_t completed = bob.node->counters().handshakes_completed;
  for (const Bytes& datagram : late) simulator.inject({alice.host.v4(5000), bob.host.v4(5000), datagram});
  simulator.run_for(100ms);
  EXPECT_EQ(bob.node->counters().handshakes_completed, completed + 1) << "it makes a session";
  EXPECT_TRUE(simulator.run_until([&] { return source.done() || source.failed(); }, 1min));
  EXPECT_FALSE(source.failed());
  simulator.run_for(2min);
  expect_one_session_and_use_it();
}

// Whatever hash it has: what is opened while it is not known to be of use must not get lost with it.
TEST_P(RivalSessionsTest, AMessage3ThatComesWhenTheOtherSideHasDialled) {
  std::vector<Bytes> late;
  bool first_dial = true;
  simulator.add_tap([&](const sim::PassingDatagram& passing) {
    sim::Verdict verdict;
    if (!first_dial || passing.to != bob.host.v4(5000)) return verdict;
    if (is_message3(bob, passing)) late.emplace_back(passing.data.begin(), passing.data.end());
    verdict.deliver = late.empty();
    return verdict;
  });
  ASSERT_TRUE(alice.connect(bob.address(), 2s));
  simulator.run_for(3s);
  ASSERT_TRUE(alice.node->peers().empty());
  ASSERT_FALSE(late.empty());
  alice.observer->ups.clear();
  alice.observer->downs.clear();

  first_dial = false;
  ASSERT_TRUE(bob.connect(alice.address()));
  simulator.run_for(1s);
  const std::uint64_t completed = bob.node->counters().handshakes_completed;
  for (const Bytes& datagram : late) simulator.inject({alice.host.v4(5000), bob.host.v4(5000), datagram});
  simulator.run_for(1ms);
  ASSERT_EQ(bob.node->counters().handshakes_completed, completed + 1) << "it makes a session";
  EXPECT_TRUE(ends(start(bob, alice, 1'000'000), 10s));
  simulator.run_for(2min);
  expect_one_session_and_use_it();
}

// Alice dials, her message 3 is under way for seconds, and meanwhile her process is a new one.
struct EarlierRunTest : RivalSessionsTest {
  std::vector<Bytes> late;
  bool first_run = true;

  // Nothing of her first run arrives but what belongs to its handshake before message 3.
  void SetUp() override {
    simulator.set_links(alice.host, bob.host, {.delay = 20ms, .bits_per_second = 100'000'000});
    simulator.add_tap([this](const sim::PassingDatagram& passing) {
      sim::Verdict verdict;
      if (!first_run || passing.to != bob.host.v4(5000)) return verdict;
      if (is_message3(bob, passing)) late.emplace_back(passing.data.begin(), passing.data.end());
      verdict.deliver = late.empty();
      return verdict;
    });
  }
  void dial_and_restart() {
    ASSERT_TRUE(alice.connect(bob.address()));
    simulator.run_for(300ms);
    alice.node.reset();
    simulator.run_for(300ms);
    first_run = false;
    ASSERT_FALSE(late.empty());
    ASSERT_TRUE(bob.observer->ups.empty());
    alice.restart();
  }
  // With streams under way in both directions.
  void deliver_what_is_late() {
    const Source& there = start(alice, bob, 20'000'000);
    const Source& back = start(bob, alice, 20'000'000);
    simulator.run_for(500ms);
    ASSERT_FALSE(there.done() || back.done());
    const std::uint64_t completed = bob.node->counters().handshakes_completed;
    for (const Bytes& datagram : late) simulator.inject({alice.host.v4(5000), bob.host.v4(5000), datagram});
    simulator.run_for(100ms);
    EXPECT_EQ(bob.node->counters().handshakes_completed, completed + 1) << "it makes a session";
    const Source& later = start(bob, alice, 100'000);
    EXPECT_TRUE(ends(later, 1min));
    EXPECT_TRUE(ends(there, 1min));
    EXPECT_TRUE(ends(back, 1min));
    simulator.run_for(2min);
    expect_one_session_and_use_it();
  }
};

TEST_P(EarlierRunTest, ItsMessage3DisturbsNothingInASessionThatTheNewRunHasDialled) {
  dial_and_restart();
  ASSERT_TRUE(alice.connect(bob.address()));
  simulator.run_for(200ms);
  deliver_what_is_late();
}

// Bob's dial began before the one of the first run, and is answered by the second.
TEST_P(EarlierRunTest, NorInOneThatTheOtherSideHasDialled) {
  simulator.add_tap([this](const sim::PassingDatagram& passing) {
    return sim::Verdict{.deliver = !first_run || !is(wire::SealedType::message1, alice, passing)};
  });
  std::optional<bool> answer;
  bob.node->connect(alice.address(), {}, [&](Result<Peer> peer) { answer = peer.has_value(); });
  simulator.run_for(100ms);
  dial_and_restart();
  ASSERT_TRUE(simulator.run_until([&] { return answer.has_value(); }, 5s));
  ASSERT_TRUE(*answer);
  simulator.run_for(200ms);
  deliver_what_is_late();
  EXPECT_TRUE(bob.node->peers()[0].outgoing);
}

INSTANTIATE_TEST_SUITE_P(Seeds, EarlierRunTest, ::testing::Range(1, 5));
INSTANTIATE_TEST_SUITE_P(Seeds, RivalSessionsTest, ::testing::Range(1, 9));

}  // namespace
}  // namespace quantumgate::network_test
