// SPDX-License-Identifier: MIT
// Chat: short lines of text between two connected peers, each acknowledged by the node that took it.
// Spec: docs/spec/extenders/chat.md.
// Threads: all on the node's thread.   Ownership: borrows the node between on_start and on_stop.
// Bounds: 256 lines of history; per peer 256 lines sent and not yet acknowledged, and 4 incoming streams.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "quantumgate/extender.h"
#include "quantumgate/node.h"

namespace quantumgate::chat {

inline constexpr char kName[] = "org.quantumgate.chat/1";
inline constexpr std::size_t kLineBytesMax = 4096;
inline constexpr std::size_t kHistoryLines = 256;
inline constexpr std::size_t kUnacknowledgedMax = 256;
inline constexpr std::size_t kIncomingMax = 4;  // streams of one peer

inline constexpr std::uint64_t kCodeMalformed = 256;  // the peer did not follow the spec

struct Line {
  std::uint64_t number = 0;  // counts up from 1, sent and received together
  PeerUuid peer;
  bool outgoing = false;
  std::chrono::system_clock::time_point time;
  std::string text;  // UTF-8 without line feeds; may hold other control characters: escape it before showing it
};

class Chat final : public Extender {
 public:
  Chat();
  ~Chat() override;

  // Sends one line. `done` comes once: no error when the peer's chat has taken it, else what broke the stream off
  // (`reset` with kStreamNoSuchExtender: `unsupported`). Errors: invalid_argument (empty, longer than kLineBytesMax,
  // not UTF-8, or with a line feed), not_found (no session), limit or would_block (too much on its way).
  Result<void> send(const PeerUuid& peer, std::string_view text, std::function<void(Result<void>)> done);

  // Lines of the past, oldest first.
  const std::deque<Line>& history() const noexcept { return history_; }

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
  void add(const PeerUuid& peer, bool outgoing, std::string text);

  Node* node_ = nullptr;
  std::map<PeerUuid, std::shared_ptr<Outgoing>> outgoing_;
  std::list<std::shared_ptr<Incoming>> incoming_;
  std::deque<Line> history_;
  std::uint64_t lines_ = 0;
  std::map<std::uint64_t, std::function<void(const Line&)>> followers_;
  std::uint64_t followers_made_ = 0;
};

}  // namespace quantumgate::chat
