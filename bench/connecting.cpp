// SPDX-License-Identifier: MIT
#include <chrono>

#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "node/local_node.hpp"
#include "sim/environment.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kEcho = "org.quantumgate.bench.echo/1";

std::unique_ptr<node::LocalNode> start(sim::Host& host, std::uint8_t seed,
                                       std::vector<std::shared_ptr<Extender>> extenders) {
  std::array<std::byte, 32> bytes;
  bytes.fill(std::byte{seed});
  NodeOptions options;
  options.listen = {host.v4(4000)};
  auto node = node::LocalNode::create(host, Identity::from_seed(Secret<32>(bytes)), options, std::move(extenders));
  CHECK(node.has_value());
  return std::move(*node);
}

}  // namespace

Measured connect_first_byte_rtts() {
  constexpr Duration kOneWay = 50ms;
  sim::Simulator simulator(1);
  sim::Host& near = simulator.add_host();
  sim::Host& far = simulator.add_host();
  simulator.set_links(near, far, {.delay = kOneWay});
  const auto client = start(near, 1, {});
  const auto server = start(far, 2, {make_extender(kEcho, {.on_stream = [](std::shared_ptr<Stream> stream) {
                                                     stream->on_readable([stream] {
                                                       std::byte byte{};
                                                       while (stream->read({&byte, 1}) > 0) stream->write({&byte, 1});
                                                     });
                                                   }})});
  std::shared_ptr<Stream> stream;
  bool answered = false;
  const TimePoint begin = simulator.now();
  client->connect(server->address(), {}, [&](Result<Peer> peer) {
    CHECK(peer.has_value());
    stream = *client->open_stream(peer->uuid, kEcho, {});
    stream->on_readable([&] { answered = true; });
    const std::byte byte{1};
    stream->write({&byte, 1});
  });
  CHECK(simulator.run_until([&] { return answered; }, 60s));
  const Duration time = simulator.now() - begin;
  stream->reset(kStreamNoError);
  return {static_cast<double>(time.count()) / static_cast<double>((2 * kOneWay).count()), std::nullopt};
}

}  // namespace quantumgate::bench
