// SPDX-License-Identifier: MIT
/// \file
/// How much of what a node does can be seen by whoever watches its packets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "quantumgate/export.h"
#include "quantumgate/result.h"

namespace quantumgate {

/// What is done to the sizes of packets. Each hides more than the one before it, and costs more.
enum class Padding : std::uint8_t {
  none = 0,     ///< sizes show what is sent
  random = 1,   ///< each packet is filled up by a random number of bytes
  classes = 2,  ///< to the next of 128, 256, 512, 1,024 bytes and the full size
  full = 3,     ///< all packets have the full size: 1,232 bytes, which every path carries
};
/// "none", "random", "classes", "full". Static lifetime.
QG_EXPORT const char* name_of(Padding padding) noexcept;

/// Packets that carry nothing. To everybody but the two nodes they look like all others; so they need padding.
enum class Cover : std::uint8_t {
  off = 0,
  poisson = 1,   ///< at random moments, beside what there is to send
  adaptive = 2,  ///< as constant, but the clock doubles its rate again and again while much is to be sent
  constant = 3,  ///< one packet at each tick of a clock, never between; what there is to send takes the place of cover
};
/// Whether it is a clock that says when packets go.
constexpr bool has_clock(Cover cover) noexcept { return cover >= Cover::adaptive; }
/// "off", "poisson", "adaptive", "constant". Static lifetime.
QG_EXPORT const char* name_of(Cover cover) noexcept;

/// When the keys of a session are replaced by new ones from a fresh key exchange.
struct KeyUpdateTimes {
  /// Each side draws a moment between these two, counted from the making of the keys; the earlier one decides.
  /// 10 s to 20 min.
  std::chrono::seconds min{300};
  std::chrono::seconds max{1200};  ///< at least `min`

  bool operator==(const KeyUpdateTimes&) const = default;  ///< Both alike.
};

/// What a node does for its privacy, at a cost in bytes and in time. The default is level 1: nothing, for nothing.
/// A session asks its peer to do the same for the packets that go back; see Peer::peer_follows.
/// Spec: docs/spec/03-session.md, section 10.
struct Privacy {
  Padding padding = Padding::none;  ///< of each packet
  Cover cover = Cover::off;         ///< needs a padding
  /// Between two packets: with Cover::constant always, with Cover::adaptive at most, 1 ms to 1 s; with Cover::poisson
  /// on average, 1 ms to 60 s.
  std::chrono::microseconds cover_interval{0};
  /// What there is to send waits for a random time up to this; 0 to 1 s. Not with a clock: that decides.
  std::chrono::milliseconds delay_max{0};
  /// Messages that begin or answer a handshake wait for a random time up to this; 0 to 2 s.
  std::chrono::milliseconds handshake_jitter{0};
  KeyUpdateTimes key_update{};  ///< when keys are replaced

  bool operator==(const Privacy&) const = default;  ///< All alike.
};

/// The set of that level, 1 to 5; what each hides is measured in docs/design/privacy-measured.md. Errors:
/// invalid_argument. 1 nothing. 2 sizes fall into classes. 3 all packets have the full size, some cover, small delays.
/// 4 one full packet every 50 ms in each direction, more only while much is sent. 5 one every 20 ms, whatever is sent.
QG_EXPORT Result<Privacy> privacy_level(int level);

/// 1 to 5 if `privacy` is the set of that level, else 0: a custom one.
QG_EXPORT int level_of(const Privacy& privacy) noexcept;

/// Errors: invalid_argument, if a number is out of its range or two do not go together; Error::why says which, and what
/// would be right.
QG_EXPORT Result<void> check(const Privacy& privacy);

/// UDP payload that cover adds in a day, for each session and direction, in packets of the full size. With a clock this
/// is what is sent in all, as long as an adaptive one ticks slowly.
QG_EXPORT std::uint64_t cover_bytes_per_day(const Privacy& privacy) noexcept;

/// The same in a second.
QG_EXPORT std::uint64_t cover_bytes_per_second(const Privacy& privacy) noexcept;

}  // namespace quantumgate
