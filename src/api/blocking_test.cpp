// SPDX-License-Identifier: MIT
// Goal: the waiting calls do what their callback forms do, end in time, and refuse to wait where that would never end.
// Method: two nodes on loopback, each with its own thread; the test's thread plays the program.
#include "quantumgate/blocking.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

struct BlockingTest : ::testing::Test {
  void SetUp() override {
    const auto on_stream = [this](std::shared_ptr<Stream> stream) { streams.set_value(std::move(stream)); };
    const auto on_message = [this](Message message) {
      texts.emplace_back(message.text());
      if (hold) held.push_back(std::move(message));
    };
    auto started = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}},
                               {make_extender("test.it", {.on_message = on_message, .on_stream = on_stream})});
    ASSERT_TRUE(started);
    server = std::move(*started);
    started = Node::start(Identity::generate());
    ASSERT_TRUE(started);
    client = std::move(*started);
  }
  void TearDown() override {
    client.reset();
    server.reset();
  }

  std::promise<std::shared_ptr<Stream>> streams;
  std::vector<std::string> texts;  // these three: the server's thread
  std::vector<Message> held;
  bool hold = false;
  std::unique_ptr<Node> server, client;
};

TEST_F(BlockingTest, ConnectMessagesAndStreams) {
  const auto peer = blocking::connect(*client, server->address());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uuid, server->uuid());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(blocking::send_message(*client, peer->uuid, "test.it", as_bytes("message " + std::to_string(i))));
  }
  std::size_t count = 0;
  ASSERT_TRUE(blocking::run(*server, [&] { count = texts.size(); }));
  EXPECT_EQ(count, 10u) << "sent means that the other node has it";
  EXPECT_EQ(blocking::send_message(*client, peer->uuid, "test.other", as_bytes("x")).error().code,
            ErrorCode::not_found);

  auto here = blocking::Stream::open(*client, peer->uuid, "test.it");
  ASSERT_TRUE(here);
  ASSERT_TRUE(here->write(as_bytes("ping")));
  auto there = blocking::Stream::adopt(*server, streams.get_future().get());
  ASSERT_TRUE(there);
  std::array<std::byte, 16> buffer;
  const auto read = there->read(buffer);
  ASSERT_TRUE(read);
  EXPECT_EQ(as_text(BytesView(buffer).first(*read)), "ping");
  EXPECT_EQ(there->read(buffer, 50ms).error().code, ErrorCode::timed_out);

  // More than all buffers together, so that each side has to wait for the other.
  const Bytes big = pattern(20'000'000);
  std::thread writer([&] {
    EXPECT_TRUE(here->write(big, 60s));
    EXPECT_TRUE(here->finish());
  });
  EXPECT_EQ(there->read_all(big.size() - 1, 60s).error().code, ErrorCode::limit);
  writer.join();

  // A stream that was finished and dropped still delivers; one that was only dropped is broken off.
  ASSERT_TRUE(there->write(as_bytes("the last word")));
  ASSERT_TRUE(there->finish());
  { const blocking::Stream dropped = std::move(*there); }
  const auto rest = here->read_all(100);
  ASSERT_TRUE(rest);
  EXPECT_EQ(as_text(*rest), "the last word");
  streams = {};
  auto again = blocking::Stream::open(*client, peer->uuid, "test.it");
  ASSERT_TRUE(again && again->write(as_bytes("x")));
  auto other_end = blocking::Stream::adopt(*server, streams.get_future().get());
  ASSERT_TRUE(other_end);
  { const blocking::Stream dropped = std::move(*again); }
  const auto broken = other_end->read_all(100);
  EXPECT_EQ(broken.error().code, ErrorCode::reset);
}

TEST_F(BlockingTest, EveryCallRefusesToWaitOnTheNodesThread) {
  const auto peer = blocking::connect(*client, server->address());
  ASSERT_TRUE(peer);
  auto stream = blocking::Stream::open(*client, peer->uuid, "test.it");
  ASSERT_TRUE(stream);
  std::vector<ErrorCode> codes;
  const auto note = [&](const auto& result) { codes.push_back(result ? ErrorCode{} : result.error().code); };
  ASSERT_TRUE(blocking::run(*client, [&] {
    std::array<std::byte, 4> buffer;
    note(blocking::run(*client, [] {}));
    note(blocking::connect(*client, server->address()));
    note(blocking::send_message(*client, peer->uuid, "test.it", as_bytes("x")));
    note(blocking::Stream::open(*client, peer->uuid, "test.it"));
    note(blocking::Stream::adopt(*client, nullptr));
    note(stream->read(buffer));
    note(stream->read_all(10));
    note(stream->write(as_bytes("x")));
    note(stream->finish());
  }));
  ASSERT_EQ(codes.size(), 9u);
  for (const ErrorCode code : codes) EXPECT_EQ(code, ErrorCode::would_deadlock);
}

TEST_F(BlockingTest, CallsEndWhenTheirTimeIsUpAndOweNothing) {
  EXPECT_EQ(blocking::connect(*client, server->address(), {.time_limit = 1ms}).error().code,
            ErrorCode::invalid_argument);
  std::promise<void> release;
  client->post([future = std::make_shared<std::future<void>>(release.get_future())] { future->wait(); });
  const auto owned = std::make_shared<int>(0);
  EXPECT_EQ(blocking::run(
                *client, [owned] { ++*owned; }, 20ms)
                .error()
                .code,
            ErrorCode::timed_out);
  EXPECT_EQ(blocking::Stream::open(*client, server->uuid(), "test.it", {}, 20ms).error().code, ErrorCode::timed_out);
  release.set_value();
  ASSERT_TRUE(blocking::run(*client, [] {}));
  EXPECT_EQ(*owned, 1) << "it ran late, on what it owned";
}

TEST_F(BlockingTest, AFullQueueIsWaitedFor) {
  const auto peer = blocking::connect(*client, server->address());
  ASSERT_TRUE(peer);
  ASSERT_TRUE(blocking::run(*server, [&] { hold = true; }));
  const Bytes message = pattern(1 << 20);
  // The extender at the other end keeps all it gets, so at some time nobody takes more.
  Result<void> sent;
  int accepted = 0;
  while (accepted < 20 && (sent = blocking::send_message(*client, peer->uuid, "test.it", message,
                                                         {.compression = Compression::off}, 1s))) {
    ++accepted;
  }
  EXPECT_EQ(sent.error().code, ErrorCode::timed_out);
  EXPECT_GE(accepted, 3);
  EXPECT_LE(accepted, 6) << "4 MiB in the extender's hands, and what is on its way";
  std::thread waiting(
      [&] { EXPECT_TRUE(blocking::send_message(*client, peer->uuid, "test.it", as_bytes("at last"), {}, 30s)); });
  ASSERT_TRUE(blocking::run(*server, [&] {
    hold = false;
    held.clear();
  }));
  waiting.join();
}

TEST_F(BlockingTest, WhoWaitsForRoomLearnsThatTheSessionIsGone) {
  const auto peer = blocking::connect(*client, server->address());
  ASSERT_TRUE(peer);
  ASSERT_TRUE(blocking::run(*server, [&] { hold = true; }));
  const Bytes message = pattern(1 << 20);
  Result<void> sent;
  for (int i = 0; i < 20 && sent; ++i) {
    sent = blocking::send_message(*client, peer->uuid, "test.it", message, {.compression = Compression::off}, 1s);
  }
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::timed_out);
  std::promise<ErrorCode> end;
  std::thread waiting([&] {
    const auto last = blocking::send_message(*client, peer->uuid, "test.it", message, {}, 10min);
    end.set_value(last ? ErrorCode{} : last.error().code);
  });
  // The thread may come first or last; the answer is the same.
  auto ended = end.get_future();
  ASSERT_TRUE(blocking::run(*client, [&] { EXPECT_TRUE(client->disconnect(peer->uuid)); }));
  ASSERT_EQ(ended.wait_for(60s), std::future_status::ready);
  EXPECT_EQ(ended.get(), ErrorCode::not_found);
  waiting.join();
}

}  // namespace
}  // namespace quantumgate
