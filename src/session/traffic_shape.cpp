// SPDX-License-Identifier: MIT
#include "session/traffic_shape.hpp"

#include <algorithm>
#include <cmath>

#include "base/byte_order.hpp"
#include "session/constants.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {
namespace {

constexpr std::size_t kLengthSize = sizeof(std::uint16_t);
// What a packet of the full size has room for.
constexpr std::size_t kFullContent = kPacketSizeDefault - kPacketOverhead;

}  // namespace

TrafficShape::TrafficShape(const Privacy& privacy, RandomSource& random, TimePoint now) : random_(random) {
  change(now, privacy);
}

void TrafficShape::change(TimePoint now, const Privacy& privacy) {
  privacy_ = privacy;
  held_until_.reset();
  if (privacy_.cover == Cover::off) return;
  load_ = {.period_end = now + kClockPeriod};
  // A clock begins at a random moment: where it stands tells nothing of when it was set up.
  next_cover_ = now + (has_clock(privacy_.cover) ? Duration(random_.below(static_cast<std::uint64_t>(tick().count())))
                                                 : draw_cover_gap());
}

// --- sizes ---

std::size_t TrafficShape::content_max(MutableBytesView content) const { return std::min(kFullContent, content.size()); }

std::size_t TrafficShape::padded_size(std::size_t content_size, std::size_t content_max) {
  switch (privacy_.padding) {
    case Padding::none:
      return content_size;
    case Padding::random:
      return content_size + random_.below(content_max - content_size + 1);
    case Padding::classes: {
      const auto fits =
          std::ranges::find_if(kSizeClasses, [&](std::size_t size) { return size >= content_size + kPacketOverhead; });
      return fits == kSizeClasses.end() ? content_max : std::min(*fits - kPacketOverhead, content_max);
    }
    case Padding::full:
      return content_max;
  }
  return content_max;
}

std::size_t TrafficShape::pad(MutableBytesView content, std::size_t size) {
  const std::size_t max = content_max(content);
  const std::size_t used = size == 0 ? 0 : size + kLengthSize;
  if (!pads() || used > max) return size;
  if (size != 0) {
    const auto body = content.subspan(1, size - 1);
    std::copy_backward(body.begin(), body.end(), body.end() + kLengthSize);
    content[0] |= static_cast<std::byte>(wire::kFrameHasLength);
    store_be(static_cast<std::uint16_t>(body.size()), content.subspan<1, kLengthSize>());
  }
  load_.bytes += size;
  const std::size_t padded = padded_size(used, max);
  std::ranges::fill(content.subspan(used, padded - used), wire::frame_type(wire::FrameKind::padding));
  padding_bytes_ += padded - size;
  return padded;
}

// --- moments ---

// Exponentially distributed: the moments of cover then say nothing about each other.
Duration TrafficShape::draw_cover_gap() {
  constexpr double kLongest = 10;
  const double uniform = (static_cast<double>(random_.u64() >> 11) + 1) * 0x1p-53;  // (0, 1]
  const double gap = std::min(-std::log(uniform), kLongest);
  return Duration(static_cast<Duration::rep>(gap * static_cast<double>(Duration(privacy_.cover_interval).count())));
}

Duration TrafficShape::tick() const {
  return std::max(Duration(privacy_.cover_interval) / (1U << load_.step), kClockTickMin);
}

// A tap learns of a transfer its order of magnitude, once a period. Small packets do not count for much: a receiver's
// acknowledgements alone do not make its clock run.
void TrafficShape::adapt(TimePoint now) {
  if (privacy_.cover != Cover::adaptive || now < load_.period_end) return;
  if (load_.room < kClockPacketsMin * kFullContent) return;
  const bool full = load_.bytes * 100 >= load_.room * kClockFullPercent;
  const bool empty = load_.bytes * 100 < load_.room * kClockEmptyPercent;
  if (empty && load_.step > 0) {
    --load_.step;
    load_.patience = kClockPatience;  // the path may carry no more
  } else if (full && load_.patience > 0) {
    --load_.patience;
  } else if (full && load_.step < kClockStepsMax && tick() > kClockTickMin) {
    ++load_.step;
  }
  load_.bytes = load_.room = 0;
  load_.period_end = now + kClockPeriod;
}

std::size_t TrafficShape::ticks_due(TimePoint now) const {
  if (now < next_cover_) return 0;
  return 1 + static_cast<std::size_t>((now - next_cover_) / tick());
}

std::size_t TrafficShape::allowance(TimePoint now) {
  if (has_clock(privacy_.cover)) {
    if (now >= next_cover_) adapt(now);  // on a tick only
    const std::size_t due = ticks_due(now);
    if (due <= kTicksAtOnce) return due;
    next_cover_ += static_cast<Duration::rep>(due - kTicksAtOnce) * tick();  // the machine was late
    return kTicksAtOnce;
  }
  if (privacy_.delay_max.count() == 0) return kUnlimited;
  if (!held_until_) {
    const auto delay = Duration(privacy_.delay_max).count();
    held_until_ = now + Duration(random_.below(static_cast<std::uint64_t>(delay)));
  }
  if (now < *held_until_) return 0;
  held_until_.reset();
  return kUnlimited;
}

void TrafficShape::sent(std::size_t packets) {
  if (!has_clock(privacy_.cover)) return;
  load_.room += packets * kFullContent;
  next_cover_ += static_cast<Duration::rep>(packets) * tick();
}

std::size_t TrafficShape::cover_due(TimePoint now) const {
  switch (privacy_.cover) {
    case Cover::off:
      return 0;
    case Cover::poisson:
      return now >= next_cover_ ? 1 : 0;
    case Cover::adaptive:
    case Cover::constant:
      return ticks_due(now);
  }
  return 0;
}

std::size_t TrafficShape::cover(TimePoint now, MutableBytesView content) {
  const std::size_t max = content_max(content);
  // In classes, any: that of an empty packet alone would be known for cover.
  const std::size_t least = privacy_.padding == Padding::classes ? random_.below(max) : 0;
  const std::size_t size = padded_size(least, max);
  std::ranges::fill(content.first(size), wire::frame_type(wire::FrameKind::padding));
  cover_bytes_ += size + kPacketOverhead;
  if (has_clock(privacy_.cover)) {
    sent(1);
  } else {
    next_cover_ = now + draw_cover_gap();
  }
  return size;
}

void TrafficShape::skip(TimePoint now) {
  if (cover_due(now) == 0) return;
  next_cover_ = has_clock(privacy_.cover) ? next_cover_ + static_cast<Duration::rep>(ticks_due(now)) * tick()
                                          : now + draw_cover_gap();
}

std::optional<TimePoint> TrafficShape::deadline() const {
  std::optional<TimePoint> deadline = held_until_;
  if (privacy_.cover != Cover::off && (!deadline || next_cover_ < *deadline)) deadline = next_cover_;
  return deadline;
}

TimePoint TrafficShape::not_before() const noexcept {
  if (has_clock(privacy_.cover)) return next_cover_;
  return held_until_.value_or(TimePoint::min());
}

}  // namespace quantumgate::session
