// SPDX-License-Identifier: MIT
// When the side that dialled leaves UDP for TCP, because nothing comes back any more, and when it looks whether UDP
// gets through again. Says what to do; whether a path works is PathFollower's question.
// Spec: docs/spec/05-tcp.md, section 3.   Layer: session (sans-I/O).   Threads: one object, one thread.   Memory:
// fixed.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "session/constants.hpp"

namespace quantumgate::session {

class PathChooser {
 public:
  // What it is told of the session.
  struct Now {
    TimePoint time;
    bool tcp;        // the proven path is a TCP connection, ...
    bool connected;  // ... and that is open
    bool testing;    // a path is being tested
    std::optional<TimePoint> unanswered_since;
    TimePoint last_received;
    Duration round_trip;  // the best guess of it
  };
  enum class Advice : std::uint8_t {
    none,
    ask,       // whether the peer is there
    open_tcp,  // anew if there is a connection; when it is open, test it
    test_udp,
  };

  // Stream data came: more is expected soon.
  void on_stream_data() noexcept { expecting_ = true; }
  // What to do now. Ask until `none`.
  Advice poll(const Now& now, RandomSource& random);
  // When to ask next; a moment that is over means now. `now.time` is not looked at.
  std::optional<TimePoint> deadline(const Now& now) const;

 private:
  static Duration patience(const Now& now);
  bool asked(const Now& now) const { return asked_at_ >= now.last_received; }  // and nothing has come since
  std::optional<TimePoint> next_question(const Now& now) const;
  std::optional<TimePoint> next_opening(const Now& now) const;

  bool expecting_ = false;
  bool was_tcp_ = false;
  std::uint8_t openings_ = 0;  // that were of no use, up to the last of kTcpRetryDelays
  TimePoint asked_at_ = TimePoint::min();
  TimePoint next_opening_{};  // not before
  TimePoint next_udp_{};      // while on TCP
};

}  // namespace quantumgate::session
