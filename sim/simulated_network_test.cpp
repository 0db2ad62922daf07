// SPDX-License-Identifier: MIT
// Goal: the public simulated network does what its header says. Method: two nodes with an echo between them, in virtual
// time, over links of all kinds.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "quantumgate/quantumgate.h"
#include "quantumgate/sim.h"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

constexpr const char* kEcho = "org.example.echo/1";

// Sends back what comes.
class Echo final : public Extender {
 public:
  Echo() : Extender(kEcho) {}
  void on_stream(std::shared_ptr<Stream> stream) override {
    stream->on_readable([stream] {
      Bytes bytes(stream->readable());
      stream->write(BytesView(bytes).first(stream->read(bytes)));
      if (stream->at_end()) stream->finish();
    });
  }
};

// A network with a server, and a client that asks it.
class World {
 public:
  explicit World(std::uint64_t seed = 1) : network(seed) { start_server(); }

  void start_server() {
    auto started = network.start_node(server_identity.clone(), {}, {std::make_shared<Echo>()});
    ASSERT_TRUE(started) << describe(started.error().code);
    server = std::move(*started);
  }

  // What the server answered to "hello", or why it did not. Runs at most `limit` of virtual time.
  Result<std::string> ask(std::chrono::nanoseconds limit) {
    answer.reset();
    client->connect(server->address(), {.time_limit = 2s}, [this](Result<Peer> peer) {
      auto opened = peer ? client->open_stream(peer->uuid, kEcho) : fail(peer.error());
      if (!opened) {
        answer = fail(opened.error());
        return;
      }
      auto stream = *opened;
      stream->on_readable([this, stream] {
        Bytes bytes(stream->readable());
        stream->read(bytes);
        if (!bytes.empty()) answer = std::string(as_text(bytes));
      });
      stream->write(as_bytes("hello"));
      stream->finish();
    });
    if (!network.run_until([this] { return answer.has_value(); }, limit)) return fail(ErrorCode::timed_out);
    return *answer;
  }

  std::optional<Result<std::string>> answer;
  SimulatedNetwork network;
  Identity server_identity = network.make_identity();
  std::unique_ptr<Node> server;
  std::unique_ptr<Node> client = std::move(*network.start_node(network.make_identity()));
};

TEST(SimulatedNetwork, NodesTalkInVirtualTime) {
  World world;
  EXPECT_EQ(world.server->address().hosts, (std::vector<HostPort>{{"10.0.0.2", 5000}}));
  ASSERT_TRUE(world.network.set_links(world.server->uuid(), world.client->uuid(), {.delay = 50ms}));
  const auto answer = world.ask(10s);
  ASSERT_TRUE(answer) << describe(answer.error().code);
  EXPECT_EQ(*answer, "hello");
  // The handshake needs a round trip, the answer another one: exactly, because handling takes no virtual time.
  EXPECT_EQ(world.network.now(), 200ms);
  world.network.run_for(1s);
  EXPECT_EQ(world.network.now(), 1200ms);
}

TEST(SimulatedNetwork, ACutLinkIsSilent) {
  World world;
  ASSERT_TRUE(world.network.set_link(world.server->uuid(), world.client->uuid(), {.loss_per_million = 1'000'000}));
  const auto answer = world.ask(10s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::no_answer);
  ASSERT_TRUE(world.network.set_link(world.server->uuid(), world.client->uuid(), {}));
  EXPECT_TRUE(world.ask(10s));
}

TEST(SimulatedNetwork, ANodeRestartsOnItsMachine) {
  World world;
  const auto address = world.server->address();
  const auto second = world.network.start_node(world.server_identity.clone());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::address_in_use);
  world.server.reset();
  world.start_server();
  EXPECT_EQ(world.server->address(), address);
  EXPECT_TRUE(world.ask(10s));
}

TEST(SimulatedNetwork, SaysWhatIsWrong) {
  World world;
  EXPECT_EQ(world.network.set_links(world.server->uuid(), PeerUuid{}, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(world.network.set_link(world.server->uuid(), world.client->uuid(), {.delay = -1ns}).error().code,
            ErrorCode::invalid_argument);
  EXPECT_EQ(world.network.set_default_link({.jitter = -1ns}).error().code, ErrorCode::invalid_argument);
}

// A whole run as one number.
auto run(std::uint64_t seed) {
  World world(seed);
  EXPECT_TRUE(world.network.set_default_link({.jitter = 5ms, .loss_per_million = 100'000}));
  EXPECT_TRUE(world.ask(60s));
  return world.network.fingerprint();
}

TEST(SimulatedNetwork, TheSeedDecidesTheRun) {
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

}  // namespace
}  // namespace quantumgate
