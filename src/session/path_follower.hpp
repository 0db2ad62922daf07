// SPDX-License-Identifier: MIT
// Where the peer of a session is: the one proven path that packets go to, and the test of another one from which the
// peer seems to send now.
// Spec: docs/spec/03-session.md, section 5.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Memory: 80 bytes; 130 more while a path is tested, which is one at a time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "handshake/transmit.hpp"
#include "session/constants.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {

using handshake::Path;

class PathFollower {
 public:
  explicit PathFollower(const Path& proven) : proven_(proven) {}

  const Path& proven() const noexcept { return proven_; }

  // An authentic packet of `size` bytes came from `from`. `newest`: none that was sent later has arrived.
  // `round_trip`: the best guess of it.
  void on_packet(TimePoint now, const Path& from, std::size_t size, bool newest, Duration round_trip,
                 RandomSource& random);
  // Tests a path of our own choice, whatever other test is under way.
  void test(TimePoint now, const Path& path, Duration round_trip, RandomSource& random);
  bool testing() const noexcept { return test_ != nullptr; }
  // A PATH frame that came from `from`.
  void on_frame(TimePoint now, const Path& from, const wire::PathFrame& frame);

  struct Outgoing {
    Path to;
    wire::PathFrame frame;
    bool full = false;  // the packet is filled up to kPacketSizeDefault: does the path carry that?
  };
  // What is to be sent now, in a packet of its own. Call until nothing.
  std::optional<Outgoing> poll_transmit(TimePoint now);
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);

  // True once after each time that the peer was followed to another path.
  bool poll_moved() noexcept { return std::exchange(moved_, false); }

 private:
  struct Test {
    Path path;
    std::uint64_t old_token, new_token;  // of the challenges to the proven path and to `path`
    bool old_due = true, new_due = true;
    bool answered = false;  // by whoever is at `path`
    TimePoint decision;     // until then the peer may still answer from the proven path
    TimePoint end;
    TimePoint again;  // when the challenges are repeated
    Duration pause;
    std::size_t received = 0, sent = 0;  // bytes from and to `path`
  };
  void begin(TimePoint now, const Path& path, std::size_t received, Duration round_trip, RandomSource& random);
  bool better() const;  // the path under test, than the proven one
  void stay(TimePoint now);
  void decide(TimePoint now);

  Path proven_;
  std::unique_ptr<Test> test_;
  TimePoint next_test_{};          // not before
  std::vector<Outgoing> answers_;  // at most kPathAnswersMax; the last one goes first
  bool moved_ = false;
};

}  // namespace quantumgate::session
