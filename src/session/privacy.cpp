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
  if (level < 1 || level > kLevels) return fail(ErrorCode::invalid_argument, "choosing a privacy level");
  return kSets[static_cast<std::size_t>(level - 1)];
}

int level_of(const Privacy& privacy) noexcept {
  for (int level = 1; level <= kLevels; ++level) {
    if (privacy == kSets[static_cast<std::size_t>(level - 1)]) return level;
  }
  return 0;
}

Result<void> check(const Privacy& privacy) {
  const auto& [padding, cover, interval, delay, jitter, keys] = privacy;
  const bool clock = has_clock(cover);
  const auto interval_max = clock ? session::kCoverTickMax : session::kCoverMeanMax;
  const bool interval_fits =
      cover == Cover::off ? interval == 0us : interval >= session::kCoverIntervalMin && interval <= interval_max;
  const bool hides_cover = cover == Cover::off || padding != Padding::none;  // it would be known by its size
  const bool fits = padding <= Padding::full && cover <= Cover::constant && interval_fits && hides_cover &&
                    delay >= 0ms && delay <= session::kSendDelayMax && (!clock || delay == 0ms) && jitter >= 0ms &&
                    jitter <= session::kHandshakeJitterMax && keys.min >= session::kKeyGrace && keys.min <= keys.max &&
                    keys.max <= session::kKeyUpdateMax;
  if (!fits) return fail(ErrorCode::invalid_argument, "checking the options for privacy");
  return {};
}

std::uint64_t cover_bytes_per_day(const Privacy& privacy) noexcept { return cover_bytes_in(24h, privacy); }

std::uint64_t cover_bytes_per_second(const Privacy& privacy) noexcept { return cover_bytes_in(1s, privacy); }

}  // namespace quantumgate
