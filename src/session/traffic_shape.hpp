// SPDX-License-Identifier: MIT
// What is done to the sizes and the moments of a session's packets, so that they tell less of what the session does.
// Spec: docs/spec/03-session.md, section 10.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows RandomSource, which outlives it.
#pragma once

#include <limits>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/privacy.h"

namespace quantumgate::session {

class TrafficShape {
 public:
  // `privacy` was checked.
  TrafficShape(const Privacy& privacy, RandomSource& random, TimePoint now);
  void change(TimePoint now, const Privacy& privacy);

  const Privacy& privacy() const noexcept { return privacy_; }
  bool pads() const noexcept { return privacy_.padding != Padding::none; }

  // Fills up a packet's content, one frame without a length or nothing, to the size that it is to have: gives the frame
  // its length and adds PADDING. Returns that size; frames that leave no room for a length (2 bytes) stay as they are.
  // `content` is the whole room that packets of the full size have for content.
  std::size_t pad(MutableBytesView content, std::size_t size);

  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
  // How many packets may be sent now, for this turn: all, those that the clock has ticks for, or none yet.
  std::size_t allowance(TimePoint now);
  // So many were sent. Only after allowance().
  void sent(std::size_t packets);
  // How many packets of cover are to be sent now. Only after sent().
  std::size_t cover_due(TimePoint now) const;
  // Makes the content of one of them, and takes it for sent. Its size.
  std::size_t cover(TimePoint now, MutableBytesView content);

  // The system takes no more: what was due is as good as lost.
  void skip(TimePoint now);

  // When there will be cover to send, or what waits may go.
  std::optional<TimePoint> deadline() const;
  // Nothing may be sent before, whatever there is.
  TimePoint not_before() const noexcept;

  std::uint64_t cover_bytes() const noexcept { return cover_bytes_; }      // in packets of cover
  std::uint64_t padding_bytes() const noexcept { return padding_bytes_; }  // in packets that carried something else

 private:
  // Of the whole room for content.
  std::size_t content_max(MutableBytesView content) const;
  Duration tick() const;
  // Of an adaptive clock: looks back at a period that is over.
  void adapt(TimePoint now);
  std::size_t padded_size(std::size_t content_size, std::size_t content_max);
  Duration draw_cover_gap();
  std::size_t ticks_due(TimePoint now) const;

  Privacy privacy_;
  RandomSource& random_;
  TimePoint next_cover_{};  // the next tick, or the next packet of cover
  struct {
    TimePoint period_end{};
    std::uint64_t bytes = 0;  // of this period: what packets were to carry, ...
    std::uint64_t room = 0;   // ... and could have
    unsigned step = 0;
    unsigned patience = 0;
  } load_;                               // of an adaptive clock
  std::optional<TimePoint> held_until_;  // what there is to send waits until then
  std::uint64_t cover_bytes_ = 0;
  std::uint64_t padding_bytes_ = 0;
};

}  // namespace quantumgate::session
