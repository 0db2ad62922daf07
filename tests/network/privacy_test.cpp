// SPDX-License-Identifier: MIT
// Goal: what a tap sees of a session is what its privacy level says, whatever the session does; both ends keep to it;
// and what is sent arrives all the same.
// Method: a tap on a link of constant delay, which shows when and how large each packet was.
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

constexpr std::size_t kFull = 1232;

struct Seen {
  TimePoint at;
  std::size_t size;
};

// Messages of an application, as they come.
class Inbox final : public Extender {
 public:
  Inbox() : Extender("test.inbox") {}
  void on_message(Message message) override { sizes.push_back(message.bytes().size()); }
  void on_datagram(const PeerUuid&, BytesView datagram) override { datagrams.push_back(datagram.size()); }
  std::vector<std::size_t> sizes, datagrams;
};

struct PrivacyTest : ::testing::Test, Transfers {
  std::shared_ptr<Inbox> at_alice = std::make_shared<Inbox>();
  std::shared_ptr<Inbox> at_bob = std::make_shared<Inbox>();
  std::unique_ptr<TestNode> alice, bob;
  std::vector<Seen> from_alice, from_bob;  // in the order in which they were sent

  void TearDown() override {
    alice.reset();
    bob.reset();
  }
  void meet(const Privacy& of_alice, const Privacy& of_bob, std::uint64_t cover_for_peers_max = 1 << 20) {
    TestNode::Options options;
    options.extenders = {at_alice};
    options.privacy = of_alice;
    alice = std::make_unique<TestNode>(simulator, 1, options);
    options.extenders = {at_bob};
    options.privacy = of_bob;
    options.cover_for_peers_max = cover_for_peers_max;
    bob = std::make_unique<TestNode>(simulator, 2, options);
    simulator.set_default_link({.delay = 20ms});
    ASSERT_TRUE(alice->connect(bob->address()));
    simulator.run_for(1s);  // bob has the session, and both know what the other wants
    simulator.add_tap([this](const sim::PassingDatagram& datagram) {
      (datagram.from == alice->host.v4(5000) ? from_alice : from_bob)
          .push_back({simulator.now(), datagram.data.size()});
      return sim::Verdict();
    });
  }
  void clear() {
    from_alice.clear();
    from_bob.clear();
  }
  void say(TestNode& from, TestNode& to, std::size_t size) {
    from.node->post([&from, &to, size] {
      EXPECT_TRUE(from.node->send_message(to.identity.uuid(), "test.inbox", Bytes(size, std::byte{7})));
    });
  }
  void drop(TestNode& from, TestNode& to, std::size_t size) {
    from.node->post([&from, &to, size] {
      EXPECT_TRUE(from.node->send_datagram(to.identity.uuid(), "test.inbox", Bytes(size, std::byte{7})));
    });
  }
  Peer peer_of(const TestNode& node) {
    EXPECT_EQ(node.node->peers().size(), 1u);
    return node.node->peers().at(0);
  }
  // One full packet at each tick, neither more nor fewer, over all that was seen.
  static void expect_clock(const std::vector<Seen>& seen, Duration interval, std::size_t at_least) {
    ASSERT_GE(seen.size(), at_least);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      ASSERT_EQ(seen[i].size, kFull) << i;
      ASSERT_EQ(seen[i].at, seen[0].at + static_cast<long>(i) * interval) << i;
    }
  }
};

TEST_F(PrivacyTest, LevelOneAddsNothing) {
  ASSERT_NO_FATAL_FAILURE(meet({}, {}));
  simulator.run_for(10s);
  EXPECT_EQ(from_alice.size() + from_bob.size(), 0u);
  say(*alice, *bob, 10);
  simulator.run_for(1s);
  EXPECT_LT(from_alice.at(0).size, 1200u);
  EXPECT_EQ(alice->node->counters().cover_bytes_sent + alice->node->counters().padding_bytes_sent, 0u);
  EXPECT_EQ(peer_of(*alice).privacy, Privacy());
}

// Idle, talking, sending both ways, datagrams, new keys: a tap sees a clock.
TEST_F(PrivacyTest, LevelFiveLooksTheSameWhateverHappens) {
  Privacy five = *privacy_level(5);
  five.key_update = {20s, 25s};
  ASSERT_NO_FATAL_FAILURE(meet(five, five));
  simulator.run_for(5s);
  for (int i = 0; i < 20; ++i) {
    say(*alice, *bob, static_cast<std::size_t>(10 + 50 * i));
    simulator.run_for(337ms);
    say(*bob, *alice, 3000);
    drop(*bob, *alice, 1000);
    simulator.run_for(211ms);
  }
  const Source& up = start(*alice, *bob, 400'000);
  const Source& down = start(*bob, *alice, 100'000);
  EXPECT_TRUE(ends(up, 60s));
  EXPECT_TRUE(ends(down, 60s));
  simulator.run_for(60s);
  EXPECT_EQ(at_bob->sizes.size(), 20u);
  EXPECT_EQ(at_alice->sizes.size(), 20u);
  EXPECT_EQ(at_alice->datagrams.size(), 20u);
  EXPECT_GE(peer_of(*alice).key_updates, 2u);
  EXPECT_TRUE(peer_of(*alice).peer_follows);
  expect_clock(from_alice, 20ms, 3000);
  expect_clock(from_bob, 20ms, 3000);
  EXPECT_GT(alice->node->counters().cover_bytes_sent, 1'000'000u);
  EXPECT_EQ(alice->node->counters().cover_bytes_sent, peer_of(*alice).cover_bytes_sent);
}

// The clock of level 4 tells of nothing that fits into its slowest beat, and is back to it after what does not.
TEST_F(PrivacyTest, LevelFourShowsOnlyLargeTransfers) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(4), {}));
  for (int i = 0; i < 40; ++i) {
    say(*alice, *bob, 400);
    simulator.run_for(337ms);
    say(*bob, *alice, 700);
    simulator.run_for(211ms);
  }
  expect_clock(from_alice, 50ms, 400);
  expect_clock(from_bob, 50ms, 400);
  clear();
  const Source& up = start(*alice, *bob, 3'000'000);
  EXPECT_TRUE(ends(up, 40s)) << "at the slowest beat it would take 125 s";
  EXPECT_GT(from_alice.size(), 2 * from_bob.size()) << "acknowledgements do not make a clock run";
  simulator.run_for(20s);
  clear();
  simulator.run_for(5s);
  expect_clock(from_alice, 50ms, 90);
  expect_clock(from_bob, 50ms, 90);
  EXPECT_EQ(at_bob->sizes.size(), 40u);
}

// A path that carries less than the clock would send: cover must not take the room of what there is to send.
TEST_F(PrivacyTest, AnAdaptiveClockStaysWithinThePath) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(4), {}));
  simulator.set_links(alice->host, bob->host, {.delay = 20ms, .bits_per_second = 4'000'000, .queue_bytes = 32 * 1024});
  const Source& up = start(*alice, *bob, 5'000'000);
  EXPECT_TRUE(ends(up, 60s)) << "10 s with the whole path";
  EXPECT_EQ(bob->sink->wrong, 0u);
}

TEST_F(PrivacyTest, ThePeerDoesLikewiseWhenAsked) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(5), {}));
  simulator.run_for(30s);
  const Source& down = start(*bob, *alice, 50'000);
  EXPECT_TRUE(ends(down, 30s));
  expect_clock(from_alice, 20ms, 1500);
  expect_clock(from_bob, 20ms, 1500);
  EXPECT_TRUE(peer_of(*alice).peer_follows);
  EXPECT_EQ(peer_of(*bob).privacy.cover, Cover::constant);
  EXPECT_EQ(bob->node->privacy(), Privacy()) << "with others it stays as it was";
}

TEST_F(PrivacyTest, WhoGivesNothingIsNotMadeTo) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(5), {}, 0));
  simulator.run_for(30s);
  EXPECT_FALSE(peer_of(*alice).peer_follows);
  expect_clock(from_alice, 20ms, 1000);
  EXPECT_LT(from_bob.size(), 30u);
  EXPECT_EQ(bob->node->counters().cover_bytes_sent, 0u);
}

TEST_F(PrivacyTest, CoverForPeersHasABound) {
  const std::uint64_t rate = cover_bytes_per_second(*privacy_level(5));
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(5), {}, 4 * rate + 1));
  std::vector<std::unique_ptr<TestNode>> more;
  TestNode::Options options;
  options.privacy = *privacy_level(5);
  const auto follows = [&] {
    std::size_t count = 0;
    for (const auto& node : more) count += node->node->peers().at(0).peer_follows;
    return count;
  };
  for (std::uint8_t i = 0; i < 5; ++i) {
    more.push_back(std::make_unique<TestNode>(simulator, static_cast<std::uint8_t>(10 + i), options));
    ASSERT_TRUE(more.back()->connect(bob->address()));
  }
  simulator.run_for(2s);
  EXPECT_EQ(follows(), 3u) << "alice has the first of four shares";
  // Who goes away, or wants less, makes room.
  more[0].reset();
  simulator.run_for(5s);
  more.erase(more.begin());
  more[0]->node->post([&] { EXPECT_TRUE(more[0]->node->set_privacy(Privacy())); });
  simulator.run_for(1s);
  for (const auto& node : {more[2].get(), more[3].get()}) {
    Privacy again = *privacy_level(5);
    again.cover_interval += 1us;  // asks anew
    node->node->post([node, again] { EXPECT_TRUE(node->node->set_privacy(again)); });
  }
  simulator.run_for(2s);
  EXPECT_EQ(follows(), 4u);
  // A single one does not get more than a quarter.
  Privacy greedy = *privacy_level(5);
  greedy.cover_interval = 19ms;
  alice->node->post([&] { EXPECT_TRUE(alice->node->set_privacy(bob->identity.uuid(), greedy)); });
  simulator.run_for(2s);
  EXPECT_FALSE(peer_of(*alice).peer_follows);
  more.clear();
}

TEST_F(PrivacyTest, EveryPacketIsFullFromLevelThreeOn) {
  for (const int level : {3, 4}) {
    SCOPED_TRACE(level);
    clear();
    Privacy privacy = *privacy_level(level);
    privacy.key_update = {30s, 30s};
    ASSERT_NO_FATAL_FAILURE(meet(privacy, privacy));
    say(*alice, *bob, 1);
    drop(*alice, *bob, 5);
    const Source& up = start(*alice, *bob, 2'000'000);
    EXPECT_TRUE(ends(up, 60s));
    simulator.run_for(40s);
    EXPECT_GE(peer_of(*bob).key_updates, 1u);
    alice->node->post([&] { EXPECT_TRUE(alice->node->disconnect(bob->identity.uuid())); });
    simulator.run_for(5s);
    EXPECT_EQ(bob->node->peers().size(), 0u);
    for (const auto& seen : {from_alice, from_bob}) {
      EXPECT_GT(seen.size(), 50u);
      for (const Seen& packet : seen) ASSERT_EQ(packet.size, kFull);
    }
    simulator.clear_taps();
    TearDown();
    simulator.run_for(1s);
  }
}

TEST_F(PrivacyTest, SizesOfLevelTwoAreThoseOfTheClasses) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(2), {}));
  for (std::size_t size = 1; size < 1500; size += 7) {
    say(*alice, *bob, size);
    drop(*bob, *alice, size % 1200);
    simulator.run_for(100ms);
  }
  std::map<std::size_t, int> sizes;
  for (const auto& seen : {from_alice, from_bob}) {
    for (const Seen& packet : seen) ++sizes[packet.size];
  }
  std::vector<std::size_t> classes;
  for (const auto& [size, count] : sizes) classes.push_back(size);
  EXPECT_EQ(classes, (std::vector<std::size_t>{128, 256, 512, 1024, kFull}));
  EXPECT_EQ(alice->node->counters().cover_bytes_sent, 0u);
}

TEST_F(PrivacyTest, CoverFlowsWhileNothingHappens) {
  ASSERT_NO_FATAL_FAILURE(meet(*privacy_level(3), {}));
  simulator.run_for(600s);
  for (const auto& seen : {from_alice, from_bob}) {
    EXPECT_NEAR(static_cast<double>(seen.size()), 1200, 210);  // six times the deviation
  }
}

TEST_F(PrivacyTest, ItChangesWhileTheSessionLives) {
  ASSERT_NO_FATAL_FAILURE(meet({}, {}));
  const Source& up = start(*alice, *bob, 3'000'000);
  simulator.run_for(50ms);
  for (const int level : {5, 2, 4, 5, 3, 1}) {
    alice->node->post([&] { EXPECT_TRUE(alice->node->set_privacy(*privacy_level(level))); });
    simulator.run_for(500ms);
    EXPECT_EQ(level_of(peer_of(*alice).privacy), level);
    EXPECT_EQ(peer_of(*bob).privacy.padding, privacy_level(level)->padding);
    EXPECT_EQ(peer_of(*alice).peer_follows, true);
  }
  EXPECT_TRUE(ends(up, 60s));
  EXPECT_EQ(bob->sink->wrong, 0u);
  simulator.run_for(5s);
  clear();
  simulator.run_for(30s);
  EXPECT_LE(from_alice.size() + from_bob.size(), 6u) << "keepalives at most: at level 1 there is no cover";
}

TEST_F(PrivacyTest, OneSessionCanHaveItsOwn) {
  ASSERT_NO_FATAL_FAILURE(meet({}, {}));
  Result<void> set = fail(ErrorCode::closed);
  alice->node->post([&] { set = alice->node->set_privacy(bob->identity.uuid(), *privacy_level(5)); });
  simulator.run_for(1s);
  EXPECT_TRUE(set);
  EXPECT_EQ(level_of(alice->node->privacy()), 1);
  EXPECT_EQ(level_of(peer_of(*alice).privacy), 5);
  alice->node->post([&] { set = alice->node->set_privacy(*privacy_level(2)); });
  simulator.run_for(1s);
  EXPECT_EQ(level_of(peer_of(*alice).privacy), 5) << "what it has of its own stays";
  alice->node->post([&] { set = alice->node->set_privacy(PeerUuid(), *privacy_level(5)); });
  simulator.run_for(1s);
  EXPECT_EQ(set.error().code, ErrorCode::not_found);
  alice->node->post([&] { set = alice->node->set_privacy(Privacy{.cover = Cover::constant}); });
  simulator.run_for(1s);
  EXPECT_EQ(set.error().code, ErrorCode::invalid_argument);
}

TEST_F(PrivacyTest, ADialCanHaveItsOwn) {
  TestNode::Options options;
  alice = std::make_unique<TestNode>(simulator, 1, options);
  bob = std::make_unique<TestNode>(simulator, 2, options);
  ConnectOptions dial;
  dial.privacy = Privacy{.cover = Cover::constant};
  EXPECT_EQ(alice->connect(bob->address(), dial).error().code, ErrorCode::invalid_argument);
  dial.privacy = *privacy_level(4);
  ASSERT_TRUE(alice->connect(bob->address(), dial));
  simulator.run_for(1s);
  EXPECT_EQ(level_of(peer_of(*alice).privacy), 4);
  EXPECT_TRUE(peer_of(*alice).peer_follows);
  EXPECT_EQ(level_of(alice->node->privacy()), 1);
}

// Both dial, only one of the sessions stays, and its shape is what was asked for; whichever it is.
TEST_F(PrivacyTest, ADialThatLosesLeavesItsShapeToTheOneThatStays) {
  for (std::uint8_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE(static_cast<int>(seed));
    sim::Simulator crossing(seed);
    crossing.set_default_link({.delay = 20ms});
    TestNode carol(crossing, seed), dave(crossing, static_cast<std::uint8_t>(seed + 100));
    ConnectOptions dial;
    dial.privacy = *privacy_level(5);
    int answers = 0;
    const auto count = [&](const Result<Peer>& peer) { answers += peer.has_value(); };
    carol.node->connect(dave.address(), dial, count);
    dave.node->connect(carol.address(), {}, count);
    crossing.run_for(10s);
    EXPECT_EQ(answers, 2);
    EXPECT_EQ(level_of(peer_of(carol).privacy), 5);
    EXPECT_TRUE(peer_of(carol).peer_follows);
    dial.privacy = *privacy_level(3);
    carol.node->connect(dave.address(), dial, count);
    crossing.run_for(1s);
    EXPECT_EQ(level_of(peer_of(carol).privacy), 3) << "asked for again";
  }
}

// Losses, jitter of the network and of the handshake: nothing of it stops a session.
TEST_F(PrivacyTest, ALossyPathCarriesAllLevels) {
  for (int level = 1; level <= 5; ++level) {
    SCOPED_TRACE(level);
    sim::Simulator lossy(static_cast<std::uint64_t>(level));
    TestNode::Options options;
    options.privacy = *privacy_level(level);
    options.privacy.key_update = {10s, 20s};
    TestNode carol(lossy, 1, options);
    TestNode dave(lossy, 2, options);
    lossy.set_default_link(
        {.delay = 20ms, .jitter = 20ms, .loss_per_million = 50'000, .duplicate_per_million = 10'000});
    ASSERT_TRUE(carol.connect(dave.address()));
    lossy.run_for(5s);
    Source up(*carol.node, dave.identity.uuid(), 150'000);
    Source down(*dave.node, carol.identity.uuid(), 150'000);
    carol.node->post([] {});
    dave.node->post([] {});
    EXPECT_TRUE(lossy.run_until([&] { return up.done() && down.done(); }, 120s));
    lossy.run_for(30s);
    EXPECT_EQ(carol.sink->wrong + dave.sink->wrong, 0u);
    EXPECT_EQ(carol.observer->downs.size() + dave.observer->downs.size(), 0u);
    EXPECT_GE(carol.node->peers().at(0).key_updates, 1u);
  }
}

// A peer may ask for whatever it likes, as often as it likes.
TEST_F(PrivacyTest, AskingWithoutEndCostsNothing) {
  ASSERT_NO_FATAL_FAILURE(meet({}, {}));
  for (int i = 0; i < 300; ++i) {
    const int level = 1 + i % 5;
    alice->node->post([&, level] { EXPECT_TRUE(alice->node->set_privacy(*privacy_level(level))); });
    simulator.run_for(3ms);
  }
  simulator.run_for(5s);
  EXPECT_EQ(level_of(peer_of(*alice).privacy), 5);
  EXPECT_TRUE(peer_of(*alice).peer_follows);
  clear();
  simulator.run_for(5s);
  expect_clock(from_alice, 20ms, 200);
  expect_clock(from_bob, 20ms, 200);
}

}  // namespace
}  // namespace quantumgate::network_test
