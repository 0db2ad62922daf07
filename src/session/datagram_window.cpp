// SPDX-License-Identifier: MIT
#include "session/datagram_window.hpp"

#include <algorithm>
#include <cmath>

#include "session/constants.hpp"

namespace quantumgate::session {

double DatagramWindow::rate() const {
  // A little faster than a window per round trip, so that the window is what bounds.
  return 1.25 * static_cast<double>(window_) / static_cast<double>(std::max<Duration::rep>(rtt_.count(), 1));
}

void DatagramWindow::refill(TimePoint now) {
  if (rtt_ == Duration::zero()) return;
  const auto elapsed = static_cast<double>((now - refilled_).count());
  const double burst = std::max<double>(kWindowInitial, static_cast<double>(window_) / 4);
  tokens_ = std::min(burst, tokens_ + std::max(elapsed, 0.0) * rate());
  refilled_ = now;
}

bool DatagramWindow::may_send(TimePoint now) {
  refill(now);
  return sent_ - confirmed_ < window_ && tokens_ >= 1;
}

void DatagramWindow::sent(TimePoint now) {
  if (sent_ == sent_when_asked_) first_unasked_ = now;
  ++sent_;
  tokens_ -= 1;
}

std::optional<TimePoint> DatagramWindow::deadline() const {
  if (sent_ - confirmed_ >= window_ || tokens_ >= 1 || rtt_ == Duration::zero()) return std::nullopt;
  return refilled_ + Duration(static_cast<Duration::rep>(std::ceil((1 - tokens_) / rate())));
}

bool DatagramWindow::wants_count(TimePoint now) const {
  if (asking_ || sent_ == sent_when_asked_) return false;
  return sent_ - confirmed_ >= window_ / 2 || now >= first_unasked_ + kDatagramCountDelay;
}

std::optional<TimePoint> DatagramWindow::count_deadline() const {
  if (asking_ || sent_ == sent_when_asked_) return std::nullopt;
  return first_unasked_ + kDatagramCountDelay;
}

void DatagramWindow::asked(TimePoint now) {
  asking_ = true;
  asked_at_ = now;
  sent_when_asked_ = sent_;
}

bool DatagramWindow::counted(TimePoint now, std::uint64_t received) {
  if (!asking_) return false;
  asking_ = false;
  // RFC 9002, 5.3. A repeated request makes it too long, which only slows us down.
  const Duration sample = std::max<Duration>(now - asked_at_, Duration(1));
  rtt_ = rtt_ == Duration::zero() ? sample : (rtt_ * 7 + sample) / 8;
  if (refilled_ == TimePoint{}) refilled_ = now;

  const std::uint64_t passed = sent_when_asked_ - confirmed_;
  const bool was_full = passed * 2 >= window_;
  confirmed_ = sent_when_asked_;
  const std::uint64_t lost = sent_when_asked_ - std::min(received, sent_when_asked_);
  // What was only late is made good by the next count; one in fifty may be missing before the window gives way.
  silent_ = lost < lost_ + passed ? 0 : silent_ + passed;
  const bool congested = lost > lost_ && lost - lost_ > 1 + passed / 50;
  lost_ = lost;
  if (congested) {
    slow_start_ = false;
    window_ = std::max(window_ / 2, kWindowMin);
  } else if (was_full) {
    window_ = std::min(window_ + (slow_start_ ? passed : std::max<std::uint64_t>(passed / window_, 1)), kWindowMax);
  }
  return silent_ >= kSilentMin;
}

void DatagramWindow::unanswered() {
  asking_ = false;
  slow_start_ = false;
  window_ = kWindowMin;
  confirmed_ = sent_when_asked_;
}

}  // namespace quantumgate::session
