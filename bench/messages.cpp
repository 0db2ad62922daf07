// SPDX-License-Identifier: MIT
#include <chrono>
#include <future>
#include <memory>

#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "bench/peer_process.hpp"

namespace quantumgate::bench {
namespace {

// Sends a message and the next one when it has come back, for a second; the round trips per second.
class PingPong {
 public:
  double run(const Address& address) {
    auto node = Node::start(Identity::generate(), node_options(),
                            {make_extender(kEcho, {.on_message = [this](Message) { next(); }})});
    CHECK(node.has_value());
    node_ = node->get();
    node_->connect(address, {}, [&](Result<Peer> peer) {
      CHECK(peer.has_value());
      peer_ = peer->uuid;
      begin_ = std::chrono::steady_clock::now();
      next();
    });
    return done_.get_future().get();
  }

 private:
  void next() {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin_;
    if (time.count() >= 1) return done_.set_value(rounds_ / time.count());
    ++rounds_;
    const Bytes message(64);
    CHECK(node_->send_message(peer_, kEcho, message).has_value());
  }

  Node* node_ = nullptr;
  PeerUuid peer_;
  double rounds_ = -1;  // the first one opens the stream
  std::chrono::steady_clock::time_point begin_;
  std::promise<double> done_;
};

}  // namespace

Measured message_rate_64B() {
  const PeerProcess server;
  return {PingPong().run(server.address()), std::nullopt};
}

}  // namespace quantumgate::bench
