// SPDX-License-Identifier: MIT
// A session joined with its streams: what the kernel has for each peer.
// Layer: node.   Threads: one object, one thread.   Ownership: borrows its host and the RandomSource, which outlive it.
// Bounds: those of Session and Streams; stream headers not complete yet: 256 of 65 bytes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "handshake/established.hpp"
#include "node/packet_batch.hpp"
#include "quantumgate/peer.h"
#include "quantumgate/stream.h"
#include "session/session.hpp"
#include "stream/streams.hpp"

namespace quantumgate::node {

class Connection;
class ConnectionStream;

class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  // The peer opened a stream to the extender `name`. False if there is none of that name.
  virtual bool on_stream(Connection& connection, const std::string& name, std::shared_ptr<Stream> stream) = 0;
  // Something on the connection changed outside of the kernel's own calls: it must be pumped and flushed.
  virtual void on_touched(Connection& connection) = 0;
};

// Names of extenders travel in front of each stream: docs/spec/04-streams.md.
inline constexpr std::size_t kExtenderNameSizeMax = 64;
bool valid_extender_name(std::string_view name) noexcept;

class Connection final : private session::FrameSink {
 public:
  // `number` is the host's name for it.
  Connection(ConnectionHost& host, std::uint64_t number, const handshake::Established& established,
             const stream::Limits& limits, RandomSource& random, TimePoint now);
  ~Connection() override;

  session::Session::Verdict receive(TimePoint now, MutableBytesView packet);
  // Delivers what has happened to the streams' owners. User code runs in here, and only in here.
  void pump();
  // Writes what there is to send. False if the batch is blocked or there is more than one turn's share.
  bool flush(TimePoint now, PacketBatch& batch);
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);

  // `name` is valid (checked by the caller). not closed: state open.
  Result<std::shared_ptr<Stream>> open_stream(const std::string& name);
  void close(TimePoint now, CloseReason reason) { session_.close(now, reason); }
  void send_keepalive() { session_.send_keepalive(); }
  // Ends every stream for its owner; call once when the session has ended, before the connection is destroyed.
  void end_streams();

  session::Session::State state() const noexcept { return session_.state(); }
  CloseReason close_reason() const noexcept { return session_.close_reason(); }
  bool closed_by_peer() const noexcept { return session_.closed_by_peer(); }
  bool heard() const noexcept { return session_.heard(); }
  std::size_t open_streams() const noexcept { return streams_.open_streams(); }
  bool has_engine() const noexcept { return streams_.has_engine(); }

  std::uint64_t number() const noexcept { return number_; }
  const PeerUuid& uuid() const noexcept { return peer_.uuid; }
  const handshake::Key32& peer_static_key() const noexcept { return peer_static_key_; }
  const Bytes& handshake_hash() const noexcept { return handshake_hash_; }
  bool outgoing() const noexcept { return outgoing_; }
  TimePoint since() const noexcept { return since_; }
  std::uint32_t local_index() const noexcept { return session_.local_index(); }
  Peer snapshot(TimePoint now) const;

 private:
  friend class ConnectionStream;

  void on_stream_frame(TimePoint now, BytesView body) override;
  std::optional<Bytes> on_control_request(TimePoint now, std::uint8_t method, BytesView body) override;
  void on_control_answer(TimePoint now, std::uint32_t id, BytesView body) override;

  void exchange_signals(TimePoint now);
  void deliver(const stream::Event& event);
  void read_header(stream::StreamId id);
  void forget_stream(stream::StreamId id);
  void touched() { host_.on_touched(*this); }

  ConnectionHost& host_;
  const std::uint64_t number_;
  session::Session session_;
  stream::Streams streams_;
  std::map<std::uint32_t, stream::SignalRequest> signals_;  // by control request; at most 16
  std::map<stream::StreamId, Bytes> headers_;               // of streams opened by the peer, not complete yet
  std::map<stream::StreamId, std::shared_ptr<ConnectionStream>> open_;
  std::vector<stream::StreamId> wake_;  // streams with data whose owner asked for callbacks late

  Path path_;
  handshake::PeerKey peer_;
  handshake::Key32 peer_static_key_;
  Bytes handshake_hash_;
  const handshake::Suite& suite_;
  bool outgoing_;
  Duration handshake_time_;
  TimePoint since_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace quantumgate::node
