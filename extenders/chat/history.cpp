// SPDX-License-Identifier: MIT
#include "extenders/chat/history.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace quantumgate::chat {
namespace {

using Clock = std::chrono::system_clock;

// Records: kind (1) and number (8), then for a line: milliseconds since 1970 (8), flags (1), peer (16), text; for what
// was read: peer (16); for the last number given away: nothing.
constexpr std::byte kKindLine{1}, kKindRead{2}, kKindNumber{3};
constexpr std::byte kOutgoing{1}, kDelivered{2};
constexpr std::size_t kLineHeadBytes = 1 + 8 + 8 + 1 + 16;
constexpr std::uint64_t kRewriteBytesMin = 64 * 1024;

void put(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(value >> shift & 0xFF));
}

std::uint64_t number_in(BytesView bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

Bytes record_of(const Line& line) {
  Bytes record{kKindLine};
  put(record, line.number);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(line.time.time_since_epoch());
  put(record, static_cast<std::uint64_t>(since.count()));
  record.push_back((line.outgoing ? kOutgoing : std::byte{0}) | (line.delivered ? kDelivered : std::byte{0}));
  record.insert(record.end(), line.peer.bytes.begin(), line.peer.bytes.end());
  const BytesView text = as_bytes(line.text);
  record.insert(record.end(), text.begin(), text.end());
  return record;
}

Bytes read_record(const PeerUuid& peer, std::uint64_t number) {
  Bytes record{kKindRead};
  put(record, number);
  record.insert(record.end(), peer.bytes.begin(), peer.bytes.end());
  return record;
}

}  // namespace

Result<void> History::keep_in(const std::filesystem::path& file, const Identity& identity) {
  auto log = SealedLog::open(file.string(), identity, kLogPurpose, [this](BytesView record) { take_record(record); });
  if (!log) return fail(log.error());
  log_ = std::move(*log);
  drop_old(Clock::now());
  return {};
}

void History::take_record(BytesView record) {
  if (record.size() < 9) return;
  const std::uint64_t number = number_in(record.subspan(1, 8));
  if (record[0] == kKindNumber) number_ = std::max(number_, number);
  if (record[0] == kKindRead && record.size() == 9 + 16) {
    PeerUuid peer;
    std::ranges::copy(record.subspan(9), peer.bytes.begin());
    read_[peer] = number;
  }
  if (record[0] != kKindLine || record.size() <= kLineHeadBytes) return;
  Line line;
  line.number = number;
  line.time = Clock::time_point(std::chrono::milliseconds(static_cast<std::int64_t>(number_in(record.subspan(9, 8)))));
  line.outgoing = (record[17] & kOutgoing) != std::byte{0};
  line.delivered = (record[17] & kDelivered) != std::byte{0};
  std::ranges::copy(record.subspan(18, 16), line.peer.bytes.begin());
  line.text = as_text(record.subspan(kLineHeadBytes));
  number_ = std::max(number_, number);
  bytes_ += line.text.size();
  ++counts_[line.peer];
  lines_.push_back(std::move(line));
  drop_old(lines_.back().time);
}

const Line& History::add(const PeerUuid& peer, bool outgoing, bool delivered, std::string text) {
  Line line{++number_, peer, outgoing, delivered, Clock::now(), std::move(text)};
  append(record_of(line));
  bytes_ += line.text.size();
  ++counts_[peer];
  lines_.push_back(std::move(line));
  drop_old(lines_.back().time);
  return lines_.back();
}

void History::mark_read(const PeerUuid& peer, std::uint64_t number) {
  number = std::min(number, number_);
  if (!counts_.contains(peer) || read_[peer] >= number) return;
  read_[peer] = number;
  append(read_record(peer, number));
}

bool History::is_unread(const Line& line) const {
  const auto read = read_.find(line.peer);
  return !line.outgoing && (read == read_.end() || read->second < line.number);
}

std::size_t History::clear(const std::optional<PeerUuid>& peer) {
  const std::size_t before = lines_.size();
  std::erase_if(lines_, [&](const Line& line) {
    if (peer && line.peer != *peer) return false;
    bytes_ -= line.text.size();
    return true;
  });
  if (peer) {
    counts_.erase(*peer);
    read_.erase(*peer);
  } else {
    counts_.clear();
    read_.clear();
  }
  rewrite();
  return before - lines_.size();
}

void History::append(const Bytes& record) {
  if (!log_) return;
  // A log that can not be written any more is given up rather than left with holes; what it holds stays.
  if (!log_->append(record)) return log_.reset();
  if (log_->size_bytes() > 2 * rewritten_bytes_ + kRewriteBytesMin + kHistoryBytes) rewrite();
}

void History::drop_old(Clock::time_point now) {
  while (!lines_.empty() &&
         (lines_.size() > kHistoryLines || bytes_ > kHistoryBytes || lines_.front().time < now - kHistoryAge)) {
    drop(lines_.begin());
  }
  if (lines_.empty() || counts_[lines_.back().peer] <= kHistoryLinesPerPeer) return;
  drop(std::ranges::find(lines_, lines_.back().peer, &Line::peer));
}

void History::drop(std::deque<Line>::iterator line) {
  bytes_ -= line->text.size();
  if (const auto count = counts_.find(line->peer); --count->second == 0) {
    read_.erase(line->peer);
    counts_.erase(count);
  }
  lines_.erase(line);
}

void History::rewrite() {
  if (!log_) return;
  std::vector<Bytes> records;
  Bytes last{kKindNumber};
  put(last, number_);
  records.push_back(std::move(last));
  for (const Line& line : lines_) records.push_back(record_of(line));
  for (const auto& [peer, number] : read_) records.push_back(read_record(peer, number));
  if (!log_->replace(records)) return log_.reset();
  rewritten_bytes_ = log_->size_bytes();
}

}  // namespace quantumgate::chat
