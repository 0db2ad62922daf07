// SPDX-License-Identifier: MIT
// Goal: nodes on the operating system: several in one process, real sockets on loopback, real threads.
// Method: Node::start; every wait is a future with a bound.
#include "quantumgate/node.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "quantumgate/blocking.h"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 30s;

std::shared_ptr<Extender> echo() {
  const auto on_stream = [](std::shared_ptr<Stream> stream) {
    const auto pump = [stream] {
      std::array<std::byte, 4096> buffer;
      // What does not fit now is not read now: a slow reader slows the writer down.
      while (stream->readable() > 0) {
        const std::size_t size = stream->read(buffer);
        EXPECT_EQ(stream->write(BytesView(buffer).first(size)), size);
      }
      if (stream->at_end()) stream->finish();
    };
    stream->on_readable(pump);
  };
  return make_extender("test.echo", {.on_stream = on_stream});
}

std::unique_ptr<Node> start(const char* listen, std::vector<std::shared_ptr<Extender>> extenders = {}) {
  NodeOptions options;
  options.listen = {*Endpoint::parse(listen)};
  auto node = Node::start(Identity::generate(), std::move(options), std::move(extenders));
  EXPECT_TRUE(node);
  return node ? std::move(*node) : nullptr;
}

template <class T>
std::optional<T> within_patience(std::future<T> future) {
  if (future.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  return future.get();
}

std::optional<Result<Peer>> connect(Node& from, const Address& to, std::chrono::milliseconds limit = 10s) {
  const auto promise = std::make_shared<std::promise<Result<Peer>>>();
  from.connect(to, {limit}, [promise](Result<Peer> peer) { promise->set_value(std::move(peer)); });
  return within_patience(promise->get_future());
}

// Sends `text` to the peer's echo and waits until all of it has come back.
std::optional<std::string> send_echo(Node& from, const PeerUuid& to, std::string text) {
  const auto promise = std::make_shared<std::promise<std::string>>();
  from.post([&from, to, text = std::move(text), promise] {
    auto opened = from.open_stream(to, "test.echo");
    if (!opened) return promise->set_value("could not open: " + std::string(describe(opened.error().code)));
    const std::shared_ptr<Stream> stream = *opened;
    const auto back = std::make_shared<std::string>();
    stream->on_readable([stream, back, promise] {
      std::array<std::byte, 4096> buffer;
      while (const std::size_t size = stream->read(buffer)) back->append(as_text(BytesView(buffer).first(size)));
      if (stream->at_end()) promise->set_value(*back);
    });
    EXPECT_EQ(stream->write(as_bytes(text)), text.size());
    stream->finish();
  });
  return within_patience(promise->get_future());
}

class NodeTest : public ::testing::TestWithParam<const char*> {};

TEST_P(NodeTest, EchoesOverLoopback) {
  const auto alice = start(GetParam());
  const auto bob = start(GetParam(), {echo()});
  ASSERT_TRUE(alice && bob);
  const auto peer = connect(*alice, bob->address());
  ASSERT_TRUE(peer && *peer);
  EXPECT_EQ((*peer)->uuid, bob->uuid());
  std::string text(300'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
  EXPECT_EQ(send_echo(*alice, bob->uuid(), text), text);
}

INSTANTIATE_TEST_SUITE_P(Families, NodeTest, ::testing::Values("127.0.0.1:0", "[::1]:0"));

TEST(NodeTest, ManyNodesInOneProcessTalkAtOnce) {
  const auto hub = start("127.0.0.1:0", {echo()});
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&hub, i] {
      const auto node = start("127.0.0.1:0");
      const auto peer = connect(*node, hub->address());
      ASSERT_TRUE(peer && *peer);
      const std::string text(20'000, static_cast<char>('a' + i));
      EXPECT_EQ(send_echo(*node, hub->uuid(), text), text);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(NodeTest, APortInUseIsSaidSo) {
  const auto first = start("127.0.0.1:0");
  NodeOptions options;
  options.listen = {
      *Endpoint::parse(first->address().hosts[0].host + ":" + std::to_string(first->address().hosts[0].port))};
  const auto second = Node::start(Identity::generate(), std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::address_in_use);
}

TEST(NodeTest, ImpossibleOptionsAreRefused) {
  // What is said about them.
  const auto refusal = [](auto change, std::vector<std::shared_ptr<Extender>> extenders = {}) {
    NodeOptions options;
    change(options);
    const auto node = Node::start(Identity::generate(), std::move(options), std::move(extenders));
    EXPECT_FALSE(node);
    EXPECT_TRUE(node || node.error().code == ErrorCode::invalid_argument);
    return std::string(node ? "" : node.error().why);
  };
  const auto nothing = [](NodeOptions&) {};
  EXPECT_EQ(refusal([](NodeOptions& options) { options.network = ""; }), "the name of a network has 1 to 64 bytes");
  EXPECT_EQ(refusal([](NodeOptions& options) { options.network.resize(65, 'x'); }),
            "the name of a network has 1 to 64 bytes");
  EXPECT_EQ(refusal([](NodeOptions& options) { options.listen.resize(9, Endpoint::v4(127, 0, 0, 1, 0)); }),
            "a node listens at 8 addresses at most");
  for (const std::uint32_t wrong : {0u, 65537u}) {
    EXPECT_EQ(refusal([=](NodeOptions& options) { options.sessions_max = wrong; }), "there can be 1 to 65536 sessions");
  }
  for (const std::uint32_t wrong : {1231u, 1473u}) {
    EXPECT_EQ(refusal([=](NodeOptions& options) { options.packet_size_max = wrong; }),
              "the largest packets can have 1232 to 1472 bytes");
  }
  EXPECT_EQ(refusal([](NodeOptions& options) { options.suites.clear(); }),
            "at least one suite is needed, and all must be known");
  EXPECT_EQ(refusal([](NodeOptions& options) { options.suites.push_back("Noise_XX_25519_AESGCM_SHA256"); }),
            "at least one suite is needed, and all must be known");
  EXPECT_EQ(refusal(nothing, {echo(), echo()}), "two extenders have the same name");
  EXPECT_EQ(refusal(nothing, {make_extender("Bad Name", {})}),
            "the name of an extender has 1 to 64 characters of a-z 0-9 . - /");
  for (const std::size_t wrong : {std::size_t{0}, (std::size_t{16} << 20) + 1}) {
    EXPECT_EQ(refusal(nothing, {make_extender("test.large", {}, {.message_size_max = wrong})}),
              "the largest message can have 1 byte to 16 MiB");
  }
  EXPECT_EQ(refusal(nothing, {nullptr}), "an extender is null");
}

TEST(NodeTest, WhoRefusesAPrivacySaysWhatIsWrongWithIt) {
  const Privacy wrong{.cover = Cover::constant, .cover_interval = 20ms};
  const auto says_so = [](const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    EXPECT_NE(std::string(error.why).find("cover without padding"), std::string::npos) << error.why;
  };
  const auto started = Node::start(Identity::generate(), {.privacy = wrong});
  ASSERT_FALSE(started);
  says_so(started.error());

  const auto alice = start("127.0.0.1:0"), bob = start("127.0.0.1:0");
  const auto dialled = blocking::connect(*alice, bob->address(), {.privacy = wrong});
  ASSERT_FALSE(dialled);
  says_so(dialled.error());
  const auto ran = blocking::run(*alice, [&] {
    for (const auto& set : {alice->set_privacy(wrong), alice->set_privacy(bob->uuid(), wrong)}) {
      ASSERT_FALSE(set);
      says_so(set.error());
    }
  });
  EXPECT_TRUE(ran);
}

TEST(NodeTest, NobodyAnswersWithinTheLimit) {
  const auto alice = start("127.0.0.1:0");
  Address address = alice->address();
  {
    const auto gone = start("127.0.0.1:0");
    address = gone->address();
  }
  const auto peer = connect(*alice, address, 300ms);
  ASSERT_TRUE(peer);
  ASSERT_FALSE(*peer);
  EXPECT_EQ(peer->error().code, ErrorCode::no_answer);
}

TEST(NodeTest, StoppingWhileBusyIsSafe) {
  for (int i = 0; i < 10; ++i) {
    auto bob = start("127.0.0.1:0", {echo()});
    auto alice = start("127.0.0.1:0");
    const auto peer = connect(*alice, bob->address());
    ASSERT_TRUE(peer && *peer);
    EXPECT_EQ(send_echo(*alice, bob->uuid(), "there?"), "there?");  // until then bob has no session that he could close
    const auto opened = std::make_shared<std::promise<bool>>();
    const auto closed = std::make_shared<std::promise<bool>>();
    alice->post([&node = *alice, to = bob->uuid(), opened, closed] {
      auto stream = node.open_stream(to, "test.echo");
      if (stream) {
        (*stream)->on_closed(
            [closed](std::optional<Error> error, std::uint64_t) { closed->set_value(error.has_value()); });
        (*stream)->write(Bytes(1 << 20));
      }
      opened->set_value(stream.has_value());
    });
    ASSERT_EQ(within_patience(opened->get_future()), true);
    (i % 2 == 0 ? bob : alice).reset();
    EXPECT_EQ(within_patience(closed->get_future()), true);
  }
}

}  // namespace
}  // namespace quantumgate
