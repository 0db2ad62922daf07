// SPDX-License-Identifier: MIT
#include "extenders/files/channel.hpp"

#include <algorithm>
#include <utility>

namespace quantumgate::files {
namespace {

constexpr std::size_t kInputMax = 2 * 1024 * 1024;
constexpr std::size_t kOutputMax = 2 * 1024 * 1024;
constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kJoinBytes = 64 * 1024;  // what turns say is put together up to this size
constexpr std::uint64_t kCodeBase = 256;       // stream error code of Reason{0}

}  // namespace

std::uint64_t code_of(Reason reason) { return kCodeBase + static_cast<std::uint64_t>(reason); }

Failure failure_of(const std::optional<Error>& error, std::uint64_t code) {
  if (!error) return {Reason::malformed, 0, {}};
  if (error->code != ErrorCode::reset) return {Reason::lost, 0, {}};
  if (code == kStreamNoSuchExtender) return {Reason::no_service, 0, {}};
  if (code == kStreamRefused) return {Reason::busy, 0, {}};
  if (code >= kCodeBase && code <= code_of(kLastSent)) return {static_cast<Reason>(code - kCodeBase), 0, {}};
  return {Reason::malformed, 0, {}};
}

// What a turn needs and what comes of it.
struct Channel::Job {
  Bytes input;
  std::size_t arrived = 0;
  Turn turn;
  Transfer transfer;
  bool begun = false;
};

Channel::Channel(Pool& pool, std::shared_ptr<Stream> stream, std::unique_ptr<Party> party, Callbacks callbacks)
    : pool_(pool), stream_(std::move(stream)), party_(std::move(party)), callbacks_(std::move(callbacks)) {}

void Channel::start() {
  // The stream drops its callbacks when it closes, so these references do not keep anything alive for ever; but it does
  // so also while one of them runs, so each holds one of its own.
  const auto self = shared_from_this();
  stream_->on_readable([self] {
    const auto kept = self;
    kept->go_on();
  });
  stream_->on_writable([self] {
    const auto kept = self;
    kept->flush();
    kept->go_on();
  });
  stream_->on_closed([self](std::optional<Error> error, std::uint64_t code) {
    const auto kept = self;
    kept->lost(error, code);
  });
  go_on();
}

void Channel::stop(const Failure& failure) { end(failure, true); }

void Channel::read() {
  while (arrived_ < kInputMax) {
    const std::size_t wanted = arrived_ + std::min(kReadBytes, std::max<std::size_t>(stream_->readable(), 1));
    if (input_.size() < wanted) input_.resize(wanted);
    const std::size_t size = stream_->read(MutableBytesView(input_).subspan(arrived_));
    if (size == 0) return;
    arrived_ += size;
  }
}

void Channel::go_on() {
  if (over_ || closed_) return;
  read();
  if (running_) return;
  const bool may_speak = unsent_ < kOutputMax;
  if (arrived_ != 0 || (more_ && may_speak)) return run_turn(may_speak);
  if (stream_->at_end()) end(Failure{Reason::malformed, 0, {}}, true);
}

void Channel::run_turn(bool may_speak) {
  running_ = true;
  auto job = std::make_shared<Job>();
  job->input = std::exchange(input_, std::exchange(spare_input_, {}));
  job->arrived = std::exchange(arrived_, 0);
  job->turn.output = std::exchange(spare_output_, {});
  pool_.run([self = shared_from_this(), party = party_, job = std::move(job), may_speak] {
    job->turn = party->turn(BytesView(job->input).first(job->arrived), may_speak, std::move(job->turn.output));
    job->transfer = party->transfer();
    job->begun = party->begun();
    return [self, job] { self->take(*job); };
  });
}

void Channel::take(Job& job) {
  running_ = false;
  if (over_) return;
  Turn& turn = job.turn;
  more_ = turn.more;
  spare_input_ = std::move(job.input);
  if (!closed_) {
    unsent_ += turn.output.size();
    if (!output_.empty() && output_.back().size() + turn.output.size() <= kJoinBytes) {
      output_.back().insert(output_.back().end(), turn.output.begin(), turn.output.end());
    } else if (!turn.output.empty()) {
      output_.push_back(std::move(turn.output));
    }
    finished_ = turn.finished;
    flush();
  }
  // What waits here has not been sent yet, although the party is through with it.
  Transfer& transfer = job.transfer;
  told_bytes_ = std::max(
      told_bytes_, transfer.done_bytes - std::min<std::uint64_t>(unsent_, transfer.done_bytes - transfer.kept_bytes));
  transfer.done_bytes = told_bytes_;
  const auto on_turn = callbacks_.on_turn;  // which may stop this, and with it the callbacks
  if (on_turn) on_turn(transfer, job.begun, turn.items);
  if (over_) return;  // stopped by the user just now
  if (turn.failure) return end(turn.failure, true);
  if (turn.finished) return end(std::nullopt, false);
  if (!closed_) return go_on();
  if (arrived_ == 0) return end(closed_, false);
  run_turn(false);
}

void Channel::flush() {
  if (closed_) return;
  while (!output_.empty()) {
    Bytes& first = output_.front();
    const std::size_t taken = stream_->write(BytesView(first).subspan(sent_));
    if (taken == 0) return;  // on_writable comes
    sent_ += taken;
    unsent_ -= taken;
    if (sent_ < first.size()) continue;
    sent_ = 0;
    spare_output_ = std::move(first);
    spare_output_.clear();
    output_.pop_front();
  }
  if (std::exchange(finished_, false)) stream_->finish();
}

// What had arrived before is still worth keeping.
void Channel::lost(std::optional<Error> error, std::uint64_t code) {
  if (over_ || closed_) return;
  closed_ = failure_of(error, code);
  output_.clear();
  sent_ = unsent_ = 0;
  if (running_) return;
  if (arrived_ == 0) return end(closed_, false);
  run_turn(false);
}

void Channel::end(const std::optional<Failure>& failure, bool tell_peer) {
  if (std::exchange(over_, true)) return;
  if (failure && tell_peer && !closed_) {
    stream_->reset(code_of(failure->reason <= kLastSent ? failure->reason : Reason::cancelled));
  }
  input_ = spare_input_ = {};
  arrived_ = 0;
  // Closing its files may wait for the disk.
  pool_.run([party = std::exchange(party_, nullptr)]() mutable {
    party.reset();
    return std::function<void()>();
  });
  const auto callbacks = std::exchange(callbacks_, {});
  if (callbacks.on_end) callbacks.on_end(failure);
}

}  // namespace quantumgate::files
