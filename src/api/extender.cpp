// SPDX-License-Identifier: MIT
#include "quantumgate/extender.h"

namespace quantumgate {
namespace {

class CallbackExtender final : public Extender {
 public:
  CallbackExtender(std::string name, ExtenderCallbacks callbacks, ExtenderOptions options)
      : Extender(std::move(name), options), callbacks_(std::move(callbacks)) {}

  void on_start(Node& node) override { call(callbacks_.on_start, node); }
  void on_stop() override { call(callbacks_.on_stop); }
  void on_peer_up(const Peer& peer) override { call(callbacks_.on_peer_up, peer); }
  void on_peer_down(const Peer& peer, CloseReason reason) override { call(callbacks_.on_peer_down, peer, reason); }
  void on_message(Message message) override { call(callbacks_.on_message, std::move(message)); }
  void on_message_room(const PeerUuid& peer) override { call(callbacks_.on_message_room, peer); }
  void on_stream(std::shared_ptr<Stream> stream) override { call(callbacks_.on_stream, std::move(stream)); }
  void on_datagram(const PeerUuid& peer, BytesView datagram) override { call(callbacks_.on_datagram, peer, datagram); }

 private:
  template <class Callback, class... Arguments>
  static void call(const Callback& callback, Arguments&&... arguments) {
    if (callback) callback(std::forward<Arguments>(arguments)...);
  }
  ExtenderCallbacks callbacks_;
};

}  // namespace

std::shared_ptr<Extender> make_extender(std::string name, ExtenderCallbacks callbacks, ExtenderOptions options) {
  return std::make_shared<CallbackExtender>(std::move(name), std::move(callbacks), options);
}

}  // namespace quantumgate
