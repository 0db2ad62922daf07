// SPDX-License-Identifier: MIT
// The Stream that extenders hold: one of a connection's streams, as bytes or in blocks.
// Layer: node.   Threads: the connection's.   Ownership: shared by its connection and the extender. It outlives the
// connection if the extender keeps it; then it does nothing any more.
#pragma once

#include <functional>
#include <optional>

#include "node/blocks.hpp"
#include "node/callback.hpp"
#include "node/stream_owner.hpp"
#include "quantumgate/stream.h"

namespace quantumgate::node {

class ConnectionStream final : public Stream, public StreamOwner {
 public:
  // `compress`: of what is written, if the stream is in blocks.
  ConnectionStream(StreamHub& hub, stream::StreamId id, bool blocks, bool compress);

  const PeerUuid& peer() const noexcept override { return peer_; }
  std::size_t write(BytesView bytes) override;
  void finish() override;
  void reset(std::uint64_t code) override;
  std::size_t read(MutableBytesView out) override;
  std::size_t readable() const noexcept override;
  bool at_end() const noexcept override;
  void on_readable(std::function<void()> callback) override;
  void on_writable(std::function<void()> callback) override { on_writable_.set(std::move(callback)); }
  void on_closed(std::function<void(std::optional<Error>, std::uint64_t)> callback) override {
    on_closed_ = std::move(callback);
  }

  void announce_readable() override;
  void announce_writable() override;
  void announce_closed(std::optional<Error> error, std::uint64_t code) override;

 private:
  bool advance();
  void detach();

  StreamHub* hub_;  // null once the stream is over
  stream::StreamId id_;
  PeerUuid peer_;
  bool at_end_ = false;
  std::optional<BlockWriter> writer_;
  std::optional<BlockReader> reader_;
  Callback on_readable_;
  Callback on_writable_;
  std::function<void(std::optional<Error>, std::uint64_t)> on_closed_;
};

}  // namespace quantumgate::node
