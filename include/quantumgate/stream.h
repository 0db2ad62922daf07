// SPDX-License-Identifier: MIT
/// \file
/// A reliable, ordered, flow-controlled pair of byte sequences between an extender and its twin on a peer.
/// Spec: docs/spec/04-streams.md.
/// Threads: every member is called on the node's thread (inside a callback, or through Node::post).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/error.h"
#include "quantumgate/export.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

/// One end of a stream. Both directions end on their own: finish() ends this side's.
/// Ownership: shared with the node until the stream is closed; whoever wants its callbacks may let them own it.
class QG_EXPORT Stream {
 public:
  virtual ~Stream() = default;

  /// Who is at the other end.
  virtual const PeerUuid& peer() const noexcept = 0;

  /// Takes as much of `bytes` as there is room for and returns how much that was; 0 when full or no longer open for
  /// writing. After a short write, `on_writable` is called once there is room again. Bound: 1 MiB not yet sent, 17 MiB
  /// not yet acknowledged.
  virtual std::size_t write(BytesView bytes) = 0;
  /// No more will be written; what was written is still delivered.
  virtual void finish() = 0;
  /// Breaks the stream off in both directions, at once; the peer sees `code`. What was not delivered yet may be lost.
  virtual void reset(std::uint64_t code) = 0;

  /// Moves received bytes into `out` and returns how many. What is not read is not credited to the sender, so a slow
  /// reader slows its sender down. Bound of the receive buffer: 1 MiB, 16 MiB for a reader that has been fast on a long
  /// path.
  virtual std::size_t read(MutableBytesView out) = 0;
  /// How many bytes read() would move now, if `out` had room for all.
  virtual std::size_t readable() const noexcept = 0;
  /// True once the peer has finished and everything was read.
  virtual bool at_end() const noexcept = 0;

  /// Sets what is called when bytes or the end arrived; also soon, if some are there already. Like the next two it
  /// replaces what was set before, comes on the node's thread, and is dropped when the stream is closed.
  virtual void on_readable(std::function<void()> callback) = 0;
  /// Sets what is called when there is room again after a short write.
  virtual void on_writable(std::function<void()> callback) = 0;
  /// Sets what is called once, at the end. No error: both directions were finished and everything this side wrote was
  /// acknowledged. Else: `reset` (broken off by the peer, `code` says why), `closed_by_peer`, `closed`, `timed_out`
  /// (session gone).
  virtual void on_closed(std::function<void(std::optional<Error> error, std::uint64_t code)> callback) = 0;
};

/// Stream error codes below 256 belong to the kernel; extenders use 256 and up.
enum : std::uint64_t {
  kStreamNoError = 0,          ///< broken off for no particular reason
  kStreamNoSuchExtender = 1,   ///< the peer runs no extender of that name
  kStreamRefused = 2,          ///< the extender does not take the stream
  kStreamMalformedHeader = 3,  ///< the opening bytes do not follow the spec
  kStreamTooLong = 4,          ///< a message is longer than the extender takes
  kStreamMalformed = 5,        ///< blocks or messages do not follow the spec, or do not decompress
};

}  // namespace quantumgate
