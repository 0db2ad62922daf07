// SPDX-License-Identifier: MIT
#include "quantumgate/privacy.h"

#include <array>

#include "session/constants.hpp"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

constexpr int kLevels = 5;
// docs/spec/03-session.md, section 10.
constexpr std::array<Privacy, kLevels> kSets{{
    {},
    {.padding = Padding::classes},
    {.padding = Padding::full,
     .cover = Cover::poisson,
     .cover_interval = 500ms,
     .delay_max = 10ms,
     .handshake_jitter = 50ms,
     .key_update = {.min = 300s, .max = 900s}},
    {.padding = Padding::full,
     .cover = Cover::adaptive,
     .cover_interval = 50ms,
     .handshake_jitter = 250ms,
     .key_update = {.min = 300s, .max = 600s}},
    {.padding = Padding::full,
     .cover = Cover::constant,
     .cover_interval = 20ms,
     .handshake_jitter = 500ms,
     .key_update = {.min = 300s, .max = 600s}},
}};

std::uint64_t cover_bytes_in(std::chrono::microseconds time, const Privacy& privacy) {
  if (privacy.cover == Cover::off || privacy.cover_interval <= 0us) return 0;
  return static_cast<std::uint64_t>(time.count()) * session::kPacketSizeDefault /
         static_cast<std::uint64_t>(privacy.cover_interval.count());
}

// A limit in the unit of what it limits: a comparison in another one could overflow.
template <class Unit>
constexpr bool is_within(Unit value, Duration min, Duration max) {
  return value >= std::chrono::duration_cast<Unit>(min) && value <= std::chrono::duration_cast<Unit>(max);
}

// The sentences name these numbers.
static_assert(kLevels == 5 && session::kCoverIntervalMin == 1ms && session::kCoverTickMax == 1000ms &&
              session::kCoverMeanMax == 60'000ms && session::kSendDelayMax == 1000ms &&
              session::kHandshakeJitterMax == 2000ms && session::kKeyGrace == 10s && session::kKeyUpdateMax == 1200s);

// What is wrong, and what would be right; null if all is well.
const char* broken_rule(const Privacy& privacy) {
  const auto& [padding, cover, interval, delay, jitter, keys] = privacy;
  if (padding > Padding::full) return "a padding is none, random, classes or full";
  if (cover > Cover::constant) return "cover is off, poisson, adaptive or constant";
  if (cover == Cover::off && interval != 0us) {
    return "an interval of cover makes no sense without cover: choose poisson, adaptive or constant";
  }
  if (cover != Cover::off && padding == Padding::none) {
    return "cover without padding would be known by its size. Choose a padding: full is best";
  }
  if (has_clock(cover)) {
    if (!is_within(interval, session::kCoverIntervalMin, session::kCoverTickMax)) {
      return "adaptive and constant cover need an interval of 1 to 1000 ms";
    }
    if (delay != 0ms) {
      return "with adaptive or constant cover a clock decides when a packet goes; leave the delay out";
    }
  }
  if (cover == Cover::poisson && !is_within(interval, session::kCoverIntervalMin, session::kCoverMeanMax)) {
    return "poisson cover needs an interval of 1 to 60000 ms";
  }
  if (!is_within(delay, {}, session::kSendDelayMax)) return "a delay may be 0 to 1000 ms";
  if (!is_within(jitter, {}, session::kHandshakeJitterMax)) return "the jitter of handshakes may be 0 to 2000 ms";
  const bool keys_fit = is_within(keys.min, session::kKeyGrace, session::kKeyUpdateMax) &&
                        is_within(keys.max, session::kKeyGrace, session::kKeyUpdateMax);
  if (!keys_fit) return "keys can be replaced after 10 to 1200 s";
  if (keys.min > keys.max) return "the least time after which keys are replaced may not be above the greatest";
  return nullptr;
}

}  // namespace

const char* name_of(Padding padding) noexcept {
  switch (padding) {
    case Padding::none:
      return "none";
    case Padding::random:
      return "random";
    case Padding::classes:
      return "classes";
    case Padding::full:
      return "full";
  }
  return "unknown";
}

const char* name_of(Cover cover) noexcept {
  switch (cover) {
    case Cover::off:
      return "off";
    case Cover::poisson:
      return "poisson";
    case Cover::adaptive:
      return "adaptive";
    case Cover::constant:
      return "constant";
  }
  return "unknown";
}

Result<Privacy> privacy_level(int level) {
  if (level < 1 || level > kLevels) {
    return fail(ErrorCode::invalid_argument, "choosing a privacy level", "there are the privacy levels 1 to 5");
  }
  return kSets[static_cast<std::size_t>(level - 1)];
}

int level_of(const Privacy& privacy) noexcept {
  for (int level = 1; level <= kLevels; ++level) {
    if (privacy == kSets[static_cast<std::size_t>(level - 1)]) return level;
  }
  return 0;
}

Result<void> check(const Privacy& privacy) {
  if (const char* const rule = broken_rule(privacy)) {
    return fail(ErrorCode::invalid_argument, "checking the options for privacy", rule);
  }
  return {};
}

std::uint64_t cover_bytes_per_day(const Privacy& privacy) noexcept { return cover_bytes_in(24h, privacy); }

std::uint64_t cover_bytes_per_second(const Privacy& privacy) noexcept { return cover_bytes_in(1s, privacy); }

}  // namespace quantumgate
