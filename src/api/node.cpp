// SPDX-License-Identifier: MIT
// Node::start: a LocalNode on the operating system, with a thread of its own.
#include "quantumgate/node.h"

#include <future>
#include <thread>

#include "base/check.hpp"
#include "node/local_node.hpp"
#include "platform/system_environment.hpp"

namespace quantumgate {
namespace {

class ThreadedNode final : public Node {
 public:
  ThreadedNode() : thread_([this] { environment_.run(); }) {}

  ~ThreadedNode() override {
    CHECK(std::this_thread::get_id() != thread_.get_id());
    environment_.post([this] {
      node_.reset();
      environment_.stop();
    });
    thread_.join();
  }

  Result<void> open(const Identity& identity, const NodeOptions& options,
                    std::vector<std::shared_ptr<Extender>> extenders) {
    std::promise<Result<void>> opened;
    environment_.post([&] {
      auto node = node::LocalNode::create(environment_, identity, options, std::move(extenders));
      if (node) node_ = std::move(*node);
      opened.set_value(node ? Result<void>() : Result<void>(fail(node.error())));
    });
    return opened.get_future().get();
  }

  const PeerUuid& uuid() const noexcept override { return node_->uuid(); }
  Address address() const override { return node_->address(); }
  void post(std::function<void()> work) override { node_->post(std::move(work)); }
  void connect(Address address, ConnectOptions options, std::function<void(Result<Peer>)> done) override {
    node_->connect(std::move(address), options, std::move(done));
  }
  Result<void> disconnect(const PeerUuid& peer) override { return node_->disconnect(peer); }
  std::vector<Peer> peers() const override { return node_->peers(); }
  NodeCounters counters() const override { return node_->counters(); }
  Result<void> set_privacy(const Privacy& privacy) override { return node_->set_privacy(privacy); }
  Result<void> set_privacy(const PeerUuid& peer, const Privacy& privacy) override {
    return node_->set_privacy(peer, privacy);
  }
  Privacy privacy() const override { return node_->privacy(); }
  bool on_node_thread() const noexcept override { return environment_.on_thread(); }
  std::vector<Metric> metrics() const override { return node_->metrics(); }
  Result<std::shared_ptr<Stream>> open_stream(const PeerUuid& peer, const std::string& extender,
                                              StreamOptions options) override {
    return node_->open_stream(peer, extender, options);
  }
  Result<void> send_message(const PeerUuid& peer, const std::string& extender, BytesView message, SendOptions options,
                            std::function<void(Result<void>)> done) override {
    return node_->send_message(peer, extender, message, options, std::move(done));
  }
  Result<void> await_message_room(const PeerUuid& peer, const std::string& extender, std::function<void()> room,
                                  std::weak_ptr<const void> owner) override {
    return node_->await_message_room(peer, extender, std::move(room), std::move(owner));
  }
  Result<void> send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram) override {
    return node_->send_datagram(peer, extender, datagram);
  }
  std::size_t datagram_size_max(const PeerUuid& peer) const override { return node_->datagram_size_max(peer); }

 private:
  platform::SystemEnvironment environment_;
  std::unique_ptr<node::LocalNode> node_;  // lives and dies on the thread
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Node>> Node::start(Identity identity, NodeOptions options,
                                          std::vector<std::shared_ptr<Extender>> extenders) {
  auto node = std::make_unique<ThreadedNode>();
  if (const auto opened = node->open(identity, options, std::move(extenders)); !opened) return fail(opened.error());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace quantumgate
