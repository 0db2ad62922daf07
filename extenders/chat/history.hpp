// SPDX-License-Identifier: MIT
// What was said, sent and received, and what of it has been read; in memory, and in a sealed log if there is one.
// Threads: all on the node's thread. Writing to the log waits for the disk's cache, not for the disk.
// Bounds: 10,000 lines, 2,000 of one peer, 4 MiB of text, 90 days; the oldest go first. The log is rewritten when it
// has become twice as large as what it holds.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "quantumgate/sealed_log.h"
#include "quantumgate/uuid.h"

namespace quantumgate::chat {

inline constexpr std::size_t kHistoryLines = 10'000;
inline constexpr std::size_t kHistoryLinesPerPeer = 2'000;
inline constexpr std::size_t kHistoryBytes = 4 * 1024 * 1024;
inline constexpr std::chrono::hours kHistoryAge{90 * 24};
inline constexpr char kLogPurpose[] = "org.quantumgate.chat history";

struct Line {
  std::uint64_t number = 0;  // counts up from 1, sent and received together, also over restarts if there is a log
  PeerUuid peer;
  bool outgoing = false;
  bool delivered = true;  // false: sent, and never acknowledged
  std::chrono::system_clock::time_point time;
  std::string text;  // UTF-8 without line feeds; may hold other control characters: escape it before showing it
};

class History {
 public:
  // Takes what `file` holds and keeps it up to date from now on. Errors as SealedLog::open; the history is then in
  // memory only.
  Result<void> keep_in(const std::filesystem::path& file, const Identity& identity);
  bool is_kept() const noexcept { return log_.has_value(); }

  const std::deque<Line>& lines() const noexcept { return lines_; }  // the oldest first

  // Numbers and dates the line.
  const Line& add(const PeerUuid& peer, bool outgoing, bool delivered, std::string text);

  // Received lines of the peer up to `number` have been read.
  void mark_read(const PeerUuid& peer, std::uint64_t number);
  bool is_unread(const Line& line) const;

  // Forgets the lines of `peer`, or all. Returns how many.
  std::size_t clear(const std::optional<PeerUuid>& peer);

 private:
  void take_record(BytesView record);
  void append(const Bytes& record);
  void drop_old(std::chrono::system_clock::time_point now);
  void drop(std::deque<Line>::iterator line);
  void rewrite();

  std::deque<Line> lines_;
  std::map<PeerUuid, std::size_t> counts_;
  std::map<PeerUuid, std::uint64_t> read_;
  std::size_t bytes_ = 0;  // of text
  std::uint64_t number_ = 0;
  std::optional<SealedLog> log_;
  std::uint64_t rewritten_bytes_ = 0;  // size of the log when it was rewritten last
};

}  // namespace quantumgate::chat
