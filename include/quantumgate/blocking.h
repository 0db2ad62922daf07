// SPDX-License-Identifier: MIT
/// \file
/// Calls that wait, for programs that are written from top to bottom. Each has a time limit.
/// Threads: any but the node's own, on which they return `would_deadlock` and do nothing: they would wait for work that
/// only that thread can do. The node must outlive the call.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "quantumgate/export.h"
#include "quantumgate/node.h"

/// Calls that wait.
namespace quantumgate::blocking {

/// The limit of calls that name none.
inline constexpr std::chrono::milliseconds kTimeLimit{10'000};

/// Runs `work` on the node's thread and waits until it has returned. Errors: would_deadlock, timed_out (it may still
/// run later, so it must own what it uses), closed (the node stops).
QG_EXPORT Result<void> run(Node& node, std::function<void()> work, std::chrono::milliseconds time_limit = kTimeLimit);

/// Node::connect, waiting. Errors: as there, and would_deadlock.
QG_EXPORT Result<Peer> connect(Node& node, const Address& address, const ConnectOptions& options = {});

/// Node::send_message, waiting until the peer's node has it. While the queue is full it waits for room.
/// Errors: as there, limit also if 1,024 wait for room already, timed_out (the message may still arrive), and
/// would_deadlock.
QG_EXPORT Result<void> send_message(Node& node, const PeerUuid& peer, const std::string& extender, BytesView message,
                                    const SendOptions& options = {}, std::chrono::milliseconds time_limit = kTimeLimit);

/// A stream with calls that wait. Threads: one at a time, not the node's.
/// Ownership: owns its end of the stream. Destroying it breaks the stream off, unless finish() was called: then what
/// was written is still delivered, and what the peer still sends is thrown away.
class QG_EXPORT Stream {
 public:
  /// Node::open_stream, waiting. Errors: as there, would_deadlock, timed_out.
  static Result<Stream> open(Node& node, const PeerUuid& peer, const std::string& extender,
                             const StreamOptions& options = {}, std::chrono::milliseconds time_limit = kTimeLimit);
  /// Takes over a stream, e.g. one handed from an extender's callback to a thread of yours. Errors: would_deadlock,
  /// timed_out. Its callbacks are replaced.
  static Result<Stream> adopt(Node& node, std::shared_ptr<quantumgate::Stream> stream,
                              std::chrono::milliseconds time_limit = kTimeLimit);

  Stream(Stream&&) noexcept;             ///< The source may only be destroyed or assigned to.
  Stream& operator=(Stream&&) noexcept;  ///< Swaps the two.
  ~Stream();

  /// Waits for at least one byte and returns how many were put into `out`; 0 at the end of the peer's direction.
  /// Errors: timed_out, reset, closed, closed_by_peer, would_deadlock.
  Result<std::size_t> read(MutableBytesView out, std::chrono::milliseconds time_limit = kTimeLimit);
  /// Reads until the peer's direction ends, at most `size_max` bytes. Errors: as read(), and `limit` for more.
  Result<Bytes> read_all(std::size_t size_max, std::chrono::milliseconds time_limit = kTimeLimit);
  /// Writes all of `bytes`, waiting for room. Errors: as read(); some of it may have been sent.
  Result<void> write(BytesView bytes, std::chrono::milliseconds time_limit = kTimeLimit);
  /// No more will be written; what was written is still delivered. Does not wait. Errors: as read(), but for timed_out.
  Result<void> finish();

 private:
  struct QG_HIDDEN State;
  explicit Stream(std::shared_ptr<State> state) noexcept;
  std::shared_ptr<State> state_;
};

}  // namespace quantumgate::blocking
