// SPDX-License-Identifier: MIT
// Goal: an authenticated peer that does what no good program does is slowed down or refused as documented; memory and
// the session's other users stay as they were.
// Method: whole nodes on simulated hosts, in virtual time. What a peer can only do with its own protocol stack (bombs,
// malformed frames) is in src/node/messages_test.cpp and in the fuzz targets.
#include <malloc.h>

#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

struct HostileTest : ::testing::Test {
  std::vector<std::unique_ptr<Source>> floods;  // their callbacks come until the nodes are gone
  sim::Simulator simulator{1};
  std::vector<std::shared_ptr<Stream>> kept;
  std::shared_ptr<Extender> keeper = make_extender(
      "test.keeper", {.on_stream = [this](std::shared_ptr<Stream> stream) { kept.push_back(std::move(stream)); }});
  TestNode alice{simulator, 1};
  TestNode bob{simulator, 2, {.extenders = {keeper}}};

  void SetUp() override { ASSERT_TRUE(alice.connect(bob.address())); }
  void TearDown() override { kept.clear(); }

  bool transfer(std::uint64_t size) {
    Source source(*alice.node, bob.identity.uuid(), size);
    alice.node->post([] {});
    return simulator.run_until([&] { return source.done() || source.failed(); }, 10min) && source.done();
  }
};

TEST_F(HostileTest, AReceiverThatStopsReadingStopsItsSenderAndNobodyElse) {
  const auto opened = alice.node->open_stream(bob.identity.uuid(), "test.keeper", {.compression = Compression::off});
  ASSERT_TRUE(opened);
  const auto stream = *opened;
  std::uint64_t written = 0;
  const Bytes piece(60'000);
  const auto write = [&] {
    while (const std::size_t taken = stream->write(piece)) written += taken;
  };
  stream->on_writable(write);
  write();
  alice.node->post([] {});
  simulator.run_for(1min);
  const auto then = written;
  EXPECT_GE(then, 1u << 20);
  EXPECT_LE(then, std::uint64_t{24} << 20) << "what both ends buffer";
  simulator.run_for(10min);
  EXPECT_EQ(written, then) << "it stays stopped";
  EXPECT_EQ(alice.observer->downs.size(), 0u) << "and the session stays up";
  EXPECT_TRUE(transfer(3'000'000)) << "others pass";

  ASSERT_EQ(kept.size(), 1u);
  std::uint64_t read = 0;
  bool more = true;
  kept[0]->on_readable([&] {
    Bytes out(50'000);
    while (const std::size_t size = kept[0]->read(out)) read += size;
    more = read < then + 5'000'000;
  });
  bob.node->post([] {});
  EXPECT_TRUE(simulator.run_until([&] { return !more; }, 10min)) << "reading sets it going again";
}

TEST_F(HostileTest, TenThousandStreamsASecondOpenedAndBrokenOff) {
  // By the opener, by the receiver, or refused because too many are open: whatever happens, nothing of it stays.
  const auto second = [&] {
    int opened = 0;
    for (int i = 0; i < 10'000; ++i) {
      const auto stream = alice.node->open_stream(bob.identity.uuid(), "test.keeper");
      if (stream) {
        ++opened;
        (*stream)->write(as_bytes("hello"));
        if (i % 2 == 0) (*stream)->reset(1000);
      } else {
        EXPECT_EQ(stream.error().code, ErrorCode::limit);
      }
      for (const auto& stream_there : std::exchange(kept, {})) stream_there->reset(1001);
      if (i % 10 == 9) {
        alice.node->post([] {});
        bob.node->post([] {});
        simulator.run_for(1ms);
      }
    }
    return opened;
  };
  EXPECT_GT(second(), 1000);
  simulator.run_for(1s);
  const auto before = mallinfo2().uordblks;
  for (int i = 0; i < 10; ++i) second();
  simulator.run_for(1s);
  EXPECT_LT(mallinfo2().uordblks, before + (1u << 20)) << "memory is flat";
  EXPECT_EQ(alice.observer->downs.size() + bob.observer->downs.size(), 0u);
  EXPECT_TRUE(transfer(1'000'000));
}

TEST_F(HostileTest, ASenderThatNeverStopsDoesNotStarveASmallMessage) {
  bool stop = false;
  for (int i = 0; i < 20; ++i) {
    floods.push_back(std::make_unique<Source>(*alice.node, bob.identity.uuid(), std::uint64_t{1} << 40));
  }
  alice.node->post([] {});
  simulator.run_for(100ms);
  const auto began = simulator.now();
  ASSERT_TRUE(alice.node->send_message(bob.identity.uuid(), "test.sink", as_bytes("small"),
                                       {.priority = Priority::expedited}, [&](Result<void> sent) {
                                         EXPECT_TRUE(sent);
                                         stop = true;
                                       }));
  alice.node->post([] {});
  EXPECT_TRUE(simulator.run_until([&] { return stop; }, 1s));
  EXPECT_LT(simulator.now() - began, 100ms);
}

}  // namespace
}  // namespace quantumgate::network_test
