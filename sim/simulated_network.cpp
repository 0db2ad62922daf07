// SPDX-License-Identifier: MIT
// The public SimulatedNetwork: a simulator, and which host belongs to which node.
#include <map>
#include <utility>

#include "node/local_node.hpp"
#include "quantumgate/sim.h"
#include "sim/environment.hpp"
#include "sim/random.hpp"
#include "sim/simulator.hpp"

namespace quantumgate {
namespace {

constexpr std::uint16_t kPort = 5000;
constexpr std::uint64_t kIdentityStream = 0x6964656e74697479;  // "identity": apart from the chance of hosts and links

Result<void> check(const SimulatedLink& link) {
  if (link.delay.count() < 0 || link.jitter.count() < 0) return fail(ErrorCode::invalid_argument, "setting a link");
  return {};
}

}  // namespace

struct SimulatedNetwork::Inside {
  explicit Inside(std::uint64_t seed) : simulator(seed), start(simulator.now()), identities(seed, kIdentityStream) {}

  sim::Simulator simulator;
  const TimePoint start;
  sim::SeededRandom identities;
  std::map<PeerUuid, sim::Host*> hosts;
};

SimulatedNetwork::SimulatedNetwork(std::uint64_t seed) : inside_(std::make_unique<Inside>(seed)) {}
SimulatedNetwork::~SimulatedNetwork() = default;

Identity SimulatedNetwork::make_identity() {
  Secret<32> seed;
  inside_->identities.fill(seed.mutable_view());
  return Identity::from_seed(std::move(seed));
}

Result<std::unique_ptr<Node>> SimulatedNetwork::start_node(Identity identity, NodeOptions options,
                                                           std::vector<std::shared_ptr<Extender>> extenders) {
  sim::Host*& host = inside_->hosts[identity.uuid()];
  if (host == nullptr) host = &inside_->simulator.add_host();
  if (options.listen.empty()) options.listen = {host->v4(kPort)};
  auto node = node::LocalNode::create(*host, identity, options, std::move(extenders));
  if (!node) return fail(node.error());
  return std::unique_ptr<Node>(std::move(*node));
}

Result<void> SimulatedNetwork::set_default_link(const SimulatedLink& link) {
  const auto fits = check(link);
  if (fits) inside_->simulator.set_default_link(link);
  return fits;
}

Result<void> SimulatedNetwork::set_link(const PeerUuid& from, const PeerUuid& to, const SimulatedLink& link) {
  if (const auto fits = check(link); !fits) return fits;
  const auto sender = inside_->hosts.find(from);
  const auto receiver = inside_->hosts.find(to);
  if (sender == inside_->hosts.end() || receiver == inside_->hosts.end()) {
    return fail(ErrorCode::not_found, "setting a link");
  }
  inside_->simulator.set_link(*sender->second, *receiver->second, link);
  return {};
}

Result<void> SimulatedNetwork::set_links(const PeerUuid& a, const PeerUuid& b, const SimulatedLink& link) {
  if (const auto there = set_link(a, b, link); !there) return there;
  return set_link(b, a, link);
}

std::chrono::nanoseconds SimulatedNetwork::now() const noexcept { return inside_->simulator.now() - inside_->start; }
void SimulatedNetwork::run_for(std::chrono::nanoseconds duration) { inside_->simulator.run_for(duration); }
bool SimulatedNetwork::run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
  return inside_->simulator.run_until(done, limit);
}
std::array<std::byte, 32> SimulatedNetwork::fingerprint() const { return inside_->simulator.fingerprint(); }

}  // namespace quantumgate
