// SPDX-License-Identifier: MIT
#include "extenders/files/sender.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "extenders/files/beneath.hpp"

namespace quantumgate::files {

struct Sender::Source {
  Descriptor file;
  struct stat info {};
  Sha256 hash;
  std::uint64_t hashed = 0;  // bytes in `hash`: the file's first ones
  std::uint64_t offset = 0;  // to be proven; later: where sending began
};

Sender::Sender(std::shared_ptr<const Plan> plan, bool resume)
    : plan_(std::move(plan)), resume_(resume), transfer_(plan_->totals()), states_(plan_->manifest().entries.size()) {}

Sender::~Sender() = default;

Turn Sender::turn(BytesView input, bool may_speak, Bytes room) {
  Turn turn;
  turn.output = std::move(room);
  if (!offered_) {
    Manifest manifest = plan_->manifest();
    manifest.resume = resume_;
    const Bytes encoded = encode(manifest);
    turn.output.insert(turn.output.end(), encoded.begin(), encoded.end());
    offered_ = true;
  }
  while (const auto frame = reader_.next(input)) {
    if ((turn.failure = take(*frame, turn))) return turn;
  }
  if (reader_.broken()) {
    turn.failure = Failure{Reason::malformed, 0, {}};
    return turn;
  }
  if (!proofs_.empty()) prove(turn);
  if (may_speak) send(turn);
  turn.finished = over_ == states_.size();
  turn.more = !turn.finished && (!proofs_.empty() || current_ || !ready_.empty());
  return turn;
}

std::optional<Failure> Sender::take(const Frame& frame, Turn& turn) {
  const Failure malformed{Reason::malformed, 0, {}};
  const std::size_t index = frame.index;
  if (index >= states_.size()) return malformed;
  const Entry& entry = plan_->manifest().entries[index];
  State& state = states_[index];
  begun_ = true;
  switch (frame.type) {
    case FrameType::want:
      if (state != State::offered || entry.is_folder() || frame.offset > entry.size) return malformed;
      if (++in_flight_ > kInFlightMax) return malformed;
      state = State::wanted;
      if (frame.offset == 0) {
        ready_.emplace_back(index, 0);
      } else if (auto file = plan_->open(index)) {
        Source& source = sources_[index];
        source.file = std::move(*file);
        source.offset = frame.offset;
        proofs_.push_back(index);
      } else {
        abandon(index, file.error(), turn);
      }
      return std::nullopt;
    case FrameType::go: {
      const auto source = sources_.find(index);
      if (state == State::over) return std::nullopt;  // abandoned meanwhile
      if (state != State::wanted || source == sources_.end() || source->second.hashed != source->second.offset ||
          (frame.offset != 0 && frame.offset != source->second.offset)) {
        return malformed;
      }
      ready_.emplace_back(index, frame.offset);
      return std::nullopt;
    }
    case FrameType::done: {
      if (state == State::over) return std::nullopt;
      const auto sent = sent_.find(index);
      // A file is done after it was sent, or was there: empty, or proven to be equal. A folder needs nothing.
      const auto source = sources_.find(index);
      const bool proven =
          frame.present &&
          (entry.size == 0 || (source != sources_.end() && current_ != index && source->second.hashed == entry.size));
      if (!entry.is_folder() && !proven && sent == sent_.end()) return malformed;
      close(index, frame.present ? Item::How::present : Item::How::stored, std::nullopt, turn);
      return std::nullopt;
    }
    case FrameType::refused:
      if (state == State::over) return std::nullopt;
      if (current_ == index) {
        append(turn.output, {.type = FrameType::abandon, .index = frame.index, .reason = Reason::cancelled});
      }
      close(index, Item::How::failed, Failure{frame.reason, 0, entry.path}, turn);
      return std::nullopt;
    default:
      return malformed;
  }
}

// Hashes what the receiver says it has, a slice at a time.
void Sender::prove(Turn& turn) {
  std::size_t budget = kTurnHashBytes;
  Bytes piece;
  while (budget != 0 && !proofs_.empty()) {
    const std::size_t index = proofs_.front();
    const auto found = sources_.find(index);
    if (found == sources_.end()) {  // over meanwhile
      proofs_.pop_front();
      continue;
    }
    Source& source = found->second;
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(source.offset - source.hashed, kDataBytesMax)));
    const long size = read_at(source.file.get(), piece.data(), piece.size(), source.hashed);
    if (size != static_cast<long>(piece.size())) {
      proofs_.pop_front();
      abandon(index, size < 0 ? Failure{Reason::read_failed, errno, {}} : Failure{Reason::source_changed, 0, {}}, turn);
      continue;
    }
    source.hash.update(piece);
    source.hashed += piece.size();
    budget -= std::min(budget, piece.size());
    if (source.hashed == source.offset) {
      proofs_.pop_front();
      append(turn.output,
             {.type = FrameType::proof, .index = static_cast<std::uint32_t>(index), .digest = source.hash.peek()});
    }
  }
}

void Sender::send(Turn& turn) {
  if (current_ || !ready_.empty()) turn.output.reserve(turn.output.size() + kTurnBytes + kDataBytesMax + 256);
  while (turn.output.size() < kTurnBytes && (current_ || !ready_.empty())) {
    std::optional<Failure> failure;
    std::size_t index = 0;
    if (!current_) {
      std::uint64_t offset = 0;
      std::tie(index, offset) = ready_.front();
      ready_.pop_front();
      if (states_[index] != State::wanted) continue;  // over meanwhile
      failure = begin_file(index, offset, turn);
    } else {
      index = *current_;
      failure = send_piece(turn);
    }
    if (failure) abandon(index, std::move(*failure), turn);
  }
}

std::optional<Failure> Sender::begin_file(std::size_t index, std::uint64_t offset, Turn& turn) {
  Source& source = sources_[index];
  if (!source.file) {
    auto file = plan_->open(index);
    if (!file) return file.error();
    source.file = std::move(*file);
  }
  if (::fstat(source.file.get(), &source.info) != 0) return Failure{Reason::read_failed, errno, {}};
  if (offset != source.hashed) {
    source.hash.restart();
    source.hashed = 0;
  }
  source.offset = offset;
  current_ = index;
  transfer_.current = plan_->manifest().entries[index].path;
  transfer_.kept_bytes += offset;
  transfer_.done_bytes += offset;
  append(turn.output, {.type = FrameType::file, .index = static_cast<std::uint32_t>(index), .offset = offset});
  return std::nullopt;
}

std::optional<Failure> Sender::send_piece(Turn& turn) {
  const std::size_t index = *current_;
  Source& source = sources_[index];
  const std::uint64_t size = plan_->manifest().entries[index].size;
  if (source.hashed < size) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - source.hashed, kDataBytesMax));
    // Read where it will be sent from: behind its head, which needs only the number.
    append_data_head(turn.output, wanted);
    const std::size_t before = turn.output.size();
    turn.output.resize(before + wanted);
    const long got = read_at(source.file.get(), turn.output.data() + before, wanted, source.hashed);
    if (got != static_cast<long>(wanted)) {
      turn.output.resize(before - kDataHeadBytes);
      if (got < 0) return Failure{Reason::read_failed, errno, {}};
      return Failure{Reason::source_changed, 0, {}};  // became shorter
    }
    source.hash.update(BytesView(turn.output).subspan(before));
    source.hashed += wanted;
    transfer_.done_bytes += wanted;
    return std::nullopt;
  }
  struct stat now {};
  const auto& before = source.info;
  if (::fstat(source.file.get(), &now) != 0 || now.st_size != before.st_size ||
      now.st_mtim.tv_sec != before.st_mtim.tv_sec || now.st_mtim.tv_nsec != before.st_mtim.tv_nsec) {
    return Failure{Reason::source_changed, 0, {}};
  }
  const Digest digest = source.hash.finish();
  append(turn.output, {.type = FrameType::end, .digest = digest});
  sent_[index] = {source.offset, digest};
  states_[index] = State::sent;
  sources_.erase(index);
  current_.reset();
  return std::nullopt;
}

void Sender::abandon(std::size_t index, Failure failure, Turn& turn) {
  append(turn.output, {.type = FrameType::abandon,
                       .index = static_cast<std::uint32_t>(index),
                       .reason = failure.reason <= kLastSent ? failure.reason : Reason::read_failed});
  failure.path = plan_->manifest().entries[index].path;
  close(index, Item::How::failed, std::move(failure), turn);
}

void Sender::close(std::size_t index, Item::How how, std::optional<Failure> failure, Turn& turn) {
  const Entry& entry = plan_->manifest().entries[index];
  Item item;
  item.path = entry.path;
  item.folder = entry.is_folder();
  item.how = how;
  item.size = entry.size;
  item.failure = std::move(failure);
  if (const auto sent = sent_.find(index); sent != sent_.end()) {
    std::tie(item.offset, item.digest) = sent->second;
    sent_.erase(sent);
  }
  if (how == Item::How::present && !entry.is_folder()) {
    const auto source = sources_.find(index);
    item.digest = source != sources_.end() ? source->second.hash.peek() : Sha256().finish();
    item.offset = entry.size;
    transfer_.kept_bytes += entry.size;
    transfer_.done_bytes += entry.size;
  }
  if (states_[index] != State::offered) --in_flight_;
  states_[index] = State::over;
  ++over_;
  sources_.erase(index);
  if (current_ == index) current_.reset();
  if (!entry.is_folder()) ++transfer_.files_done;
  if (how == Item::How::failed) ++transfer_.failed;
  turn.items.push_back(std::move(item));
}

}  // namespace quantumgate::files
