// SPDX-License-Identifier: MIT
// Goal: where UDP does not get through, nodes find each other and go on by TCP; when UDP is back, they take it again;
// and strangers who open connections get nothing and cost little.
// Method: a tap drops every datagram while `udp` is false; it does not see TCP.
#include "node/tcp_links.hpp"
#include "tests/network/network_test.hpp"
#include "wire/test_censor_rule.hpp"

namespace quantumgate::network_test {
namespace {

struct TcpPathTest : ::testing::Test, Transfers {
  TestNode alice{simulator, 1, {.anywhere = true}};
  TestNode bob{simulator, 2};
  bool udp = true;

  void SetUp() override {
    simulator.set_default_link({.delay = 20ms, .bits_per_second = 20'000'000});
    simulator.add_tap([this](const sim::PassingDatagram&) { return sim::Verdict{.deliver = udp}; });
  }
  void meet() {
    ASSERT_TRUE(alice.connect(bob.address()));
    simulator.run_for(1s);  // bob, too, has the session
  }
  // How long nothing arrives at `node` from now on, at most `limit`.
  Duration pause(const TestNode& node, Duration limit) {
    simulator.run_for(100ms);  // what was under way
    const std::uint64_t before = node.sink->received;
    const TimePoint start = simulator.now();
    EXPECT_TRUE(simulator.run_until([&] { return node.sink->received > before; }, limit));
    return simulator.now() - start;
  }
  static Transport transport(const TestNode& node) { return node.node->peers().at(0).transport; }
};

TEST_F(TcpPathTest, ADialThatUdpDoesNotCarryGoesByTcp) {
  udp = false;
  const TimePoint start_time = simulator.now();
  const auto peer = alice.connect(bob.address());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->transport, Transport::tcp);
  EXPECT_GE(simulator.now() - start_time, 2s);
  EXPECT_LT(simulator.now() - start_time, 2200ms) << "2 s, and two round trips";
  simulator.run_for(1s);
  EXPECT_EQ(transport(bob), Transport::tcp);
  EXPECT_EQ(bob.node->counters().tcp_accepted, 1u);
  EXPECT_TRUE(ends(start(alice, bob, 10'000'000), 30s));
  EXPECT_TRUE(ends(start(bob, alice, 10'000'000), 30s));
  simulator.run_for(5min);  // looking for UDP every now and then does no harm
  EXPECT_EQ(transport(alice), Transport::tcp);
  EXPECT_TRUE(ends(start(bob, alice, 1'000'000), 10s));
  one_session(alice, bob);
  EXPECT_EQ(bob.node->counters().datagrams_received, 0u);
}

TEST_F(TcpPathTest, ADialThatUdpAnswersOpensNoConnection) {
  meet();
  simulator.run_for(1min);
  EXPECT_EQ(simulator.traffic().tcp_accepted, 0u);
  one_session(alice, bob);
}

TEST_F(TcpPathTest, WithoutTcpADialFailsAsEver) {
  udp = false;
  simulator.set_tcp(sim::TcpReach::refused);
  const auto refused = alice.connect(bob.address());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::no_answer);
  simulator.set_tcp(sim::TcpReach::dropped);
  EXPECT_FALSE(alice.connect(bob.address()));
  simulator.set_tcp(sim::TcpReach::passes);
  bob.options.tcp = false;
  bob.restart();
  SetUp();
  EXPECT_FALSE(alice.connect(bob.address())) << "he does not listen";
  bob.options.tcp = true;
  bob.restart();
  SetUp();
  alice.options.tcp = false;
  alice.restart();
  SetUp();
  EXPECT_FALSE(alice.connect(bob.address())) << "she does not try";
  EXPECT_EQ(simulator.traffic().tcp_accepted, 0u);
}

TEST_F(TcpPathTest, UdpDiesInTheMiddleAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(meet());
  for (const bool up : {true, false}) {  // who sends
    TestNode& to = up ? bob : alice;
    const Source& source = up ? start(alice, bob, 150'000'000) : start(bob, alice, 150'000'000);
    simulator.run_for(5s);
    udp = false;
    const Duration to_tcp = pause(to, 10s);
    EXPECT_LT(to_tcp, 3s) << up;
    EXPECT_EQ(transport(to), Transport::tcp);
    simulator.run_for(10s);
    EXPECT_EQ(transport(alice), Transport::tcp);
    EXPECT_EQ(transport(bob), Transport::tcp);
    udp = true;
    const std::uint64_t before = to.sink->received;
    EXPECT_LT(pause(to, 10s), 200ms) << "nothing stops when UDP is back";
    ASSERT_TRUE(simulator.run_until([&] { return transport(alice) == Transport::udp; }, 40s));
    EXPECT_LT(pause(to, 10s), 500ms) << "nor when it is taken";
    EXPECT_GT(to.sink->received, before + 10'000'000);
    EXPECT_FALSE(source.done()) << "all this was in its middle";
    EXPECT_TRUE(ends(source, 60s)) << up;
    EXPECT_EQ(transport(bob), Transport::udp);
    std::printf("UDP died under %s: nothing arrived for %lld ms\n", up ? "an upload" : "a download",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(to_tcp).count()));
    simulator.run_for(2min);  // the connection is closed meanwhile
  }
  one_session(alice, bob);
  EXPECT_EQ(simulator.traffic().tcp_accepted, 2u) << "it was opened when it had to be, and not again";
}

TEST_F(TcpPathTest, WhereTcpIsRefusedTooTheSessionWaitsAsLongAsEver) {
  ASSERT_NO_FATAL_FAILURE(meet());
  simulator.set_tcp(sim::TcpReach::refused);
  const Source& source = start(alice, bob, 50'000'000);
  simulator.run_for(2s);
  udp = false;
  simulator.run_for(12s);
  EXPECT_EQ(alice.observer->downs.size(), 0u);
  udp = true;
  EXPECT_TRUE(ends(source, 60s));
  one_session(alice, bob);
  udp = false;
  start(alice, bob, 1'000'000);
  simulator.run_for(1min);
  EXPECT_EQ(alice.observer->downs, std::vector{CloseReason::idle});
}

TEST_F(TcpPathTest, AnIdleSessionFindsTcpBeforeItIsGivenUp) {
  ASSERT_NO_FATAL_FAILURE(meet());
  udp = false;
  simulator.run_for(2min);
  EXPECT_EQ(transport(alice), Transport::tcp);
  EXPECT_EQ(transport(bob), Transport::tcp);
  udp = true;
  simulator.run_for(1min);
  EXPECT_EQ(transport(alice), Transport::udp);
  EXPECT_EQ(transport(bob), Transport::udp);
  one_session(alice, bob);
}

TEST_F(TcpPathTest, AConnectionThatBreaksIsOpenedAgain) {
  udp = false;
  ASSERT_NO_FATAL_FAILURE(meet());
  for (int i = 0; i < 3; ++i) {
    const Source& source = start(alice, bob, 20'000'000);
    simulator.run_for(2s);
    simulator.set_tcp(sim::TcpReach::dropped);  // whatever was sent in this moment is missing for ever
    simulator.run_for(500ms);
    simulator.set_tcp(sim::TcpReach::passes);
    EXPECT_LT(pause(bob, 20s), 6s);
    EXPECT_TRUE(ends(source, 60s));
  }
  EXPECT_EQ(bob.node->counters().tcp_accepted, 4u);
  EXPECT_EQ(transport(alice), Transport::tcp);
  one_session(alice, bob);
}

TEST_F(TcpPathTest, WhoMovesWhileOnTcpIsFollowed) {
  udp = false;
  ASSERT_NO_FATAL_FAILURE(meet());
  const Source& source = start(alice, bob, 30'000'000);
  simulator.run_for(3s);
  alice.host.set_addresses({Endpoint::v4(10, 9, 0, 1, 0)});
  EXPECT_LT(pause(bob, 20s), 6s);
  EXPECT_TRUE(ends(source, 60s));
  EXPECT_EQ(bob.node->peers().at(0).endpoint.ip, alice.host.v4(0).ip);
  one_session(alice, bob);
}

TEST_F(TcpPathTest, BothDirectionsBeginWithWhatTheCensorRuleLetsPass) {
  udp = false;
  std::map<std::pair<Endpoint, Endpoint>, Bytes> first;
  simulator.add_tcp_tap([&](const sim::PassingSegment& segment) {
    first.try_emplace({segment.from, segment.to}, segment.data.begin(), segment.data.end());
  });
  constexpr int kConnections = 200;
  for (int i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(alice.connect(bob.address()));
    ASSERT_TRUE(alice.node->disconnect(bob.identity.uuid()));
    simulator.run_for(65s);  // until the connection is closed
  }
  EXPECT_EQ(first.size(), 2u * kConnections);
  for (const auto& [ends, payload] : first) EXPECT_FALSE(wire::censor_rule_blocks(payload));
}

// Strangers.

struct TcpStrangersTest : TcpPathTest {
  struct Stranger {
    std::unique_ptr<node::TcpConnection> connection;
    bool open = false, closed = false;
    std::size_t received = 0;
    TimePoint closed_at{};
  };
  sim::Host* mallory = &simulator.add_host();
  std::vector<std::unique_ptr<Stranger>> strangers;

  Stranger& open_from(sim::Host& host) {
    Stranger& stranger = *strangers.emplace_back(std::make_unique<Stranger>());
    stranger.connection =
        host.open_tcp(bob.host.v4(5000), {[&stranger] { stranger.open = true; },
                                          [&stranger](MutableBytesView bytes) { stranger.received += bytes.size(); },
                                          {},
                                          [&stranger, &host] {
                                            stranger.closed = true;
                                            stranger.closed_at = host.now();
                                          }});
    return stranger;
  }
  ~TcpStrangersTest() override { strangers.clear(); }
};

TEST_F(TcpStrangersTest, GetNoAnswerAndAreClosedAfterTheSameTimeWhateverTheySend) {
  sim::SeededRandom random(1);
  const TimePoint begin = simulator.now();
  open_from(*mallory);  // silent
  Stranger& noisy = open_from(*mallory);
  Stranger& slow = open_from(*mallory);
  Stranger& http = open_from(*mallory);
  simulator.run_for(50ms);
  Bytes rubbish(60'000);
  random.fill(rubbish);
  for (int i = 0; i < 95; ++i) {
    noisy.connection->write(rubbish);
    slow.connection->write(BytesView(rubbish).subspan(static_cast<std::size_t>(i), 1));
    if (i == 0) http.connection->write(as_bytes("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"));
    simulator.run_for(100ms);
  }
  for (const auto& stranger : strangers) EXPECT_TRUE(stranger->open && !stranger->closed);
  simulator.run_for(2s);
  for (const auto& stranger : strangers) {
    EXPECT_TRUE(stranger->closed);
    EXPECT_EQ(stranger->received, 0u);
    EXPECT_LT(stranger->closed_at - begin, 10'200ms);
  }
  EXPECT_EQ(bob.node->counters().tcp_unproven, 4u);
  ASSERT_NO_FATAL_FAILURE(meet());
}

TEST_F(TcpStrangersTest, OneNetworkGetsItsShareAndOthersComeIn) {
  for (int i = 0; i < 500; ++i) open_from(*mallory);
  simulator.run_for(1s);
  EXPECT_EQ(bob.node->counters().tcp_accepted, node::kTcpLinksPerPrefixMax);
  EXPECT_EQ(bob.node->counters().tcp_refused, 500 - node::kTcpLinksPerPrefixMax);
  udp = false;
  alice.host.set_addresses({Endpoint::v4(10, 9, 0, 1, 0)});  // they are in one network with her else
  EXPECT_TRUE(alice.connect(bob.address()));
}

TEST_F(TcpStrangersTest, ManyNetworksFillEverySlotAndOneWhoIsKnownStillGetsIn) {
  udp = false;
  alice.host.set_addresses({Endpoint::v4(10, 9, 0, 1, 0)});
  std::vector<sim::Host*> hosts;
  for (std::uint8_t i = 0; i < 20; ++i) hosts.push_back(&simulator.add_host({Endpoint::v4(10, 66, i, 1, 0)}));
  ASSERT_TRUE(alice.connect(bob.address()));
  // 2,000 connections a second; a handshake takes 100 ms of a second in which 512 slots turn over four times.
  for (int i = 0; i < 2000; ++i) {
    open_from(*hosts[static_cast<std::size_t>(i) % hosts.size()]);
    simulator.run_for(1ms);
  }
  EXPECT_EQ(bob.node->peers().size(), 1u);
  EXPECT_EQ(alice.observer->downs.size(), 0u) << "who is proven does not give way";
  EXPECT_TRUE(ends(start(alice, bob, 100'000), 10s));
}

}  // namespace
}  // namespace quantumgate::network_test
