// SPDX-License-Identifier: MIT
#include "node/local_node.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/log.hpp"
#include "base/secret_arena.hpp"
#include "node/metrics.hpp"

namespace quantumgate::node {
namespace {

constexpr std::size_t kRoomWaitersMax = 1024;
constexpr std::size_t kMessageSizeMax = std::size_t{16} << 20;

// What a user on this machine would dial: a wildcard address is shown as the loopback address of its family.
HostPort shown(Endpoint endpoint) {
  if (endpoint == Endpoint::v4(0, 0, 0, 0, endpoint.port)) endpoint = Endpoint::v4(127, 0, 0, 1, endpoint.port);
  if (endpoint.ip == std::array<std::byte, 16>{}) endpoint.ip[15] = std::byte{1};
  const std::string text = endpoint.to_string();
  std::string host = text.substr(0, text.rfind(':'));
  if (!endpoint.is_v4()) host = host.substr(1, host.size() - 2);
  return {host, endpoint.port};
}

// The sentences below name these numbers.
static_assert(kListenMax == 8 && session::kPacketSizeDefault == 1232 && session::kPacketSizeMax == 1472);

Result<void> check(const NodeOptions& options, const std::vector<std::shared_ptr<Extender>>& extenders) {
  const auto broken = [](const char* rule) {
    return fail(ErrorCode::invalid_argument, "checking the node's options", rule);
  };
  if (options.listen.size() > kListenMax) return broken("a node listens at 8 addresses at most");
  if (options.network.empty() || options.network.size() > 64) return broken("the name of a network has 1 to 64 bytes");
  if (options.sessions_max < 1 || options.sessions_max > 65536) return broken("there can be 1 to 65536 sessions");
  if (options.packet_size_max < session::kPacketSizeDefault || options.packet_size_max > session::kPacketSizeMax) {
    return broken("the largest packets can have 1232 to 1472 bytes");
  }
  if (!handshake::suites_named(options.suites)) return broken("at least one suite is needed, and all must be known");
  if (const auto fits = quantumgate::check(options.privacy); !fits) return fits;
  std::set<DatagramId> ids;  // those of equal names are equal, too
  for (const auto& extender : extenders) {
    if (!extender) return broken("an extender is null");
    if (!wire::valid_extender_name(extender->name())) {
      return broken("the name of an extender has 1 to 64 characters of a-z 0-9 . - /");
    }
    const std::size_t size_max = extender->options().message_size_max;
    if (size_max < 1 || size_max > kMessageSizeMax) return broken("the largest message can have 1 byte to 16 MiB");
    if (!ids.insert(datagram_id(extender->name())).second) return broken("two extenders have the same name");
  }
  return {};
}

}  // namespace

LocalNode::LocalNode(Environment& environment, const Identity& identity, const NodeOptions& options,
                     std::vector<std::shared_ptr<Extender>> extenders)
    : environment_(environment),
      uuid_(identity.uuid()),
      log_(options.log),
      extenders_(std::move(extenders)),
      kernel_(environment, identity, options, *this) {
  for (const auto& extender : extenders_) {
    by_name_[extender->name()] = extender.get();
    by_datagram_id_[datagram_id(extender->name())] = extender.get();
  }
}

Result<std::unique_ptr<LocalNode>> LocalNode::create(Environment& environment, const Identity& identity,
                                                     const NodeOptions& options,
                                                     std::vector<std::shared_ptr<Extender>> extenders) {
  if (const auto fits = check(options, extenders); !fits) return fail(fits.error());
  if (!identity.has_key()) return fail(ErrorCode::invalid_argument, "starting a node with the key of another process");
  std::unique_ptr<LocalNode> node(new LocalNode(environment, identity, options, std::move(extenders)));
  if (const auto bound = node->kernel_.listen(options.listen); !bound) {
    node->extenders_.clear();  // they were never started, so they are not stopped either
    return fail(bound.error());
  }
  node->address_.uuid = node->uuid_;
  for (const Endpoint& endpoint : node->kernel_.local_endpoints()) node->address_.hosts.push_back(shown(endpoint));
  node->warn_of_unguarded_keys();
  for (const auto& extender : node->extenders_) extender->on_start(*node);
  node->kernel_.end_turn();
  return node;
}

LocalNode::~LocalNode() {
  for (const auto& extender : extenders_) extender->on_stop();
  alive_.reset();
  kernel_.stop();
}

void LocalNode::post(std::function<void()> work) {
  environment_.post([this, alive = std::weak_ptr(alive_), work = std::move(work)] {
    if (alive.expired()) return;
    work();
    kernel_.end_turn();
  });
}

void LocalNode::connect(Address address, ConnectOptions options, std::function<void(Result<Peer>)> done) {
  post([this, address = std::move(address), options, done = std::move(done)] {
    kernel_.connect(address, options, done);
  });
}

void LocalNode::warn_of_unguarded_keys() {
  // Of all nodes of the process, the one that asks first after it happened says it.
  if (const auto warning = secret_arena().take_warning()) log_line(log_, LogLevel::warning, "keys", *warning);
}

void LocalNode::on_peer_up(const Peer& peer) {
  warn_of_unguarded_keys();
  for (const auto& extender : extenders_) extender->on_peer_up(peer);
}

void LocalNode::on_peer_down(const Peer& peer, CloseReason reason) {
  for (const auto& extender : extenders_) extender->on_peer_down(peer, reason);
}

Extender* LocalNode::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool LocalNode::on_stream(const std::string& name, std::shared_ptr<Stream> stream) {
  Extender* const extender = find(name);
  if (extender != nullptr) extender->on_stream(std::move(stream));
  return extender != nullptr;
}

void LocalNode::on_message(const std::string& name, Message message) {
  if (Extender* const extender = find(name)) extender->on_message(std::move(message));
}

void LocalNode::on_message_room(const PeerUuid& peer, const std::string& name) {
  if (!alive_) return;             // the extenders have been stopped
  std::vector<RoomWaiter> called;  // taken out first: who is called may wait again
  const auto rest = std::ranges::stable_partition(
      room_waiters_, [&](const RoomWaiter& waiter) { return waiter.peer != peer || waiter.extender != name; });
  std::ranges::move(rest, std::back_inserter(called));
  room_waiters_.erase(rest.begin(), rest.end());
  if (Extender* const extender = find(name)) extender->on_message_room(peer);
  for (const RoomWaiter& waiter : called) {
    if (!waiter.owner.expired()) waiter.room();
  }
}

Result<void> LocalNode::await_message_room(const PeerUuid& peer, const std::string& extender,
                                           std::function<void()> room, std::weak_ptr<const void> owner) {
  // Each time: what is forgotten may hold a whole message.
  std::erase_if(room_waiters_, [](const RoomWaiter& waiter) { return waiter.owner.expired(); });
  if (room_waiters_.size() == kRoomWaitersMax) return fail(ErrorCode::limit, "waiting for room for a message");
  room_waiters_.push_back({peer, extender, std::move(room), std::move(owner)});
  return {};
}

bool LocalNode::on_datagram(const PeerUuid& peer, const DatagramId& id, BytesView content) {
  const auto found = by_datagram_id_.find(id);
  if (found == by_datagram_id_.end()) return false;
  found->second->on_datagram(peer, content);
  return true;
}

const ExtenderOptions* LocalNode::extender_options(const std::string& name) const {
  const Extender* const extender = find(name);
  return extender == nullptr ? nullptr : &extender->options();
}

std::vector<Metric> LocalNode::metrics() const { return metrics_of(kernel_.counters(), kernel_.peers_up()); }

}  // namespace quantumgate::node
