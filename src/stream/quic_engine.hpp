// SPDX-License-Identifier: MIT
// One life of QUIC between two ends of a session: an ngtcp2 connection in one role, its packet protection replaced by
// nothing, started with early data. Knows packets and stream ids; buffers, lifecycle and events are its owner's.
// Spec: docs/spec/04-streams.md, sections 3 to 6.   Layer: stream (sans-I/O).
// Threads: one object, one thread.   Ownership: owns the connection; borrows the owner and the RandomSource.
// Memory: 81-99 KB, most of it in ngtcp2; out-of-order bytes at most the session window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/bytes.h"
#include "stream/delivery.hpp"
#include "stream/pacer.hpp"
#include "stream/quic_packet.hpp"
#include "stream/streams.hpp"

struct ngtcp2_conn;

namespace quantumgate::stream {

// What the owner keeps of a stream; the engine hands it back and keeps it true.
struct EngineStream {
  std::int64_t id = -1;           // in QUIC; -1 as long as, and as soon as, the engine does not know it
  std::uint64_t outstanding = 0;  // bytes sent and not acknowledged
};

// What one STREAM frame may be made from. The bytes stay where they are until acknowledged() or closed().
struct Outgoing {
  EngineStream* stream = nullptr;
  std::array<BytesView, 2> bytes;  // in order; empty ones last
  bool last = false;               // `bytes` are all that is left and the stream is finished behind them
};

// Called from inside receive(), on_deadline() and write(). None may call the engine back.
class EngineOwner {
 public:
  virtual ~EngineOwner() = default;
  virtual EngineStream& opened_by_peer(std::int64_t id) = 0;
  virtual void received(EngineStream& stream, BytesView bytes, bool last) = 0;
  virtual void acknowledged(EngineStream& stream, std::size_t count) = 0;
  virtual void reset_by_peer(EngineStream& stream, std::uint64_t code) = 0;  // RESET_STREAM
  // The connection has forgotten the stream; `code` if it did not end well.
  virtual void closed(EngineStream& stream, std::optional<std::uint64_t> code) = 0;
  virtual void credited(EngineStream& stream) = 0;  // the peer allows more bytes on it

  // The stream whose turn it is; null when none has anything to send. Without `with_bytes`, only one that has nothing
  // but its end to send.
  virtual Outgoing next_outgoing(bool with_bytes) = 0;
  // `count` bytes of that stream were put into a packet; `last` if its end was too.
  virtual void sent(EngineStream& stream, std::size_t count, bool last) = 0;
  virtual void blocked(EngineStream& stream) = 0;     // by its own credit: ask again after credited()
  virtual void unsendable(EngineStream& stream) = 0;  // broken off underneath; closed() will follow
};

class QuicEngine {
 public:
  // What both ends say about themselves. At most 64 bytes.
  static Bytes encoded_parameters(const Limits& limits);

  // The initiator's end, able to send early data at once. Null if `peer_parameters` are malformed.
  // `room`: the largest datagram expected; bounds congestion window steps and packet sizes.
  static std::unique_ptr<QuicEngine> create_client(TimePoint now, const Limits& limits, BytesView peer_parameters,
                                                   std::size_t room, RandomSource& random, EngineOwner& owner);
  // The responder's end. Feed it the opening datagram next.
  static std::unique_ptr<QuicEngine> create_server(TimePoint now, const Limits& limits, std::size_t room,
                                                   RandomSource& random, EngineOwner& owner);
  ~QuicEngine();
  QuicEngine(const QuicEngine&) = delete;
  QuicEngine& operator=(const QuicEngine&) = delete;

  // False from these four: the connection is over, destroy the engine.
  [[nodiscard]] bool receive(TimePoint now, BytesView datagram);
  [[nodiscard]] bool on_deadline(TimePoint now);
  // The packets take another path from now on.
  [[nodiscard]] bool on_path_change(TimePoint now);
  // Writes the next datagram into `out` (>= 399 bytes) and sets `size`; 0 when there is nothing to send now.
  [[nodiscard]] bool write(TimePoint now, MutableBytesView out, std::size_t& size);
  // Ends a run of write(): the next one sees what the rate is then.
  void burst_sent() noexcept { in_burst_ = false; }
  std::optional<TimePoint> deadline() const;

  // False if the peer does not allow another stream yet; then nothing has happened.
  bool open_stream(EngineStream& stream);
  // Breaks it off in both directions; closed() follows when the peer knows.
  void shutdown_stream(const EngineStream& stream, std::uint64_t code);
  // The peer may send `count` bytes more on `stream`, or on all streams together.
  void credit_stream(const EngineStream& stream, std::uint64_t count);
  void credit_session(std::uint64_t count);
  // The peer may open another stream in place of one that is over.
  void allow_another_stream();

  Duration smoothed_rtt() const noexcept;
  std::uint64_t delivery_rate() const noexcept;  // bytes per second; 0 while unknown
  Duration shortest_rtt() const noexcept;        // zero before the first sample
  bool awaiting_acknowledgement() const noexcept;
  const Delivery& delivery() const noexcept { return delivery_; }

 private:
  struct Callbacks;
  // What has been seen of one packet number space.
  struct Space {
    std::int64_t largest = -1;
    bool sent_since = false;  // we have sent a packet after the largest arrived
  };

  QuicEngine(bool server, TimePoint now, const Limits& limits, std::size_t room, RandomSource& random,
             EngineOwner& owner);
  bool must_wait(PacketType type) const noexcept;
  bool admit(const Packet& packet);
  bool feed(std::uint64_t time, const Packet& packet);
  bool finish_handshake(std::uint64_t time);
  std::ptrdiff_t trim_opening(MutableBytesView datagram);
  bool receive_crypto(bool handshake_level, BytesView data);
  bool paced(TimePoint now) noexcept;
  std::ptrdiff_t write_packet(std::uint64_t time, MutableBytesView out, bool with_streams);
  std::ptrdiff_t write_opening(std::uint64_t time, MutableBytesView out);
  std::ptrdiff_t write_flight(std::uint64_t time, MutableBytesView out);
  std::uint64_t engine_time(TimePoint now) noexcept;

  ngtcp2_conn* conn_ = nullptr;
  RandomSource& random_;
  EngineOwner& owner_;
  const bool server_;
  TimePoint epoch_;
  std::uint64_t newest_time_;        // ngtcp2 asserts that time never goes backwards
  bool opening_ = true;              // Initial packets may still be written
  bool opened_with_flight_ = false;  // one has been
  bool handshake_finished_ = false;  // the peer's parameters are in force
  bool initial_received_ = false;    // server: there are keys for Initial packets
  bool parameters_received_ = false;
  bool handshake_sent_ = false;  // client: the server may confirm
  std::vector<Bytes> held_;      // packets that came before their time; at most kHeldMax
  Bytes pending_;                // a datagram written while receiving; at most 1,200 bytes
  std::array<Space, 3> spaces_;  // Initial, Handshake, 0-RTT with 1-RTT
  Pacer pacer_;
  Delivery delivery_;
  bool in_burst_ = false;       // write() was called since burst_sent()
  bool held_back_ = false;      // by the pacer, at the last write()
  bool answer_allowed_ = true;  // one packet without fresh stream bytes, whatever the pacer says
  Bytes crypto_;                // the peer's parameter message as far as it came; at most kCryptoMax
};

}  // namespace quantumgate::stream
