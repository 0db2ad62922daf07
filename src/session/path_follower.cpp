// SPDX-License-Identifier: MIT
#include "session/path_follower.hpp"

#include <algorithm>
#include <utility>

namespace quantumgate::session {
namespace {

using wire::PathWhat;

constexpr std::size_t kChallengeSize = kPacketOverhead + 1 + wire::PathFrame::kSize;

}  // namespace

void PathFollower::on_packet(TimePoint now, const Path& from, std::size_t size, bool newest, Duration round_trip,
                             RandomSource& random) {
  if (test_ && from == test_->path) test_->received += size;
  if (from == proven_ || test_ || !newest || now < next_test_) return;
  begin(now, from, size, round_trip, random);
}

void PathFollower::test(TimePoint now, const Path& path, Duration round_trip, RandomSource& random) {
  if (path != proven_ && !(test_ && test_->path == path)) begin(now, path, kPathBytesFree, round_trip, random);
}

void PathFollower::begin(TimePoint now, const Path& path, std::size_t received, Duration round_trip,
                         RandomSource& random) {
  // Round trips measured while the peer was moving may be anything.
  const Duration wait = std::clamp<Duration>(3 * (2 * round_trip + kPathAckDelay), kPathDecisionMin, kPathDecisionMax);
  test_ = std::make_unique<Test>(Test{.path = path,
                                      .old_token = random.u64(),
                                      .new_token = random.u64(),
                                      .decision = now + wait,
                                      .end = now + wait + kPathTestMax,
                                      .again = now + wait / 3,
                                      .pause = wait / 3,
                                      .received = received});
}

// UDP is better than TCP wherever it gets through. By the address that the connection has, too, nobody else can have
// sent a copy.
bool PathFollower::better() const {
  return proven_.tcp() && !test_->path.tcp() && proven_.remote.ip == test_->path.remote.ip;
}

void PathFollower::on_frame(TimePoint now, const Path& from, const wire::PathFrame& frame) {
  if (frame.what == PathWhat::challenge) {
    if (answers_.size() < kPathAnswersMax) answers_.push_back({from, {PathWhat::answer, frame.token}});
    return;
  }
  if (!test_) return;
  if (frame.token == test_->old_token && !better()) return stay(now);
  if (frame.token != test_->new_token) return;
  test_->answered = true;
  decide(now);
}

// The peer is where it was: somebody else sent on what it had sent, or it can be reached at both places.
void PathFollower::stay(TimePoint now) {
  test_.reset();
  next_test_ = now + kPathTestPause;
}

void PathFollower::decide(TimePoint now) {
  if (!test_->answered || (now < test_->decision && !better())) return;
  proven_ = test_->path;
  test_.reset();
  next_test_ = now + kPathTestPause;
  moved_ = true;
}

std::optional<PathFollower::Outgoing> PathFollower::poll_transmit(TimePoint) {
  if (!answers_.empty()) {
    const Outgoing answer = answers_.back();
    answers_.pop_back();
    if (answers_.empty()) answers_ = {};
    if (test_ && answer.to == test_->path) test_->sent += kChallengeSize;  // an answer is as long
    return answer;
  }
  if (!test_) return std::nullopt;
  if (std::exchange(test_->old_due, false) && !better())
    return Outgoing{proven_, {PathWhat::challenge, test_->old_token}};
  // Nobody makes us send much to a place that has asked for nothing.
  const auto allowed = [&](std::size_t size) { return test_->sent + size <= kPathBytesFactor * test_->received; };
  if (!std::exchange(test_->new_due, false) || !allowed(kChallengeSize)) return std::nullopt;
  const bool full = better() && allowed(kPacketSizeDefault);
  test_->sent += full ? kPacketSizeDefault : kChallengeSize;
  return Outgoing{test_->path, {PathWhat::challenge, test_->new_token}, full};
}

std::optional<TimePoint> PathFollower::deadline() const {
  if (!test_) return std::nullopt;
  const TimePoint end = test_->answered ? test_->decision : test_->end;
  return std::min(end, test_->again);
}

void PathFollower::on_deadline(TimePoint now) {
  if (!test_) return;
  if (now >= test_->again) {
    test_->old_due = true;
    test_->new_due = !test_->answered;
    if (now >= test_->decision) test_->pause *= 2;
    test_->again = now + test_->pause;
  }
  if (now >= test_->end) return stay(now);
  decide(now);
}

}  // namespace quantumgate::session
