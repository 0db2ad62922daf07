// SPDX-License-Identifier: MIT
// A session: the encrypted datagram association of two nodes, from the end of the handshake to the end of its keys.
// Spec: docs/spec/03-session.md.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: owns its keys and wipes them when it closes; gives its indexes back
// when it is destroyed; borrows IndexAllocator and RandomSource, which outlive it. Memory: about 4 KiB; 16 KiB around a
// key update.
#pragma once

#include <memory>
#include <optional>

#include "handshake/established.hpp"
#include "quantumgate/peer.h"
#include "session/control_channel.hpp"
#include "session/key_epochs.hpp"
#include "session/key_update.hpp"
#include "session/traffic_shape.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {

// What the frames of a packet are handed to, while it is being received.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void on_stream_frame(TimePoint now, BytesView body) = 0;    // borrowed for the call
  virtual void on_datagram_frame(TimePoint now, BytesView body) = 0;  // likewise
  virtual void on_path_frame(TimePoint now, const wire::PathFrame& frame) = 0;
  // A control request of the peer. The answer's body (at most 256 bytes), or nothing if the method is unknown.
  virtual std::optional<Bytes> on_control_request(TimePoint now, std::uint8_t method, BytesView body) = 0;
  // The answer to the request `id` of ours.
  virtual void on_control_answer(TimePoint now, std::uint32_t id, BytesView body) = 0;
};

class Session {
 public:
  // Takes keys and indexes from `established`; its local index belongs to the session now. Draws a first request id and
  // the keepalive interval; later, what key updates need.
  Session(const handshake::Established& established, handshake::IndexAllocator& indexes, RandomSource& random,
          const KeyLimits& limits, TimePoint now);

  enum class State : std::uint8_t {
    open,
    closing,  // we closed: the keys are gone, CLOSE is repeated to whoever still sends
    closed,   // over; the index may be given back
  };
  enum class Verdict : std::uint8_t { accepted, unauthentic, replayed };

  // A datagram for an index of ours. It is opened in place, so its bytes are spoilt in any case. Frames go to `sink` in
  // order, until one of them ends the session.
  Verdict receive(TimePoint now, MutableBytesView packet, FrameSink& sink);

  // Makes `content_size` bytes that stand from offset kHeaderSize on in `buffer` a packet, in place; its size.
  // `asks`: a living peer will answer this packet soon, because something in it or before it waits to be acknowledged.
  // Only in state open.
  std::size_t seal(TimePoint now, MutableBytesView buffer, std::size_t content_size, bool asks);

  // The session's own next packet (control, keepalive, close), written into `buffer` of at least kPacketSizeDefault
  // bytes; its size, 0 if there is none. Call until 0, in every state.
  std::size_t poll_transmit(TimePoint now, MutableBytesView buffer);

  // As seal(), of a packet of cover. Only while shape()->cover_due().
  std::size_t seal_cover(TimePoint now, MutableBytesView buffer);

  // Shapes the packets from now on.
  void set_shape(TimePoint now, const Privacy& privacy);
  // Null as long as set_shape() was not called. It pads by itself what is sealed; its allowance() is for whoever calls
  // poll_transmit() and seal().
  TrafficShape* shape() noexcept { return shape_.get(); }
  const TrafficShape* shape() const noexcept { return shape_.get(); }

  ControlChannel& control() noexcept { return control_; }
  // Sends a keepalive at the next poll_transmit: tells an initiator that its message 3 arrived.
  void send_keepalive() noexcept { keepalive_due_ = true; }
  // Asks whether the peer is there. With 16 requests open, those are being repeated and will do.
  void send_are_you_there(TimePoint now) { static_cast<void>(control_.request(now, kMethodAreYouThere, {})); }
  // Closes from our side. Nothing happens unless the session is open.
  void close(TimePoint now, CloseReason reason);

  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);

  State state() const noexcept { return state_; }
  // Why the session ended, once it is no longer open, and who said so.
  CloseReason close_reason() const noexcept { return reason_; }
  bool closed_by_peer() const noexcept { return closed_by_peer_; }
  // Asks the peer whether it has this session. An answer to an earlier question does not count.
  void ask_anew(TimePoint now);
  // Asks if that was not possible yet, since so many other requests were open.
  void ask(TimePoint now);
  // Whether the peer has answered.
  bool answered() const noexcept { return question_ == Question::answered; }
  // Whether an authentic packet has arrived; for the initiator: the peer has our message 3.
  bool heard() const noexcept { return heard_; }
  // Since when something that asks is unanswered; when an authentic packet came last.
  std::optional<TimePoint> unanswered_since() const noexcept { return asked_; }
  TimePoint last_received() const noexcept { return last_received_; }
  // Whether no packet that was sent later than the last accepted one has arrived.
  bool newest() const noexcept { return newest_; }
  // The keys, and the indexes with them, are to be replaced as soon as that is possible.
  void want_key_update(TimePoint now) { update_.want(now); }
  bool has_keys() const noexcept { return keys_.has_keys(); }
  std::size_t receiving_keys() const noexcept { return keys_.receiving_count(); }
  // How often the keys were replaced, and when the present ones were made.
  void set_key_update_times(TimePoint now, const KeyUpdateTimes& times) {
    update_.set_times(now, times.min, times.max);
  }
  KeyUpdateTimes key_update_times() const noexcept {
    const KeyLimits& limits = update_.limits();
    return {std::chrono::duration_cast<std::chrono::seconds>(limits.update_min),
            std::chrono::duration_cast<std::chrono::seconds>(limits.update_max)};
  }
  std::uint32_t key_updates() const noexcept { return update_.epoch(); }
  TimePoint keys_made() const noexcept { return update_.made(); }

 private:
  void receive_frames(TimePoint now, BytesView content, FrameSink& sink);
  bool receive_frame(TimePoint now, const wire::Frame& frame, FrameSink& sink);  // false: it broke the protocol
  bool receive_control(TimePoint now, BytesView body, FrameSink& sink);
  bool receive_rekey(TimePoint now, BytesView body);
  // The use of the keys, after a packet.
  void check_sent(TimePoint now);
  void check_received(TimePoint now);
  void end(CloseReason reason, bool by_peer);

  // Seals and keeps the books.
  std::size_t seal_content(TimePoint now, MutableBytesView buffer, std::size_t content_size);

  RandomSource& random_;
  KeyUpdate update_;
  KeyEpochs keys_;  // wiped once the session is no longer open
  ControlChannel control_;
  std::unique_ptr<TrafficShape> shape_;
  Duration keepalive_interval_;

  State state_ = State::open;
  CloseReason reason_ = CloseReason::normal;
  bool closed_by_peer_ = false;

  TimePoint last_sent_;
  TimePoint last_received_;
  std::optional<TimePoint> asked_;  // since when something that asks is unanswered
  bool asked_again_ = false;        // whether the peer is there, since then
  bool keepalive_due_ = false;
  enum class Question : std::uint8_t { none, open, answered };
  Question question_ = Question::none;  // whether the peer has this session
  std::uint32_t question_id_ = 0;       // while it is open
  bool heard_ = false;
  bool newest_ = false;

  Bytes close_packet_;  // sealed when the session was closed
  int close_copies_due_ = 0;
  int close_repeats_ = 0;
  TimePoint close_end_{};
};

}  // namespace quantumgate::session
