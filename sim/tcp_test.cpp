// SPDX-License-Identifier: MIT
// Goal: simulated TCP brings every byte in its order or tells, takes the time that its link takes, and can be made to
// fail in the ways that matter.
#include <gtest/gtest.h>

#include "sim/environment.hpp"
#include "sim/faults.hpp"

namespace quantumgate::sim {
namespace {

using namespace std::chrono_literals;

struct End {
  std::unique_ptr<node::TcpConnection> connection;
  Bytes received;
  int opened = 0, writable = 0, closed = 0;

  node::TcpCallbacks callbacks() {
    return {[this] { ++opened; },
            [this](MutableBytesView bytes) { received.insert(received.end(), bytes.begin(), bytes.end()); },
            [this] { ++writable; }, [this] { ++closed; }};
  }
};

struct SimulatedTcpTest : testing::Test {
  Simulator simulator{1};
  Host& a = simulator.add_host();
  Host& b = simulator.add_host();
  std::unique_ptr<node::TcpListener> listener;
  End opener, acceptor;

  void SetUp() override {
    simulator.set_default_link({.delay = 10ms});
    auto opened = b.open_tcp_listener(b.v4(80), [this](std::unique_ptr<node::TcpConnection> connection) {
      acceptor.connection = std::move(connection);
      return acceptor.callbacks();
    });
    ASSERT_TRUE(opened);
    listener = std::move(*opened);
  }
  void TearDown() override {
    opener.connection.reset();
    acceptor.connection.reset();
    listener.reset();
    simulator.run_for(1s);
  }
  void open() { opener.connection = a.open_tcp(b.v4(80), opener.callbacks()); }
  static Bytes some_bytes(std::size_t size) {
    Bytes bytes(size);
    SeededRandom(5).fill(bytes);
    return bytes;
  }
};

TEST_F(SimulatedTcpTest, OpensCarriesAndCloses) {
  open();
  EXPECT_EQ(opener.connection->write(as_bytes("early")), 0u);
  simulator.run_for(19ms);
  EXPECT_EQ(opener.opened, 0);
  simulator.run_for(1ms);
  ASSERT_EQ(opener.opened, 1) << "one round trip";
  EXPECT_EQ(opener.connection->remote_endpoint(), b.v4(80));
  EXPECT_EQ(acceptor.connection->remote_endpoint().ip, a.v4(0).ip);
  EXPECT_EQ(opener.connection->write(as_bytes("ping")), 4u);
  EXPECT_EQ(acceptor.connection->write(as_bytes("pong")), 4u);
  simulator.run_for(10ms);
  EXPECT_EQ(as_text(acceptor.received), "ping");
  EXPECT_EQ(as_text(opener.received), "pong");
  acceptor.connection.reset();
  simulator.run_for(10ms);
  EXPECT_EQ(opener.closed, 1);
  EXPECT_EQ(opener.connection->write(as_bytes("late")), 0u);
}

TEST_F(SimulatedTcpTest, TheRateHoldsAWriterBackAndLossOnlyDelays) {
  simulator.set_default_link({.delay = 10ms, .jitter = 5ms, .loss_per_million = 50'000, .bits_per_second = 8'000'000});
  open();
  simulator.run_for(1s);
  ASSERT_EQ(opener.opened, 1);
  const Bytes data = some_bytes(1'000'000);
  const TimePoint start = simulator.now();
  std::size_t written = 0;
  EXPECT_TRUE(simulator.run_until(
      [&] {
        written += opener.connection->write(BytesView(data).subspan(written));
        return acceptor.received.size() == data.size();
      },
      10s));
  EXPECT_EQ(acceptor.received, data);
  EXPECT_GT(opener.writable, 10);
  EXPECT_GT(simulator.now() - start, 1s) << "1 MB at 1 MB/s";
  EXPECT_LT(simulator.now() - start, 1200ms);
}

TEST_F(SimulatedTcpTest, ItPassesWhereDatagramsDoNot) {
  simulator.add_tap([](const PassingDatagram&) { return Verdict{.deliver = false}; });
  Bytes seen;
  simulator.add_tcp_tap([&](const PassingSegment& segment) {
    if (segment.to == b.v4(80)) seen.insert(seen.end(), segment.data.begin(), segment.data.end());
  });
  open();
  simulator.run_for(20ms);
  EXPECT_EQ(opener.connection->write(as_bytes("ping")), 4u);
  simulator.run_for(20ms);
  EXPECT_EQ(as_text(acceptor.received), "ping");
  EXPECT_EQ(as_text(seen), "ping");
}

TEST_F(SimulatedTcpTest, IsRefusedOrStaysSilentAsTold) {
  simulator.set_tcp(TcpReach::refused);
  open();
  simulator.run_for(20ms);
  EXPECT_EQ(opener.closed, 1);
  EXPECT_EQ(opener.opened, 0);
  simulator.set_tcp(TcpReach::dropped);
  End silent;
  silent.connection = a.open_tcp(b.v4(80), silent.callbacks());
  simulator.run_for(1min);
  EXPECT_EQ(silent.opened + silent.closed, 0);
  simulator.set_tcp(TcpReach::passes);
  End nobody;
  nobody.connection = a.open_tcp(b.v4(81), nobody.callbacks());
  simulator.run_for(20ms);
  EXPECT_EQ(nobody.closed, 1) << "nobody listens there";
}

TEST_F(SimulatedTcpTest, WhatIsDroppedOnceIsMissedForEver) {
  open();
  simulator.run_for(20ms);
  simulator.set_tcp(TcpReach::dropped);
  EXPECT_EQ(opener.connection->write(as_bytes("lost")), 4u);
  simulator.set_tcp(TcpReach::passes);
  EXPECT_EQ(opener.connection->write(as_bytes("behind it")), 9u);
  simulator.run_for(1min);
  EXPECT_TRUE(acceptor.received.empty());
}

TEST_F(SimulatedTcpTest, WhoMovesAwayIsSilent) {
  open();
  simulator.run_for(20ms);
  a.set_addresses({Endpoint::v4(10, 9, 9, 9, 0)});
  EXPECT_EQ(acceptor.connection->write(as_bytes("to the old place")), 16u);
  EXPECT_EQ(opener.connection->write(as_bytes("from it")), 7u);
  simulator.run_for(1min);
  EXPECT_TRUE(acceptor.received.empty());
  EXPECT_TRUE(opener.received.empty());
  EXPECT_EQ(opener.closed + acceptor.closed, 0);
}

TEST_F(SimulatedTcpTest, ARunCanBeRepeated) {
  const auto run = [](std::uint64_t seed) {
    Simulator other(seed);
    other.set_default_link({.delay = 10ms, .jitter = 5ms, .loss_per_million = 100'000});
    Host& c = other.add_host();
    Host& d = other.add_host();
    End from, to;
    auto door = d.open_tcp_listener(d.v4(80), [&](std::unique_ptr<node::TcpConnection> connection) {
      to.connection = std::move(connection);
      return to.callbacks();
    });
    from.connection = c.open_tcp(d.v4(80), from.callbacks());
    other.run_for(1s);
    EXPECT_EQ(from.connection->write(some_bytes(20'000)), 20'000u);
    other.run_for(1s);
    EXPECT_EQ(to.received.size(), 20'000u);
    return other.fingerprint();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace quantumgate::sim
