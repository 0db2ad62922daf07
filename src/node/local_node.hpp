// SPDX-License-Identifier: MIT
// The public Node on top of a kernel, in whatever environment: the operating system's or the simulator's.
// Layer: node.   Threads: as the public header says; constructed and destroyed on the environment's thread.
#pragma once

#include "node/kernel.hpp"

namespace quantumgate::node {

class LocalNode final : public Node, public KernelEvents {
 public:
  // Binds the sockets and starts the extenders. Errors: as Node::start. `environment` outlives the node.
  static Result<std::unique_ptr<LocalNode>> create(Environment& environment, const Identity& identity,
                                                   const NodeOptions& options,
                                                   std::vector<std::shared_ptr<Extender>> extenders);
  ~LocalNode() override;

  const PeerUuid& uuid() const noexcept override { return uuid_; }
  Address address() const override { return address_; }
  void post(std::function<void()> work) override;
  void connect(Address address, ConnectOptions options, std::function<void(Result<Peer>)> done) override;
  Result<void> disconnect(const PeerUuid& peer) override { return kernel_.disconnect(peer); }
  Result<void> set_privacy(const Privacy& privacy) override { return kernel_.set_privacy(privacy); }
  Result<void> set_privacy(const PeerUuid& peer, const Privacy& privacy) override {
    return kernel_.set_privacy(peer, privacy);
  }
  Privacy privacy() const override { return kernel_.privacy(); }
  std::vector<Peer> peers() const override { return kernel_.peers(); }
  NodeCounters counters() const override { return kernel_.counters(); }
  bool on_node_thread() const noexcept override { return environment_.on_thread(); }
  std::vector<Metric> metrics() const override;
  Result<std::shared_ptr<Stream>> open_stream(const PeerUuid& peer, const std::string& extender,
                                              StreamOptions options) override {
    return kernel_.open_stream(peer, extender, options);
  }
  Result<void> send_message(const PeerUuid& peer, const std::string& extender, BytesView message, SendOptions options,
                            std::function<void(Result<void>)> done) override {
    return kernel_.send_message(peer, extender, message, options, std::move(done));
  }
  Result<void> await_message_room(const PeerUuid& peer, const std::string& extender, std::function<void()> room,
                                  std::weak_ptr<const void> owner) override;
  Result<void> send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram) override {
    return kernel_.send_datagram(peer, extender, datagram);
  }
  std::size_t datagram_size_max(const PeerUuid& peer) const override { return kernel_.datagram_size_max(peer); }

 private:
  LocalNode(Environment& environment, const Identity& identity, const NodeOptions& options,
            std::vector<std::shared_ptr<Extender>> extenders);

  void on_peer_up(const Peer& peer) override;
  void on_peer_down(const Peer& peer, CloseReason reason) override;
  bool on_stream(const std::string& extender, std::shared_ptr<Stream> stream) override;
  void on_message(const std::string& extender, Message message) override;
  void on_message_room(const PeerUuid& peer, const std::string& extender) override;
  bool on_datagram(const PeerUuid& peer, const DatagramId& id, BytesView content) override;
  const ExtenderOptions* extender_options(const std::string& extender) const override;

  void warn_of_unguarded_keys();
  Extender* find(const std::string& name) const;

  struct RoomWaiter {
    PeerUuid peer;
    std::string extender;
    std::function<void()> room;
    std::weak_ptr<const void> owner;
  };

  Environment& environment_;
  PeerUuid uuid_;
  Address address_;
  LogSink log_;
  std::vector<std::shared_ptr<Extender>> extenders_;  // in the order in which they were given
  std::map<std::string, Extender*> by_name_;
  std::map<DatagramId, Extender*> by_datagram_id_;
  std::vector<RoomWaiter> room_waiters_;  // in the order in which they came; at most kRoomWaitersMax
  Kernel kernel_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // what posted work looks at
};

}  // namespace quantumgate::node
