// SPDX-License-Identifier: MIT
/// \file
/// A message as an extender receives it.
/// Spec: docs/spec/04-streams.md, section 8.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "quantumgate/bytes.h"
#include "quantumgate/send_options.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

/// A message from a peer: reliable, whole, in order per peer, extender and priority.
///
/// It counts against the extender's bound for that peer (1,024 messages or 4 MiB) until it is destroyed. An extender
/// that keeps messages for later thereby slows their sender down; nothing is dropped.
/// Threads: one at a time. It may be moved to, and destroyed on, any thread, also after the node is gone.
/// Ownership: owns its bytes.
class Message {
 public:
  /// For those who deliver messages: nodes, and tests. `consumed` may be empty; it is called once, when the message is
  /// destroyed, on the thread that does so.
  Message(PeerUuid peer, Priority priority, Bytes bytes, std::function<void()> consumed = {})
      : peer_(peer), priority_(priority), bytes_(std::move(bytes)), consumed_(std::move(consumed)) {}
  /// The source counts no more; it is empty.
  Message(Message&& other) noexcept
      : peer_(other.peer_),
        priority_(other.priority_),
        bytes_(std::move(other.bytes_)),
        consumed_(std::exchange(other.consumed_, nullptr)) {}
  /// What this one held is consumed first.
  Message& operator=(Message&& other) noexcept {
    if (this != &other) {
      finish();
      peer_ = other.peer_;
      priority_ = other.priority_;
      bytes_ = std::move(other.bytes_);
      consumed_ = std::exchange(other.consumed_, nullptr);
    }
    return *this;
  }
  ~Message() { finish(); }

  /// Who sent it.
  const PeerUuid& peer() const noexcept { return peer_; }
  /// As the sender chose.
  Priority priority() const noexcept { return priority_; }
  /// The content, not compressed any more. Borrowed from the message.
  BytesView bytes() const noexcept { return bytes_; }
  /// The content as text. Borrowed from the message; says nothing about the encoding.
  std::string_view text() const noexcept { return as_text(bytes_); }

 private:
  void finish() noexcept {
    if (const auto consumed = std::exchange(consumed_, nullptr)) consumed();
  }

  PeerUuid peer_;
  Priority priority_;
  Bytes bytes_;
  std::function<void()> consumed_;
};

}  // namespace quantumgate
