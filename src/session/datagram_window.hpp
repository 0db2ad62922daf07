// SPDX-License-Identifier: MIT
// How many datagrams the path of a session takes: congestion control for what nobody acknowledges one by one. The peer
// is asked now and then how many it has received; the window grows by what arrives and halves when some got lost.
// Spec: docs/spec/03-session.md, section 8.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Memory: fixed.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace quantumgate::session {

class DatagramWindow {
 public:
  static constexpr std::uint64_t kWindowInitial = 10;  // packets, as RFC 6928 and RFC 9002
  static constexpr std::uint64_t kWindowMin = 2;
  static constexpr std::uint64_t kWindowMax = 1 << 16;
  static constexpr std::uint64_t kSilentMin = 4;

  // Whether another datagram may be sent now.
  bool may_send(TimePoint now);
  void sent(TimePoint now);
  // When may_send() will be true, if time alone can bring that.
  std::optional<TimePoint> deadline() const;

  // Whether the peer should be asked now. asked() when the request is made; then exactly one of the other two.
  bool wants_count(TimePoint now) const;
  std::optional<TimePoint> count_deadline() const;  // when wants_count() becomes true by time alone
  void asked(TimePoint now);
  // `received`: by the peer, since the session began. Whether nothing seems to arrive: none of kSilentMin or more.
  bool counted(TimePoint now, std::uint64_t received);
  void unanswered();

  std::uint64_t window() const noexcept { return window_; }
  Duration smoothed_rtt() const noexcept { return rtt_; }  // zero until measured

 private:
  double rate() const;  // datagrams per nanosecond; rtt_ is known
  void refill(TimePoint now);

  std::uint64_t window_ = kWindowInitial;
  bool slow_start_ = true;
  Duration rtt_{};
  double tokens_ = kWindowInitial;  // datagrams that may go at once, so that a window does not leave as one burst
  TimePoint refilled_{};

  std::uint64_t sent_ = 0;
  std::uint64_t confirmed_ = 0;  // of those sent, asked about and answered
  std::uint64_t lost_ = 0;       // of the confirmed ones
  std::uint64_t silent_ = 0;     // lost since one arrived
  TimePoint first_unasked_{};    // when the first datagram after the last request was sent
  bool asking_ = false;
  std::uint64_t sent_when_asked_ = 0;
  TimePoint asked_at_{};
};

}  // namespace quantumgate::session
