// SPDX-License-Identifier: MIT
// Reliable multiplexed streams of one session: ngtcp2 as the engine, without packet protection of its own, living only
// while streams do.
// Spec: docs/spec/04-streams.md.   Layer: stream (sans-I/O).
// Threads: one object, one thread.   Ownership: owns all buffers; borrows the RandomSource.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "quantumgate/send_options.h"
#include "stream/delivery.hpp"

namespace quantumgate::stream {

using StreamId = std::int64_t;  // as in QUIC: bit 0 says who opened it, all are bidirectional

// Who was the initiator of the Noise handshake; only it starts an engine.
enum class Role : std::uint8_t { initiator, responder };

struct Limits {
  std::uint64_t stream_window_bytes = 1 << 20;  // receive buffer of a stream, at first
  std::uint64_t stream_window_bytes_max = 16
                                          << 20;  // ... and at most, on long fast paths that its reader keeps up with
  std::uint64_t session_window_bytes = 4 << 20;   // receive buffers of all streams together, at first
  std::uint64_t session_window_bytes_max = 24 << 20;  // ... and at most
  std::uint64_t peer_streams_max = 256;               // open at the same time, opened by the peer
  std::uint64_t send_buffer_bytes = 1 << 20;          // written and not yet sent, per stream
  std::uint64_t send_buffer_bytes_max = 17 << 20;     // the same, and what was sent and is not acknowledged
};

struct Event {
  enum class Kind : std::uint8_t {
    opened,        // the peer opened `stream`
    readable,      // bytes or the end arrived on `stream`
    writable,      // there is room again after a short write
    acknowledged,  // the peer has more of what was written; only after watch_acknowledged()
    closed,        // `stream` is over and forgotten: finished both ways and acknowledged (clean) ...
    reset,         // ... or broken off by the peer, or by the loss of its engine; `code` says why; forgotten
  };
  Kind kind;
  StreamId stream = -1;
  std::uint64_t code = 0;
};

// What the two ends say to each other outside STREAM frames; the node carries it in CONTROL requests, which are
// retransmitted until answered (docs/spec/03-session.md). One byte each, then the generation.
enum class Signal : std::uint8_t {
  wanted = 1,  // responder -> initiator: please start an engine, I have a stream to open. Answer: done
  end = 2,     // initiator -> responder: no stream for 30 s, may generation g be deleted? Answer: done or busy
  gone = 3,    // either: you sent a packet of generation g, which I do not have. Answer: done
};
enum class SignalAnswer : std::uint8_t { done = 0, busy = 1 };
struct SignalRequest {
  Signal signal;
  std::uint8_t generation;
};

class Streams {
 public:
  // The smallest `room` (bytes of a STREAM frame body) with which an engine works.
  static constexpr std::size_t kRoomMin = 400;

  // `peer_parameters`: for the initiator, what the responder's handshake message carried (encoded_parameters); ignored
  // for the responder. Malformed ones are found when an engine starts: every stream is then reset.
  Streams(Role role, Limits limits, Bytes peer_parameters, RandomSource& random);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // Our transport parameters in QUIC's encoding, at most 64 bytes: a pure function of the limits. Sent in the
  // handshake.
  static Bytes encoded_parameters(const Limits& limits);

  // --- what an extender does ---
  // Opens a stream. Works at once in either role; if the engine must be started first, bytes wait in the send buffer.
  // `limit` when 256 streams of ours are open.
  // `priority` is that of what is written here; streams of the peer are answered with Priority::normal.
  Result<StreamId> open(Priority priority = Priority::normal);
  std::size_t write(StreamId stream, BytesView bytes);  // how much was taken; 0 for unknown streams
  // How much write() would take now; 0 for unknown streams. A caller that waits for more calls want_room().
  std::size_t room(StreamId stream) const;
  void want_room(StreamId stream);  // `writable` follows, as after a short write
  // Written and not yet acknowledged by the peer.
  std::size_t unacknowledged(StreamId stream) const;
  void watch_acknowledged(StreamId stream);
  void finish(StreamId stream);
  void reset(StreamId stream, std::uint64_t code);          // both directions; forgotten at once, no event follows
  std::size_t read(StreamId stream, MutableBytesView out);  // how much was moved
  std::size_t readable(StreamId stream) const;
  bool at_end(StreamId stream) const;

  // --- what the session does ---
  // `body` of a STREAM frame: generation ‖ QUIC packet. Anything malformed is ignored or ends the engine; never the
  // session.
  void receive(TimePoint now, BytesView body);
  // Writes the next frame body into `out` (at least kRoomMin bytes; the room may change from call to call) and returns
  // its size, 0 when there is nothing to send now. Call until 0, once per batch of received packets and on deadline.
  std::size_t poll_transmit(TimePoint now, MutableBytesView out);
  // Tells pacing that the burst begun by poll_transmit is over. Call after a run of poll_transmit.
  void burst_sent() noexcept;
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);
  // The packets take another path from now on: what was lost with the old one is sent again soon.
  void on_path_change(TimePoint now);

  std::optional<SignalRequest> poll_signal();                    // a request to send; call until empty
  SignalAnswer on_signal(TimePoint now, SignalRequest request);  // the peer's request; what to answer
  void on_signal_answer(TimePoint now, SignalRequest request, SignalAnswer answer);
  void on_signal_failed(TimePoint now, SignalRequest request);  // no answer in all tries

  std::optional<Event> poll_event();  // call until empty
  bool has_events() const noexcept;   // also poll_transmit() makes some: room to write

  // Whether something sent waits for the peer's acknowledgement: a living peer will answer soon.
  bool awaiting_acknowledgement() const noexcept;

  // --- what status shows and tests assert ---
  bool has_engine() const noexcept;
  std::uint8_t generation() const noexcept;
  std::size_t open_streams() const noexcept;
  Duration smoothed_rtt() const noexcept;  // zero without an engine
  // How fast the path has lately carried our bytes, in bytes per second; 0 while unknown.
  std::uint64_t delivery_rate() const noexcept;
  // What has come of the present engine's bytes; nothing without one.
  std::optional<Delivery> delivery() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace quantumgate::stream
