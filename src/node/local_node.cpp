// SPDX-License-Identifier: MIT
#include "node/local_node.hpp"

#include <algorithm>

namespace quantumgate::node {
namespace {

// What a user on this machine would dial: a wildcard address is shown as the loopback address of its family.
HostPort shown(Endpoint endpoint) {
  if (endpoint == Endpoint::v4(0, 0, 0, 0, endpoint.port)) endpoint = Endpoint::v4(127, 0, 0, 1, endpoint.port);
  if (endpoint.ip == std::array<std::byte, 16>{}) endpoint.ip[15] = std::byte{1};
  const std::string text = endpoint.to_string();
  std::string host = text.substr(0, text.rfind(':'));
  if (!endpoint.is_v4()) host = host.substr(1, host.size() - 2);
  return {host, endpoint.port};
}

Result<void> check(const NodeOptions& options, const std::vector<std::shared_ptr<Extender>>& extenders) {
  constexpr const char* kDoing = "checking the node's options";
  const bool numbers_fit = options.listen.size() <= kListenMax && !options.network.empty() &&
                           options.network.size() <= 64 && options.sessions_max >= 1 && options.sessions_max <= 65536;
  if (!numbers_fit) return fail(ErrorCode::invalid_argument, kDoing);
  for (auto it = extenders.begin(); it != extenders.end(); ++it) {
    const bool same_name =
        *it && std::any_of(extenders.begin(), it, [&](const auto& e) { return e->name() == (*it)->name(); });
    if (!*it || !valid_extender_name((*it)->name()) || same_name) return fail(ErrorCode::invalid_argument, kDoing);
  }
  return {};
}

}  // namespace

LocalNode::LocalNode(Environment& environment, const Identity& identity, const NodeOptions& options,
                     std::vector<std::shared_ptr<Extender>> extenders)
    : environment_(environment),
      uuid_(identity.uuid()),
      extenders_(std::move(extenders)),
      kernel_(environment, identity, options, *this) {}

Result<std::unique_ptr<LocalNode>> LocalNode::create(Environment& environment, const Identity& identity,
                                                     const NodeOptions& options,
                                                     std::vector<std::shared_ptr<Extender>> extenders) {
  if (const auto fits = check(options, extenders); !fits) return fail(fits.error());
  std::unique_ptr<LocalNode> node(new LocalNode(environment, identity, options, std::move(extenders)));
  if (const auto bound = node->kernel_.listen(options.listen); !bound) {
    node->extenders_.clear();  // they were never started, so they are not stopped either
    return fail(bound.error());
  }
  node->address_.uuid = node->uuid_;
  for (const Endpoint& endpoint : node->kernel_.local_endpoints()) node->address_.hosts.push_back(shown(endpoint));
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
    kernel_.connect(address, options.time_limit, done);
  });
}

void LocalNode::on_peer_up(const Peer& peer) {
  for (const auto& extender : extenders_) extender->on_peer_up(peer);
}

void LocalNode::on_peer_down(const Peer& peer, CloseReason reason) {
  for (const auto& extender : extenders_) extender->on_peer_down(peer, reason);
}

bool LocalNode::on_stream(const std::string& name, std::shared_ptr<Stream> stream) {
  for (const auto& extender : extenders_) {
    if (extender->name() != name) continue;
    extender->on_stream(std::move(stream));
    return true;
  }
  return false;
}

}  // namespace quantumgate::node
