// SPDX-License-Identifier: MIT
// The two sides of a stream inside a connection: what owns it, and what the owner sees of the connection.
// Layer: node.   Threads: the connection's.
#pragma once

#include <optional>

#include "node/compression.hpp"
#include "quantumgate/error.h"
#include "quantumgate/uuid.h"
#include "stream/streams.hpp"

namespace quantumgate::node {

// Told what happens to one stream, in Connection::pump() and end_streams() only. Its StreamTable holds it until the
// stream is over.
class StreamOwner {
 public:
  virtual ~StreamOwner() = default;
  virtual void announce_readable() = 0;
  virtual void announce_writable() = 0;
  virtual void announce_acknowledged() {}
  // The last call. As Stream::on_closed.
  virtual void announce_closed(std::optional<Error> error, std::uint64_t code) = 0;
};

class StreamHub {
 public:
  virtual ~StreamHub() = default;
  virtual const PeerUuid& peer_uuid() const noexcept = 0;
  virtual stream::Streams& streams() noexcept = 0;
  virtual Compressor& compressor() noexcept = 0;
  // There may be something to send.
  virtual void touched() = 0;
  // announce_readable() at the next turn, for what has arrived already.
  virtual void wake(stream::StreamId id) = 0;
  // Breaks the stream off and drops its owner, without announce_closed().
  virtual void break_off(stream::StreamId id, std::uint64_t code) = 0;
};

}  // namespace quantumgate::node
