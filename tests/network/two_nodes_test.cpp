// SPDX-License-Identifier: MIT
// Goal: two whole nodes, kernel and extenders, behave as a user sees them, whatever the network does.
// Method: public API on simulated hosts, virtual time, fixed seeds.
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

struct TwoNodesTest : ::testing::Test {
  sim::Simulator simulator{1};
  TestNode alice{simulator, 1};
  TestNode bob{simulator, 2};

  bool transfer(TestNode& from, TestNode& to, std::uint64_t size, Duration limit = 10min) {
    Source source(*from.node, to.identity.uuid(), size);
    from.node->post([] {});
    return simulator.run_until([&] { return source.done() || source.failed(); }, limit) && source.done();
  }
};

TEST_F(TwoNodesTest, ConnectReportsBothSidesTheSameSession) {
  const auto peer = alice.connect(bob.address());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uuid, bob.identity.uuid());
  EXPECT_EQ(peer->endpoint, bob.host.v4(5000));
  EXPECT_TRUE(peer->outgoing && peer->post_quantum);
  EXPECT_EQ(peer->handshake_time, 2ms);
  simulator.run_for(100ms);
  ASSERT_EQ(bob.node->peers().size(), 1u);
  EXPECT_EQ(bob.node->peers()[0].uuid, alice.identity.uuid());
  EXPECT_EQ(alice.observer->ups.size(), 1u);
  EXPECT_EQ(bob.observer->ups.size(), 1u);
  EXPECT_EQ(alice.dropped() + bob.dropped(), 0u);
  EXPECT_TRUE(alice.connect(bob.address())) << "a second dial finds the session";
  EXPECT_EQ(bob.node->counters().handshakes_started, 1u);
}

TEST_F(TwoNodesTest, TransfersInBothDirectionsOverOneSession) {
  ASSERT_TRUE(alice.connect(bob.address()));
  EXPECT_TRUE(transfer(alice, bob, 3'000'000));
  EXPECT_TRUE(transfer(bob, alice, 3'000'000)) << "the responder opens streams too";
  EXPECT_TRUE(transfer(alice, bob, 0));
  EXPECT_EQ(bob.sink->received + alice.sink->received, 6'000'000u);
  EXPECT_EQ(bob.sink->wrong + alice.sink->wrong, 0u);
}

TEST_F(TwoNodesTest, TheFirstByteArrivesOneAndAHalfRoundTripsAfterTheDial) {
  simulator.set_default_link({.delay = 50ms});
  std::optional<Source> source;
  alice.node->connect(bob.address(), {}, [&](Result<Peer> peer) {
    ASSERT_TRUE(peer);
    source.emplace(*alice.node, peer->uuid, 5);
  });
  const TimePoint start = simulator.now();
  ASSERT_TRUE(simulator.run_until([&] { return bob.sink->received == 5; }, 10s));
  EXPECT_LT(simulator.now() - start, 160ms);
  ASSERT_TRUE(simulator.run_until([&] { return source->done(); }, 10s));
}

TEST_F(TwoNodesTest, ManyStreamsAtOnce) {
  ASSERT_TRUE(alice.connect(bob.address()));
  std::vector<std::unique_ptr<Source>> sources;
  for (int i = 0; i < 200; ++i) sources.push_back(std::make_unique<Source>(*alice.node, bob.identity.uuid(), 20'000));
  alice.node->post([] {});
  const auto all_done = [&] { return std::ranges::all_of(sources, [](const auto& s) { return s->done(); }); };
  EXPECT_TRUE(simulator.run_until(all_done, 5min));
  EXPECT_EQ(bob.sink->received, 200u * 20'000);
  EXPECT_EQ(bob.sink->wrong, 0u);
}

TEST_F(TwoNodesTest, AnUnknownExtenderIsSaidSo) {
  ASSERT_TRUE(alice.connect(bob.address()));
  std::optional<std::uint64_t> code;
  auto stream = alice.node->open_stream(bob.identity.uuid(), "test.nobody");
  ASSERT_TRUE(stream);
  (*stream)->on_closed([&](std::optional<Error> error, std::uint64_t c) {
    EXPECT_EQ(error->code, ErrorCode::reset);
    code = c;
  });
  alice.node->post([] {});
  simulator.run_until([&] { return code.has_value(); }, 10s);
  EXPECT_EQ(code, kStreamNoSuchExtender);
  EXPECT_FALSE(alice.node->open_stream(bob.identity.uuid(), "Not A Name"));
  EXPECT_FALSE(alice.node->open_stream(alice.identity.uuid(), "test.sink"));
}

TEST_F(TwoNodesTest, AStreamNobodyKeepsIsRefused) {
  ASSERT_TRUE(alice.connect(bob.address()));
  std::optional<std::uint64_t> code;
  auto stream = alice.node->open_stream(bob.identity.uuid(), "test.observer");
  ASSERT_TRUE(stream);
  (*stream)->on_closed([&](std::optional<Error>, std::uint64_t c) { code = c; });
  alice.node->post([] {});
  simulator.run_until([&] { return code.has_value(); }, 10s);
  EXPECT_EQ(code, kStreamRefused);
}

TEST_F(TwoNodesTest, TwoThatDialEachOtherEndWithOnePeerReportedOnce) {
  for (const Duration head_start : {Duration(0), Duration(500us), Duration(1ms), Duration(2500us), Duration(4ms)}) {
    sim::Simulator network(static_cast<std::uint64_t>(head_start.count()) + 7);
    TestNode one(network, 1), two(network, 2);
    int answers = 0;
    const auto count = [&](Result<Peer> peer) { answers += peer.has_value(); };
    one.node->connect(two.address(), {}, count);
    network.run_for(head_start);
    two.node->connect(one.address(), {}, count);
    ASSERT_TRUE(network.run_until([&] { return answers == 2; }, 10s));
    network.run_for(100ms);
    // What is opened before the pair is settled is served to its end on whichever session it began.
    Source early(*one.node, two.identity.uuid(), 100'000), back(*two.node, one.identity.uuid(), 100'000);
    one.node->post([] {});
    two.node->post([] {});
    EXPECT_TRUE(network.run_until([&] { return early.done() && back.done(); }, 1min));
    network.run_for(30s);
    for (TestNode* node : {&one, &two}) {
      EXPECT_EQ(node->observer->ups.size(), 1u);
      EXPECT_TRUE(node->observer->downs.empty());
      EXPECT_EQ(node->node->peers().size(), 1u);
    }
    Source late(*two.node, one.identity.uuid(), 1000);
    two.node->post([] {});
    EXPECT_TRUE(network.run_until([&] { return late.done(); }, 1min));
  }
}

TEST_F(TwoNodesTest, DisconnectTellsThePeer) {
  ASSERT_TRUE(alice.connect(bob.address()));
  simulator.run_for(1s);
  EXPECT_TRUE(alice.node->disconnect(bob.identity.uuid()));
  simulator.run_for(1s);
  EXPECT_TRUE(alice.node->peers().empty());
  EXPECT_TRUE(bob.node->peers().empty());
  EXPECT_EQ(bob.observer->downs, std::vector<CloseReason>{CloseReason::normal});
  EXPECT_EQ(alice.observer->downs, std::vector<CloseReason>{CloseReason::normal});
  EXPECT_EQ(alice.node->disconnect(bob.identity.uuid()).error().code, ErrorCode::not_found);
  simulator.run_for(10s);
  EXPECT_TRUE(alice.connect(bob.address())) << "and it can be dialled again";
}

TEST_F(TwoNodesTest, APeerThatStopsSaysSoAndStreamsEnd) {
  ASSERT_TRUE(alice.connect(bob.address()));
  Source source(*alice.node, bob.identity.uuid(), 1'000'000'000);
  alice.node->post([] {});
  simulator.run_for(20ms);
  bob.node.reset();
  ASSERT_TRUE(simulator.run_until([&] { return source.failed(); }, 1s));
  EXPECT_EQ(alice.observer->downs, std::vector<CloseReason>{CloseReason::shutting_down});
}

TEST_F(TwoNodesTest, APeerThatDiesIsNoticedWhileDataWaits) {
  ASSERT_TRUE(alice.connect(bob.address()));
  Source source(*alice.node, bob.identity.uuid(), 1'000'000'000);
  alice.node->post([] {});
  simulator.run_for(20ms);
  bob.kill();
  ASSERT_TRUE(simulator.run_until([&] { return source.failed(); }, 25s));
  EXPECT_EQ(alice.observer->downs, std::vector<CloseReason>{CloseReason::idle});
}

TEST_F(TwoNodesTest, AQuietSessionStaysUpForADay) {
  ASSERT_TRUE(alice.connect(bob.address()));
  EXPECT_TRUE(transfer(alice, bob, 1000));
  simulator.run_for(24h);
  EXPECT_TRUE(alice.observer->downs.empty());
  EXPECT_TRUE(bob.observer->downs.empty());
  EXPECT_TRUE(transfer(bob, alice, 1000)) << "and a new engine starts when it is needed";
}

TEST_F(TwoNodesTest, ARestartedPeerReplacesItsOldSession) {
  ASSERT_TRUE(alice.connect(bob.address()));
  simulator.run_for(1s);
  alice.restart();
  ASSERT_TRUE(alice.connect(bob.address()));
  simulator.run_for(1s);
  EXPECT_EQ(bob.observer->ups.size(), 2u);
  EXPECT_EQ(bob.observer->downs, std::vector<CloseReason>{CloseReason::replaced});
  EXPECT_TRUE(transfer(bob, alice, 1000));
}

TEST_F(TwoNodesTest, NobodyThereOtherSecretNetworkOrUuidIsNoAnswer) {
  const auto silent = [&](TestNode& from, Address to) {
    const auto before = bob.host.simulator().traffic().sent;
    const auto peer = from.connect(to, 2s);
    EXPECT_FALSE(peer);
    if (!peer) {
      EXPECT_EQ(peer.error().code, ErrorCode::no_answer);
    }
    EXPECT_GT(simulator.traffic().sent, before);
  };
  Address nobody = bob.address();
  nobody.hosts[0].port = 5999;
  silent(alice, nobody);
  Address other_uuid = bob.address();
  other_uuid.uuid.bytes[0] ^= std::byte{1};
  silent(alice, other_uuid);
  TestNode other_network(simulator, 3, {.network = "tesu"});
  silent(other_network, bob.address());
  TestNode with_secret(simulator, 4, {.shared_secret = 5});
  silent(with_secret, bob.address());
  TestNode right_secret(simulator, 5, {.shared_secret = 5});
  EXPECT_TRUE(right_secret.connect(with_secret.address()));

  EXPECT_EQ(bob.node->counters().datagrams_sent, 0u);
  EXPECT_GT(bob.node->counters().dropped_unauthentic, 0u);
  EXPECT_EQ(bob.log.size(), 1u) << "one line for all of them";
}

TEST_F(TwoNodesTest, BadDialsAreRefusedAtOnce) {
  EXPECT_EQ(alice.connect(alice.address()).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(alice.connect(bob.address(), 1ms).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(alice.connect({bob.identity.uuid(), {}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(alice.connect({bob.identity.uuid(), {{"no.such.name", 5}}}).error().code, ErrorCode::not_found);
  simulator.add_name("bob.example", {bob.host.v4(0)});
  EXPECT_TRUE(alice.connect({bob.identity.uuid(), {{"no.such.name", 5}, {"bob.example", 5000}}}));
}

TEST_F(TwoNodesTest, TheDialThatFindsNobodyAtOneEndpointTriesTheNext) {
  Address address = bob.address();
  address.hosts.insert(address.hosts.begin(), {"10.99.0.1", 5000});
  const auto peer = alice.connect(address);
  ASSERT_TRUE(peer);
  EXPECT_LT(peer->handshake_time, 1s);
}

TEST_F(TwoNodesTest, EverySuiteCarriesATransfer) {
  std::uint8_t seed = 50;
  for (const std::string& name : suite_names()) {
    SCOPED_TRACE(name);
    TestNode carol(simulator, seed++, {.suites = {name}});
    const auto peer = carol.connect(bob.address());
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->suite, name);
    EXPECT_TRUE(transfer(carol, bob, 100'000));
    EXPECT_TRUE(transfer(bob, carol, 100'000));
    EXPECT_EQ(bob.observer->ups.back().suite, name);
    EXPECT_TRUE(carol.node->disconnect(bob.identity.uuid()));
    simulator.run_for(10s);
  }
  EXPECT_EQ(bob.sink->wrong, 0u);
}

TEST_F(TwoNodesTest, ASuiteThatThePeerLacksHasToBeAvoidedByHand) {
  const std::string best = suite_names().front(), second = suite_names()[1], last = suite_names().back();
  TestNode limited(simulator, 50, {.suites = {last, second}});
  EXPECT_EQ(alice.connect(limited.address()).error().code, ErrorCode::no_answer);
  EXPECT_EQ(limited.node->counters().datagrams_sent, 0u) << "silence, as to any stranger";
  // The worse one of the two in common is refused by both sides: the peer's own answer is where it ends.
  EXPECT_EQ(alice.connect(limited.address(), {10s, last}).error().code, ErrorCode::no_answer);
  EXPECT_TRUE(limited.observer->ups.empty());
  const auto peer = alice.connect(limited.address(), {10s, second});
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->suite, second);

  EXPECT_EQ(limited.connect(bob.address(), {10s, best}).error().code, ErrorCode::invalid_argument) << "not enabled";
  EXPECT_EQ(limited.connect(bob.address(), {10s, "no such suite"}).error().code, ErrorCode::invalid_argument);
}

TEST_F(TwoNodesTest, Ipv6) {
  TestNode one(simulator, 6, {.v6 = true}), two(simulator, 7, {.v6 = true});
  ASSERT_TRUE(one.connect(two.address()));
  EXPECT_TRUE(transfer(one, two, 100'000));
  EXPECT_TRUE(alice.connect(two.address())) << "from a node that listens on IPv4 only";
}

TEST_F(TwoNodesTest, SessionsBeyondTheBoundAreRefusedSilently) {
  TestNode small(simulator, 10, {.sessions_max = 2});
  TestNode third(simulator, 11);
  EXPECT_TRUE(alice.connect(small.address()));
  EXPECT_TRUE(bob.connect(small.address()));
  simulator.run_for(1s);
  EXPECT_EQ(third.connect(small.address(), 2s).error().code, ErrorCode::no_answer);
  EXPECT_EQ(small.node->peers().size(), 2u);
}

TEST_F(TwoNodesTest, ARecordedHandshakeIsNotAnsweredAndBuildsNothing) {
  std::vector<sim::InjectedDatagram> recorded;
  simulator.add_tap([&](const sim::PassingDatagram& passing) {
    if (passing.to == bob.host.v4(5000))
      recorded.push_back({passing.from, passing.to, Bytes(passing.data.begin(), passing.data.end()), 0ms});
    return sim::Verdict();
  });
  ASSERT_TRUE(alice.connect(bob.address()));
  simulator.run_for(1s);
  simulator.clear_taps();
  ASSERT_GE(recorded.size(), 3u);
  const NodeCounters before = bob.node->counters();
  for (const Duration wait : {1s, 12s, 100s}) {  // while the handshake is remembered, after it, at the clock's edge
    simulator.run_for(wait);
    const std::uint64_t sent = simulator.traffic().sent;
    for (sim::InjectedDatagram datagram : recorded) {
      simulator.inject(datagram);
      datagram.from = Endpoint::v4(10, 9, 9, 9, 9);
      simulator.inject(datagram);
    }
    simulator.run_for(50ms);
    // Within ten seconds a repeated message 3 makes the responder send its peer, and nobody else, a keepalive.
    EXPECT_EQ(simulator.traffic().sent - sent, wait == 1s ? 1u : 0u);
    EXPECT_EQ(simulator.traffic().unreachable, 0u) << "the stranger's address was never sent to";
  }
  const NodeCounters after = bob.node->counters();
  EXPECT_EQ(after.handshakes_started, before.handshakes_started);
  EXPECT_EQ(after.cookies_sent, 0u);
  EXPECT_EQ(bob.node->peers().size(), 1u);
  EXPECT_GE(bob.dropped(), 6 * recorded.size() - 3) << "message 3 may be taken as a request for confirmation";
}

TEST_F(TwoNodesTest, AnUnfinishedHandshakeBuildsNoSession) {
  // Everything behind message 1 gets lost: the responder keeps a slot for ten seconds, and nothing else.
  const auto message1_only = [&](const sim::PassingDatagram& passing) {
    sim::Verdict verdict;
    verdict.deliver = passing.to == bob.host.v4(5000) && passing.data.size() == 704;
    return verdict;
  };
  simulator.set_tcp(sim::TcpReach::dropped);
  simulator.add_tap(message1_only);
  EXPECT_EQ(alice.connect(bob.address(), 5s).error().code, ErrorCode::no_answer);
  EXPECT_EQ(bob.node->counters().handshakes_started, 1u);
  EXPECT_LE(bob.node->counters().bytes_sent, 3 * bob.node->counters().bytes_received);
  EXPECT_TRUE(bob.node->peers().empty());
  EXPECT_TRUE(bob.observer->ups.empty());
}

TEST_F(TwoNodesTest, RubbishIsSilentlyCounted) {
  sim::SeededRandom random(9);
  std::uint64_t expected = 0;
  const auto sent_before = bob.node->counters().datagrams_sent;
  for (std::size_t size : {0, 1, 23, 24, 71, 72, 100, 703, 704, 705, 1232, 1233, 1472, 2000}) {
    for (int i = 0; i < 20; ++i, ++expected) {
      Bytes rubbish(size);
      random.fill(rubbish);
      simulator.inject({alice.host.v4(6000), bob.host.v4(5000), rubbish, 0ms});
    }
  }
  simulator.run_for(10s);
  EXPECT_EQ(bob.dropped(), expected);
  EXPECT_EQ(bob.node->counters().datagrams_sent, sent_before);
  EXPECT_LE(bob.log.size(), 1u);
}

}  // namespace
}  // namespace quantumgate::network_test
