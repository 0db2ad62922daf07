// SPDX-License-Identifier: MIT
// Testing a protocol of your own in virtual time. Gossip: who hears a rumour for the first time tells all its peers.
// Does everybody hear it, over links that lose a tenth of all datagrams? The answer comes in no time, and is the same
// each time.
#include <quantumgate/quantumgate.h>
#include <quantumgate/sim.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <optional>
#include <set>
#include <vector>

using namespace quantumgate;
using namespace std::chrono_literals;

// The protocol: it knows nothing of the simulation, and would run on real nodes as it is.
class Gossip final : public Extender {
 public:
  Gossip() : Extender("org.example.gossip/1") {}

  // On the node's thread.
  void tell(const std::string& rumour) {
    if (!heard_.insert(rumour).second) return;
    for (const Peer& peer : node_->peers()) (void)node_->send_message(peer.uuid, name(), as_bytes(rumour));
  }
  bool heard(const std::string& rumour) const { return heard_.contains(rumour); }

  void on_start(Node& node) override { node_ = &node; }
  void on_message(Message message) override { tell(std::string(message.text())); }

 private:
  Node* node_ = nullptr;
  std::set<std::string> heard_;  // a real protocol would forget old ones
};

// A network of 50 nodes, each connected to three others. Returns how long a rumour took to reach all of them.
static std::optional<std::chrono::nanoseconds> spread(std::uint64_t seed, std::array<std::byte, 32>& fingerprint) {
  SimulatedNetwork network(seed);
  if (!network.set_default_link({.delay = 20ms, .jitter = 30ms, .loss_per_million = 100'000})) return {};
  std::size_t connected = 0;
  std::vector<std::shared_ptr<Gossip>> gossips;
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 50; ++i) {
    gossips.push_back(std::make_shared<Gossip>());
    auto node = network.start_node(network.make_identity(), {}, {gossips.back()});
    if (!node) return {};
    nodes.push_back(std::move(*node));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::size_t step : {1, 7, 19}) {
      const Address other = nodes[(i + step) % nodes.size()]->address();
      nodes[i]->connect(other, {.time_limit = 30s}, [&](Result<Peer> peer) { connected += peer ? 1 : 0; });
    }
  }
  if (!network.run_until([&] { return connected == 3 * nodes.size(); }, 60s)) return {};

  const auto start = network.now();
  nodes[0]->post([&] { gossips[0]->tell("it works"); });
  const auto all_heard = [&] {
    return std::all_of(gossips.begin(), gossips.end(), [](const auto& gossip) { return gossip->heard("it works"); });
  };
  if (!network.run_until(all_heard, 60s)) return {};
  fingerprint = network.fingerprint();
  return network.now() - start;
}

int main() {
  std::array<std::byte, 32> first, second;
  const auto time = spread(1, first);
  if (!time || spread(1, second) != time || first != second) return 1;
  std::cout << "everybody heard it after " << *time / 1ms << " ms, twice the same way\n";
}
