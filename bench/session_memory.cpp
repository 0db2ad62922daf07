// SPDX-License-Identifier: MIT
#include "bench/session_memory.hpp"

#include <malloc.h>

#include <memory>
#include <vector>

#include "base/check.hpp"
#include "node/local_node.hpp"
#include "quantumgate/secret.h"
#include "sim/environment.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "org.quantumgate.bench.memory/1";
constexpr std::size_t kClients = 100;

// With the keys, which lie elsewhere.
std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd + secret_memory().taken_bytes;
}

// Keeps every stream and answers what comes with one byte. Nothing is compressed: the compressor is the node's, and
// each client here is a node of its own.
class Keeper final : public Extender {
 public:
  Keeper() : Extender(kName, {.compression = Compression::off}) {}
  void on_stream(std::shared_ptr<Stream> stream) override {
    stream->on_readable([stream = stream.get()] {
      std::byte byte{};
      while (stream->read({&byte, 1}) > 0) stream->write({&byte, 1});
    });
    streams_.push_back(std::move(stream));
  }

 private:
  std::vector<std::shared_ptr<Stream>> streams_;
};

Identity identity_of(std::size_t number) {
  std::array<std::byte, 32> seed{};
  seed[0] = static_cast<std::byte>(number >> 8);
  seed[1] = static_cast<std::byte>(number);
  return Identity::from_seed(Secret<32>(seed));
}

struct Client {
  std::unique_ptr<node::LocalNode> node;
  std::shared_ptr<Stream> stream;
};

std::unique_ptr<node::LocalNode> start(sim::Simulator& simulator, std::size_t number) {
  sim::Host& host = simulator.add_host();
  NodeOptions options;
  options.listen = {host.v4(4000)};
  auto node = node::LocalNode::create(host, identity_of(number), options, {std::make_shared<Keeper>()});
  CHECK(node.has_value());
  return std::move(*node);
}

}  // namespace

SessionMemory session_memory() {
  sim::Simulator simulator(1);
  const auto hub = start(simulator, 0);
  const PeerUuid peer = hub->uuid();
  std::vector<Client> clients(1 + kClients);
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i].node = start(simulator, 1 + i);

  const auto connect = [&](Client& client) {
    bool connected = false;
    client.node->connect(hub->address(), {}, [&](Result<Peer> result) { connected = result.has_value(); });
    CHECK(simulator.run_until([&] { return connected; }, 10s));
  };
  const auto open_stream = [&](Client& client) {
    bool answered = false;
    client.node->post([&] {
      auto stream = client.node->open_stream(peer, kName, {});
      CHECK(stream.has_value());
      client.stream = *stream;
      client.stream->on_readable([&] { answered = true; });
      const std::byte byte{1};
      client.stream->write({&byte, 1});
    });
    CHECK(simulator.run_until([&] { return answered; }, 10s));
    client.stream->on_readable(nullptr);
  };

  // The first client pays for what is made once.
  connect(clients[0]);
  open_stream(clients[0]);
  simulator.run_for(30s);
  const std::size_t before = heap_bytes();
  for (std::size_t i = 1; i < clients.size(); ++i) connect(clients[i]);
  simulator.run_for(30s);  // all that belongs to the handshake is gone by then
  const std::size_t idle = heap_bytes();
  for (std::size_t i = 1; i < clients.size(); ++i) open_stream(clients[i]);
  simulator.run_for(1s);
  const std::size_t open = heap_bytes();

  SessionMemory memory;
  memory.idle_bytes = static_cast<double>(idle - before) / (2.0 * kClients);
  memory.open_stream_bytes = static_cast<double>(open - before) / (2.0 * kClients);
  clients.clear();
  return memory;
}

}  // namespace quantumgate::bench
