// SPDX-License-Identifier: MIT
// Chat: short lines of text between two connected peers, each acknowledged by the node that took it.
// Spec: docs/spec/extenders/chat.md.
// Threads: all on the node's thread.   Ownership: borrows the node between on_start and on_stop.
// Bounds: those of history.hpp; per peer 256 lines sent and not yet acknowledged, and 4 incoming streams.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "extenders/chat/history.hpp"
#include "quantumgate/extender.h"
#include "quantumgate/node.h"

namespace quantumgate::chat {

inline constexpr char kName[] = "org.quantumgate.chat/1";
inline constexpr std::size_t kLineBytesMax = 4096;
inline constexpr std::size_t kUnacknowledgedMax = 256;
inline constexpr std::size_t kIncomingMax = 4;  // streams of one peer

inline constexpr std::uint64_t kCodeMalformed = 256;  // the peer did not follow the spec

class Chat final : public Extender {
 public:
  Chat();
  ~Chat() override;

  // Sends one line, which goes into the history once its fate is known. `done` comes once: no error when the peer's
  // chat has taken it, else what broke the stream off
  // (`reset` with kStreamNoSuchExtender: `unsupported`). Errors: invalid_argument (empty, longer than kLineBytesMax,
  // not UTF-8, or with a line feed), not_found (no session), limit or would_block (too much on its way).
  Result<void> send(const PeerUuid& peer, std::string_view text, std::function<void(Result<void>)> done);

  // Lines of the past. Before the node starts, it may be given a file to be kept in.
  History& history() noexcept { return history_; }

  // Called for each new line, sent or received. Returns a number for unfollow().
  std::uint64_t follow(std::function<void(const Line&)> callback);
  void unfollow(std::uint64_t follower);

  void on_start(Node& node) override;
  void on_stop() override;
  void on_stream(std::shared_ptr<Stream> stream) override;

 private:
  struct Outgoing;
  struct Incoming;

  // By value: a stream drops its callbacks, and what they hold, while they run when it is reset in them.
  void flush(std::shared_ptr<Outgoing> out);
  void take_acknowledgements(std::shared_ptr<Outgoing> out);
  void give_up(std::shared_ptr<Outgoing> out, Error error);
  void take_lines(std::shared_ptr<Incoming> in);
  void break_off(std::shared_ptr<Incoming> in);
  void add(const PeerUuid& peer, bool outgoing, bool delivered, std::string text);

  Node* node_ = nullptr;
  std::map<PeerUuid, std::shared_ptr<Outgoing>> outgoing_;
  std::list<std::shared_ptr<Incoming>> incoming_;
  History history_;
  std::map<std::uint64_t, std::function<void(const Line&)>> followers_;
  std::uint64_t followers_made_ = 0;
};

}  // namespace quantumgate::chat
