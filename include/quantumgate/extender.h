// SPDX-License-Identifier: MIT
// An extender: a service on top of the kernel, written against this header.
// Threads: every callback comes on the node's thread, one at a time; it must not block. Callbacks must not throw.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "quantumgate/export.h"
#include "quantumgate/peer.h"
#include "quantumgate/stream.h"

namespace quantumgate {

class Node;

class QG_EXPORT Extender {
 public:
  // `name` is what both sides agree on, e.g. "org.example.echo/1": 1 to 64 characters of a-z 0-9 . - /
  explicit Extender(std::string name) : name_(std::move(name)) {}
  virtual ~Extender() = default;
  const std::string& name() const noexcept { return name_; }

  virtual void on_start(Node& node) { (void)node; }  // `node` outlives the extender's callbacks
  virtual void on_stop() {}                          // streams are closed next; the last callback is theirs
  virtual void on_peer_up(const Peer& peer) { (void)peer; }
  virtual void on_peer_down(const Peer& peer, CloseReason reason) { (void)peer, (void)reason; }
  // The peer opened a stream to this extender. Not keeping `stream` refuses it (kStreamRefused).
  virtual void on_stream(std::shared_ptr<Stream> stream) = 0;

 private:
  std::string name_;
};

// The short form: an extender that only answers streams.
class StreamExtender final : public Extender {
 public:
  StreamExtender(std::string name, std::function<void(std::shared_ptr<Stream>)> on_stream)
      : Extender(std::move(name)), on_stream_(std::move(on_stream)) {}
  void on_stream(std::shared_ptr<Stream> stream) override { on_stream_(std::move(stream)); }

 private:
  std::function<void(std::shared_ptr<Stream>)> on_stream_;
};

}  // namespace quantumgate
