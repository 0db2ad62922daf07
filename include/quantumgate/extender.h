// SPDX-License-Identifier: MIT
/// \file
/// An extender: a service on top of the kernel, written against this header.
/// Threads: every callback comes on the node's thread, one at a time. It must not block and must not throw.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "quantumgate/export.h"
#include "quantumgate/message.h"
#include "quantumgate/peer.h"
#include "quantumgate/send_options.h"
#include "quantumgate/stream.h"

namespace quantumgate {

class Node;

/// What holds for all that an extender sends and receives.
struct ExtenderOptions {
  /// The largest message it sends or takes, in bytes: 1 to 16 MiB. Both sides should set the same: a peer that sends a
  /// larger one learns `limit`, and its messages behind that one are lost.
  std::size_t message_size_max = std::size_t{1} << 20;
  /// `off`: nothing that this extender sends is compressed, whatever the call says.
  Compression compression = Compression::automatic;
};

/// A service of a node. Derive from it, or use make_extender().
class QG_EXPORT Extender {
 public:
  /// `name` is what both sides agree on, e.g. "org.example.echo/1": 1 to 64 characters of a-z 0-9 . - /
  /// Names and options are checked when a node starts: `invalid_argument`.
  explicit Extender(std::string name, ExtenderOptions options = {}) : name_(std::move(name)), options_(options) {}
  virtual ~Extender() = default;
  /// The name both sides agree on.
  const std::string& name() const noexcept { return name_; }
  /// As given to the constructor.
  const ExtenderOptions& options() const noexcept { return options_; }

  /// The first callback. `node` outlives all of them.
  virtual void on_start(Node& node) { (void)node; }
  /// The node stops. Streams are closed next; the last callback is theirs.
  virtual void on_stop() {}
  /// A session with `peer` exists now. Reported once for each peer, however many sessions there are.
  virtual void on_peer_up(const Peer& peer) { (void)peer; }
  /// The last session with `peer` is over.
  virtual void on_peer_down(const Peer& peer, CloseReason reason) { (void)peer, (void)reason; }
  /// A message from the peer's extender of the same name.
  virtual void on_message(Message message) { (void)message; }
  /// Messages to `peer` that were refused with `would_block` may be tried again. One call for all priorities. It comes,
  /// too, when what they waited behind is lost: with the session, or because the peer refused it.
  virtual void on_message_room(const PeerUuid& peer) { (void)peer; }
  /// The peer opened a stream. Not keeping `stream` refuses it (kStreamRefused).
  virtual void on_stream(std::shared_ptr<Stream> stream) { (void)stream; }
  /// A datagram from the peer's extender of the same name: whole, but perhaps out of order, and never repeated.
  /// `datagram` is borrowed for the call.
  virtual void on_datagram(const PeerUuid& peer, BytesView datagram) { (void)peer, (void)datagram; }

 private:
  std::string name_;
  ExtenderOptions options_;
};

/// The lambda form: what is left empty does nothing. Each member is the callback of Extender of the same name.
struct ExtenderCallbacks {
  std::function<void(Node&)> on_start{};                          ///< Extender::on_start
  std::function<void()> on_stop{};                                ///< Extender::on_stop
  std::function<void(const Peer&)> on_peer_up{};                  ///< Extender::on_peer_up
  std::function<void(const Peer&, CloseReason)> on_peer_down{};   ///< Extender::on_peer_down
  std::function<void(Message)> on_message{};                      ///< Extender::on_message
  std::function<void(const PeerUuid&)> on_message_room{};         ///< Extender::on_message_room
  std::function<void(std::shared_ptr<Stream>)> on_stream{};       ///< Extender::on_stream
  std::function<void(const PeerUuid&, BytesView)> on_datagram{};  ///< Extender::on_datagram
};

/// An extender made of callbacks. `name` and `options` as for Extender.
QG_EXPORT std::shared_ptr<Extender> make_extender(std::string name, ExtenderCallbacks callbacks,
                                                  ExtenderOptions options = {});

}  // namespace quantumgate
