// SPDX-License-Identifier: MIT
// Goal: a day of one session, whose keys are replaced every 5 to 20 minutes, over a network that loses up to a tenth of
// everything, repeats and reorders, and in which the two sides move once a minute: no byte of a stream and no message
// gets lost, no index is used for longer than keys may live, or again; old packets are worth nothing.
// Method: two whole nodes in virtual time, by the public API; a tap watches the indexes on the wire.
#include "base/byte_order.hpp"
#include "session/constants.hpp"
#include "sim/random.hpp"
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

constexpr const char* kTalk = "test.talk";

// Every message says its number; datagrams are counted.
class Talk final : public Extender {
 public:
  Talk() : Extender(kTalk) {}
  void on_message(Message message) override {
    const BytesView bytes = message.bytes();
    const auto number = load_be<std::uint64_t>(bytes.first<8>());
    in_order = in_order && number == next++;
    for (std::size_t i = 8; i < bytes.size(); ++i) wrong += bytes[i] != data_byte(number + i);
  }
  void on_datagram(const PeerUuid&, BytesView) override { ++datagrams; }

  std::uint64_t next = 0;
  bool in_order = true;
  std::uint64_t wrong = 0;
  std::uint64_t datagrams = 0;
};

struct Talker {
  TestNode& node;
  const PeerUuid peer;
  sim::SeededRandom& random;
  std::uint64_t messages = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t failed = 0;
  std::uint64_t datagrams = 0;

  void say() {
    Bytes message(8 + random.below(20'000));
    store_be(messages, std::span(message).first<8>());
    for (std::size_t i = 8; i < message.size(); ++i) message[i] = data_byte(messages + i);
    const auto sent =
        node.node->send_message(peer, kTalk, message, {}, [this](Result<void> done) { ++(done ? confirmed : failed); });
    ASSERT_TRUE(sent);
    ++messages;
  }
  void shout() { datagrams += node.node->send_datagram(peer, kTalk, Bytes(random.below(1000))).has_value(); }
};

struct Use {
  TimePoint first, last;
};

// The router in front of a node: a host of the simulated network that nothing listens on. What the node sends leaves
// from the router's present endpoint, and what comes for that reaches the node; what comes for an earlier one is lost.
class Router {
 public:
  Router(sim::Simulator& simulator, const TestNode& node, std::uint8_t network)
      : node_(node), network_(network), host_(simulator.add_host({address()})) {}
  // Another address and another port.
  void move() {
    ++moves_;
    host_.set_addresses({address()});
  }
  Endpoint inside() const { return node_.host.v4(5000); }
  Endpoint outside() const { return host_.v4(static_cast<std::uint16_t>(1024 + moves_)); }
  const sim::Host& host() const { return host_; }
  std::uint64_t moves() const { return moves_; }

 private:
  Endpoint address() const {
    return Endpoint::v4(10, network_, static_cast<std::uint8_t>(moves_ >> 8), static_cast<std::uint8_t>(moves_), 0);
  }
  const TestNode& node_;
  std::uint8_t network_;
  std::uint64_t moves_ = 0;
  sim::Host& host_;
};

struct RekeyDayTest : ::testing::Test {
  void day(std::uint64_t seed, bool roaming);
};

void RekeyDayTest::day(std::uint64_t seed, bool roaming) {
  sim::Simulator simulator(seed);
  sim::SeededRandom random(seed);
  const auto at_alice = std::make_shared<Talk>(), at_bob = std::make_shared<Talk>();
  TestNode alice(simulator, 1, {.extenders = {at_alice}});
  TestNode bob(simulator, 2, {.extenders = {at_bob}});
  Router routers[] = {{simulator, alice, 101}, {simulator, bob, 102}};

  using Side = std::size_t;                            // 0: Alice, 1: Bob
  std::map<std::pair<Side, std::uint32_t>, Use> uses;  // by who receives under the index
  std::vector<Bytes> old_to_bob;                       // three of each hour; Bob has not seen them
  int recorded_of_hour = 0;
  bool watching = false;
  simulator.add_tap([&](const sim::PassingDatagram& datagram) {
    sim::Verdict dropped{.deliver = false};
    const Side to = datagram.from == routers[0].inside() ? 1 : 0;
    if (watching) {
      const auto index = load_be<std::uint32_t>(datagram.data.first<4>());
      uses.try_emplace({to, index}, Use{simulator.now(), simulator.now()}).first->second.last = simulator.now();
      if (to == 1 && recorded_of_hour < 3) {
        ++recorded_of_hour;
        old_to_bob.emplace_back(datagram.data.begin(), datagram.data.end());
        return dropped;
      }
    }
    if (datagram.to == routers[to].outside()) {
      dropped.before.push_back({.from = routers[1 - to].outside(),
                                .to = routers[to].inside(),
                                .data = Bytes(datagram.data.begin(), datagram.data.end())});
    }
    return dropped;
  });

  ASSERT_TRUE(alice.connect(Address{bob.identity.uuid(), {{"10.102.0.0", routers[1].outside().port}}}));
  simulator.run_for(1s);
  watching = true;

  const auto set_links = [&](const sim::Link& link) {
    simulator.set_links(alice.host, routers[1].host(), link);
    simulator.set_links(bob.host, routers[0].host(), link);
  };
  Talker talkers[] = {{alice, bob.identity.uuid(), random}, {bob, alice.identity.uuid(), random}};
  std::vector<std::unique_ptr<Source>> sources;
  std::uint64_t streamed = 0;
  const TimePoint end = simulator.now() + 24h;
  for (int step = 0; simulator.now() < end; ++step) {
    if (step % 720 == 0) {  // every hour
      const auto loss = static_cast<std::uint32_t>(step / 720 % 11) * 10'000;
      set_links({.delay = 20ms, .jitter = 30ms, .loss_per_million = loss, .duplicate_per_million = 10'000});
      recorded_of_hour = 0;
    }
    if (roaming && step % 12 == 11) routers[step / 12 % 2].move();  // every minute, in turn
    for (Talker& talker : talkers) {
      talker.shout();
      if (random.below(25) == 0) talker.say();
      if (random.below(90) == 0) {
        const std::uint64_t size = random.below(150'000);
        streamed += size;
        sources.push_back(std::make_unique<Source>(*talker.node.node, talker.peer, size));
      }
      talker.node.node->post([] {});
    }
    simulator.run_for(5s);
    ASSERT_TRUE(alice.observer->downs.empty() && bob.observer->downs.empty()) << "after " << step * 5 << " s";
  }
  set_links({.delay = 20ms});
  simulator.run_for(2min);

  EXPECT_GT(sources.size(), 200u);
  for (const auto& source : sources) EXPECT_TRUE(source->done());
  EXPECT_EQ(alice.sink->received + bob.sink->received, streamed);
  EXPECT_EQ(alice.sink->wrong + bob.sink->wrong, 0u);
  for (const Talker& talker : talkers) {
    const Talk& heard = *(&talker == talkers ? at_bob : at_alice);
    EXPECT_GT(talker.messages, 500u);
    EXPECT_EQ(talker.confirmed, talker.messages);
    EXPECT_EQ(talker.failed, 0u);
    EXPECT_EQ(heard.next, talker.messages);
    EXPECT_TRUE(heard.in_order);
    EXPECT_EQ(heard.wrong, 0u);
    EXPECT_GT(heard.datagrams, talker.datagrams * 9 / 10) << "an average of 5 in 100 get lost";
  }

  // One session all the time, with new keys about every ten minutes, and after each move.
  ASSERT_EQ(alice.node->peers().size(), 1u);
  const Peer peer = alice.node->peers()[0];
  const std::uint64_t moves = routers[0].moves() + routers[1].moves();
  EXPECT_EQ(moves, roaming ? 24u * 60 : 0);
  EXPECT_EQ(bob.node->counters().moves, routers[0].moves());
  EXPECT_EQ(alice.node->counters().moves, routers[1].moves());
  EXPECT_GT(peer.connected_for, 24h);
  EXPECT_GE(peer.key_updates, 24u * 3 + moves * 9 / 10);
  EXPECT_LE(peer.key_updates, 24u * 12 + moves);
  EXPECT_LE(peer.key_age, session::kKeyUpdateMax + 1min);
  EXPECT_EQ(alice.node->counters().key_updates, peer.key_updates);
  EXPECT_EQ(bob.node->counters().key_updates, peer.key_updates);
  EXPECT_EQ(alice.node->counters().key_updates_failed + bob.node->counters().key_updates_failed, 0u);

  // On the wire: an index for each key and side, none for longer than a key may live.
  EXPECT_EQ(uses.size(), 2u * (peer.key_updates + 1));
  for (const auto& [where, use] : uses) EXPECT_LT(use.last - use.first, session::kKeyAgeMax);

  // What was recorded under old keys opens nothing any more.
  ASSERT_EQ(old_to_bob.size(), 24u * 3);
  const std::uint64_t dropped = bob.dropped(), datagrams = at_bob->datagrams;
  watching = false;
  for (const Bytes& packet : old_to_bob) {
    simulator.inject({routers[0].outside(), routers[1].inside(), packet});
  }
  simulator.run_for(1s);
  EXPECT_EQ(bob.dropped(), dropped + old_to_bob.size());
  EXPECT_EQ(at_bob->datagrams, datagrams);
}

TEST_F(RekeyDayTest, StreamsMessagesAndDatagramsNoticeNothing) { day(4, false); }

TEST_F(RekeyDayTest, NorDoTheyWhenTheTwoSidesMoveEveryMinute) { day(4, true); }

// With this seed a round trip of 5 s is measured, because a move comes between a packet and its acknowledgement.
TEST_F(RekeyDayTest, NorDoTheyWhenRoundTripsAreMeasuredAcrossAMove) { day(14, true); }

// What no user would set: updates one after the other, as fast as the rules allow, under load both ways.
TEST_F(RekeyDayTest, UpdatesWithoutEndUnderLoad) {
  sim::Simulator simulator(5);
  TestNode alice(simulator, 1, {.privacy = {.key_update = {10s, 10s}}});
  TestNode bob(simulator, 2, {.privacy = {.key_update = {10s, 10s}}});
  simulator.set_links(alice.host, bob.host,
                      {.delay = 10ms, .jitter = 5ms, .loss_per_million = 2'000, .bits_per_second = 4'000'000});
  ASSERT_TRUE(alice.connect(bob.address()));
  Source up(*alice.node, bob.identity.uuid(), 30'000'000);
  alice.node->post([] {});
  simulator.run_for(100ms);
  Source down(*bob.node, alice.identity.uuid(), 30'000'000);
  bob.node->post([] {});
  ASSERT_TRUE(simulator.run_until([&] { return up.done() && down.done(); }, 10min));
  EXPECT_EQ(alice.sink->wrong + bob.sink->wrong, 0u);
  EXPECT_GE(alice.node->counters().key_updates, 4u);
  EXPECT_EQ(alice.dropped() + bob.dropped(), 0u) << "every packet that came was taken";
}

TEST_F(RekeyDayTest, ImpossibleTimesAreRefused) {
  sim::Simulator simulator(6);
  sim::Host& host = simulator.add_host();
  for (const KeyUpdateTimes times : {KeyUpdateTimes{9s, 20s}, KeyUpdateTimes{20s, 19s}, KeyUpdateTimes{20s, 1201s}}) {
    NodeOptions options;
    options.privacy.key_update = times;
    const auto node = node::LocalNode::create(host, Identity::generate(), options, {});
    ASSERT_FALSE(node);
    EXPECT_EQ(node.error().code, ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace quantumgate::network_test
