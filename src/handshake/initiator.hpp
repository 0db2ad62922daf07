// SPDX-License-Identifier: MIT
// One dial: the initiator's side of one handshake.
// Spec: docs/spec/02-handshake.md, section 4.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows Credentials and RandomSource, which outlive it.
// Memory: one Noise state, message 1 or 3 and the pieces of one message 2: at most 16 KiB.
#pragma once

#include <deque>

#include "handshake/established.hpp"
#include "handshake/sealed_datagram.hpp"
#include "handshake/transmit.hpp"

namespace quantumgate::handshake {

class Initiator {
 public:
  struct Target {
    PeerUuid uuid;
    std::vector<Path> paths;  // 1 to kPathsMax, tried in turn
    Duration time_limit = 10s;
  };
  enum class State : std::uint8_t {
    waiting,     // for message 2
    confirming,  // the session exists; message 3 is repeated until a packet of it arrives
    confirmed,
    failed,  // the time limit passed; in state waiting: nobody answered, else the session was never confirmed
  };

  // `handshake_index` and `session_index` are unused indexes of ours; the caller keeps them reserved.
  Initiator(Credentials& credentials, Target target, std::uint8_t suite, std::uint32_t handshake_index,
            std::uint32_t session_index, RandomSource& random, TimePoint now, UnixTime wall_clock);

  // A datagram that came to our handshake index. True if it was authentic and belonged to this handshake.
  bool receive(TimePoint now, UnixTime wall_clock, const Path& from, BytesView datagram);
  // One more path to try, now and then in turn with the others. Only in state waiting; at most kPathsMax in all.
  void add_path(TimePoint now, UnixTime wall_clock, const Path& path);
  std::optional<Transmit> poll_transmit();  // call until empty
  // Once, after the state became `confirming`.
  std::optional<Established> take_established();
  // An authentic packet of the session arrived.
  void confirm();

  State state() const noexcept { return state_; }
  const PeerUuid& target() const noexcept { return target_.uuid; }
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now, UnixTime wall_clock);

 private:
  void send_message(UnixTime wall_clock);
  void schedule(TimePoint now);
  bool receive_cookie(TimePoint now, UnixTime wall_clock, const Path& from, const wire::SealedHeader& header);
  bool receive_piece(TimePoint now, UnixTime wall_clock, const Path& from, const OpenedDatagram& opened);
  bool read_message2(TimePoint now, UnixTime wall_clock, const Path& from, std::uint32_t sender_index,
                     BytesView message);

  Credentials& credentials_;
  RandomSource& random_;
  Target target_;
  const Suite& suite_;
  std::uint32_t handshake_index_;
  std::uint32_t session_index_;
  Guarded<OuterKeys> keys_;
  StaticKey static_key_;
  NoiseHandshake noise_;

  State state_ = State::waiting;
  TimePoint started_;
  TimePoint retransmit_at_{};
  std::size_t tries_ = 0;  // how often the current message was sent
  std::size_t turn_ = 0;   // which path message 1 was last sent to
  Bytes message_;          // the current message: 1, then 3
  std::uint32_t message_id_ = 0;
  std::optional<std::uint32_t> responder_index_;  // known from message 2
  Path responder_path_;
  wire::Cookie cookie_{};
  int cookies_taken_ = 0;
  std::int64_t clock_shift_s_ = 0;  // the responder's clock less ours, as its cookie told
  std::optional<PieceCollector> collector_;
  std::optional<Established> established_;
  std::deque<Transmit> outgoing_;  // at most the pieces of one message per endpoint turn
};

}  // namespace quantumgate::handshake
