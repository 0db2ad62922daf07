// SPDX-License-Identifier: MIT
// How large the packets of a session may be on its path. Found out by probes, which the peer answers: whoever drops
// packets on the way can make them smaller, never larger. Given up as soon as large packets seem to get lost.
// Spec: docs/spec/03-session.md, section 11.   Layer: session (sans-I/O).   Threads: one object, one thread.
// Memory: fixed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {

class PathMtu {
 public:
  // `size_max`: of the packets that are tried, at least kPacketSizeDefault.
  PathMtu(TimePoint now, std::size_t size_max);

  // The largest packet that is known to pass; kPacketSizeDefault at first.
  std::size_t size() const noexcept { return size_; }

  // A packet of size() is being sent, or could be: begins a search or looks whether size() passes still, when it is
  // time. `round_trip`: the best guess of it.
  void on_use(TimePoint now, Duration round_trip, RandomSource& random);
  // What has come of the streams' bytes so far. `delivered` changes whenever some arrive; `waiting`: some have been
  // sent and not been delivered. Call before bytes are sent.
  void on_progress(TimePoint now, std::uint64_t delivered, bool waiting, Duration round_trip, RandomSource& random);
  // Nothing of what is sent arrives, as far as it shows otherwise.
  void on_doubt(TimePoint now, Duration round_trip, RandomSource& random);
  // An answer to a challenge, which need not be one of these.
  void on_answer(TimePoint now, std::uint64_t token, RandomSource& random);

  struct Probe {
    wire::PathFrame frame;
    std::size_t size;  // that of the packet
  };
  // What is to be sent now, in a packet of its own. Call until nothing.
  std::optional<Probe> poll_transmit(TimePoint now);
  std::optional<TimePoint> deadline() const;
  // `last_received`: when anything authentic came last.
  void on_deadline(TimePoint now, TimePoint last_received, RandomSource& random);

 private:
  void probe(TimePoint now, std::size_t size, RandomSource& random);
  void search_on(TimePoint now, RandomSource& random);

  std::size_t size_max_;
  std::size_t size_;
  std::size_t too_large_;   // the least that is taken for too large for the path
  std::size_t probed_ = 0;  // the size in question, if any
  std::uint64_t token_ = 0;
  bool due_ = false;
  int tries_ = 0;  // that count: something else has come from the peer meanwhile
  Duration wait_{};
  TimePoint sent_{};
  TimePoint again_{};
  TimePoint next_search_{};  // these two: not before
  TimePoint next_confirm_{};
  std::uint64_t delivered_ = 0;
  TimePoint progress_;  // when `delivered` changed last, or nothing waited
};

}  // namespace quantumgate::session
