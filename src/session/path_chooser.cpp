// SPDX-License-Identifier: MIT
#include "session/path_chooser.hpp"

#include <algorithm>

namespace quantumgate::session {
namespace {

TimePoint draw_probe(TimePoint now, RandomSource& random) {
  constexpr Duration kSpread = kUdpProbeMax - kUdpProbeMin;
  return now + kUdpProbeMin + Duration(random.below(static_cast<std::uint64_t>(kSpread.count())));
}

}  // namespace

// Long enough for an answer.
Duration PathChooser::patience(const Now& now) {
  return std::max<Duration>(kPatienceMin, 3 * (now.round_trip + kPathAckDelay));
}

std::optional<TimePoint> PathChooser::next_question(const Now& now) const {
  if (asked(now)) return std::nullopt;
  if (now.unanswered_since) return *now.unanswered_since + patience(now);
  if (expecting_) return now.last_received + kQuietMax;
  return std::nullopt;
}

// When a TCP connection is to be opened, if all stays as it is.
std::optional<TimePoint> PathChooser::next_opening(const Now& now) const {
  if (now.tcp && !now.connected) return next_opening_;
  if (!asked(now)) return std::nullopt;
  return std::max(asked_at_ + patience(now), next_opening_);
}

PathChooser::Advice PathChooser::poll(const Now& now, RandomSource& random) {
  if (was_tcp_ != now.tcp) {
    was_tcp_ = now.tcp;
    next_opening_ = {};
    openings_ = 0;
    next_udp_ = draw_probe(now.time, random);
  }
  const auto opening = next_opening(now);
  if (!opening) {
    openings_ = 0;
  } else if (now.time >= *opening) {
    next_opening_ = now.time + kTcpRetryDelays[openings_];
    if (openings_ + 1u < kTcpRetryDelays.size()) ++openings_;
    next_udp_ = now.time;  // while neither of them is known to work, either may
    return Advice::open_tcp;
  }
  if (now.tcp && now.time >= next_udp_ && !now.testing) {
    next_udp_ = draw_probe(now.time, random);
    return Advice::test_udp;
  }
  if (const auto question = next_question(now); question && now.time >= *question) {
    expecting_ = false;
    asked_at_ = now.time;
    return Advice::ask;
  }
  return Advice::none;
}

std::optional<TimePoint> PathChooser::deadline(const Now& now) const {
  if (was_tcp_ != now.tcp) return TimePoint{};
  std::optional<TimePoint> deadline;
  const auto consider = [&](std::optional<TimePoint> time) {
    if (time && (!deadline || *time < *deadline)) deadline = time;
  };
  consider(next_opening(now));
  consider(next_question(now));
  if (now.tcp && !now.testing) consider(next_udp_);
  return deadline;
}

}  // namespace quantumgate::session
