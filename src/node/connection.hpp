// SPDX-License-Identifier: MIT
// A session joined with its streams, messages and datagrams: what the kernel has for each peer.
// Layer: node.   Threads: one object, one thread.   Ownership: borrows its host, the RandomSource and the Compressor,
// which outlive it. Bounds: those of Session, Streams, Messages and Datagrams; stream headers not complete yet: 256 of
// 66 bytes.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/wiped_bytes.hpp"
#include "handshake/established.hpp"
#include "node/connection_stream.hpp"
#include "node/datagrams.hpp"
#include "node/messages.hpp"
#include "node/packet_batch.hpp"
#include "node/privacy_terms.hpp"
#include "node/segmentation.hpp"
#include "node/stream_table.hpp"
#include "quantumgate/extender.h"
#include "quantumgate/peer.h"
#include "quantumgate/stream.h"
#include "session/path_chooser.hpp"
#include "session/path_follower.hpp"
#include "session/path_mtu.hpp"
#include "session/session.hpp"
#include "stream/streams.hpp"

namespace quantumgate::node {

class Connection;

// What a connection needs of the kernel. User code runs in those that say so.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  // The peer opened a stream to the extender `name`. False if there is none of that name. User code.
  virtual bool on_stream(Connection& connection, const std::string& name, std::shared_ptr<Stream> stream) = 0;
  virtual void on_message(const std::string& name, Message message) = 0;                          // user code
  virtual void on_message_room(Connection& connection, const std::string& name) = 0;              // user code
  virtual void on_datagram(Connection& connection, const DatagramId& id, BytesView content) = 0;  // user code
  // Nothing if there is no extender of that name.
  virtual const ExtenderOptions* extender_options(const std::string& name) const = 0;
  // A fresh index, whose datagrams are for `connection`, and one that it needs no more.
  virtual std::uint32_t new_index(Connection& connection) = 0;
  virtual void retire_index(std::uint32_t index) = 0;
  // Something on the connection changed outside of the kernel's own calls: it must be pumped and flushed.
  virtual void on_touched(Connection& connection) = 0;
  // The peer was followed to another path.
  virtual void on_moved(Connection& connection) = 0;
  // It was found that the path of the connection loses segmented sends; it now goes without.
  virtual void on_segments_lost(Connection& connection) = 0;
  // Whether the peer may make us send so much cover, in bytes per second; it takes the place of what it was granted
  // before.
  virtual bool grant_cover(Connection& connection, std::uint64_t bytes_per_second) = 0;
  // Opens a TCP connection to where the peer is; true if it is open already, else on_tcp() tells how it went.
  virtual bool open_tcp(Connection& connection) = 0;
  // How UDP gets there; nothing if this machine can not.
  virtual std::optional<Path> udp_path(const Endpoint& remote) = 0;
  // Something that posts to the kernel's thread from any; what is posted is dropped once connection `number` is gone.
  virtual std::function<void(std::function<void()>)> poster(std::uint64_t number) = 0;
};

class Connection final : private session::FrameSink,
                         private handshake::IndexAllocator,
                         private StreamHub,
                         private MessageHost {
 public:
  // `number` is the host's name for it; `packet_size_max` the largest packet to try, kPacketSizeDefault to
  // kPacketSizeMax.
  Connection(ConnectionHost& host, std::uint64_t number, const handshake::Established& established,
             const stream::Limits& limits, const Privacy& privacy, std::size_t packet_size_max, RandomSource& random,
             Compressor& compressor, TimePoint now);
  ~Connection() override;

  session::Session::Verdict receive(TimePoint now, const Path& from, MutableBytesView packet);
  // Delivers what has happened to the streams' owners. User code runs in here, and only in here.
  void pump();
  // Writes what there is to send. False if the batch is blocked or there is more than one turn's share.
  bool flush(TimePoint now, PacketBatch& batch);
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);
  // Leaves UDP for TCP, and comes back, as the side that dialled should.
  void choose_paths() { chooses_ = true; }
  // The TCP connection to where the peer is, which was opened here, is there, or is over.
  void on_tcp(TimePoint now, bool open);

  // These three: `name` is valid (checked by the caller), the state is open. Errors as Node's calls of these names.
  Result<std::shared_ptr<Stream>> open_stream(const std::string& name, const StreamOptions& options);
  Result<void> send_message(const std::string& name, BytesView message, const SendOptions& options, MessageDone done);
  Result<void> send_datagram(const DatagramId& id, BytesView datagram);
  std::size_t datagram_size_max() const noexcept;
  void close(TimePoint now, CloseReason reason) { session_.close(now, reason); }
  // Shapes what is sent from now on, and asks the peer to do likewise.
  void set_privacy(TimePoint now, const Privacy& privacy);
  void send_keepalive() { session_.send_keepalive(); }
  // Ends every stream for its owner; call once when the session has ended, before the connection is destroyed.
  void end_streams();

  session::Session::State state() const noexcept { return session_.state(); }
  CloseReason close_reason() const noexcept { return session_.close_reason(); }
  bool closed_by_peer() const noexcept { return session_.closed_by_peer(); }
  bool heard() const noexcept { return session_.heard(); }
  // As Session's.
  void ask_anew(TimePoint now) { session_.ask_anew(now); }
  void ask(TimePoint now) { session_.ask(now); }
  bool answered() const noexcept { return session_.answered(); }
  // Whether pump() has something to do.
  bool has_events() const noexcept { return state() == session::Session::State::open && streams_.has_events(); }
  std::size_t open_streams() const noexcept { return streams_.open_streams(); }
  bool has_engine() const noexcept { return streams_.has_engine(); }

  std::uint64_t number() const noexcept { return number_; }
  const PeerUuid& uuid() const noexcept { return peer_.uuid; }
  const Bytes& peer_static_key() const noexcept { return peer_static_key_; }
  // The first bytes of it, which tell any two apart.
  const std::array<std::byte, 16>& handshake_hash() const noexcept { return handshake_hash_; }
  bool outgoing() const noexcept { return outgoing_; }
  // When its handshake began: the dial, or the arrival of message 1.
  TimePoint dialled() const noexcept { return since_ - handshake_time_; }
  // When the run of the peer that it is with is known to have been there: message 1 arrived, or message 2. The latter
  // may have been on its way for long; so before anything else has come, it is the dial.
  TimePoint run_seen() const noexcept { return outgoing_ && heard() ? since_ : dialled(); }
  const Path& path() const noexcept { return paths_.proven(); }
  std::uint64_t cover_bytes() const noexcept { return session_.shape() ? session_.shape()->cover_bytes() : 0; }
  std::uint64_t padding_bytes() const noexcept { return session_.shape() ? session_.shape()->padding_bytes() : 0; }
  std::uint32_t key_updates() const noexcept { return session_.key_updates(); }
  Peer snapshot(TimePoint now) const;

  // The host's mark that it will serve this connection.
  bool in_line() const noexcept { return in_line_; }
  void set_in_line(bool in_line) noexcept { in_line_ = in_line; }

 private:
  // session::FrameSink
  void on_stream_frame(TimePoint now, BytesView body) override;
  void on_datagram_frame(TimePoint now, BytesView body) override;
  void on_path_frame(TimePoint now, const wire::PathFrame& frame) override;
  std::optional<Bytes> on_control_request(TimePoint now, std::uint8_t method, BytesView body) override;
  void on_control_answer(TimePoint now, std::uint32_t id, BytesView body) override;

  // handshake::IndexAllocator
  std::uint32_t allocate() override { return host_.new_index(*this); }
  void release(std::uint32_t index) override { host_.retire_index(index); }
  handshake::IndexAllocator& indexes() noexcept { return *this; }

  // StreamHub
  const PeerUuid& peer_uuid() const noexcept override { return peer_.uuid; }
  stream::Streams& streams() noexcept override { return streams_; }
  Compressor& compressor() noexcept override { return compressor_; }
  void touched() override { host_.on_touched(*this); }
  void wake(stream::StreamId id) override;
  void break_off(stream::StreamId id, std::uint64_t code) override;

  // MessageHost
  Result<stream::StreamId> open_message_stream(wire::StreamKind kind, const std::string& extender,
                                               Priority priority) override;
  void own(stream::StreamId id, std::shared_ptr<StreamOwner> owner) override { table_.own(id, std::move(owner)); }
  std::optional<std::size_t> message_size_max(const std::string& extender) const override;
  void on_message(const std::string& extender, Message message) override;
  void on_message_room(const std::string& extender) override { host_.on_message_room(*this, extender); }
  std::function<void(std::function<void()>)> poster() override { return host_.poster(number_); }

  StreamHub& hub() noexcept { return *this; }  // the private bases, for make_unique and make_shared
  MessageHost& message_host() noexcept { return *this; }
  Result<stream::StreamId> open_with_header(const wire::StreamHeader& header, Priority priority);
  bool compresses(const std::string& extender, Compression asked) const;
  void ask_for_count(TimePoint now);
  void exchange_signals(TimePoint now);
  void accept(stream::StreamId id, const wire::StreamHeader& header);
  void add(PacketBatch& batch, std::size_t size);  // the packet just written into batch.next()
  // Each sends at most `left` packets, and takes those that it sends off it.
  bool flush_content(TimePoint now, PacketBatch& batch, std::size_t& left);
  void flush_path_frames(TimePoint now, PacketBatch& batch);
  // In a packet of its own, whose content is filled up to `content_size`. False: it can not be sent now.
  bool send_path_frame(TimePoint now, PacketBatch& batch, const Path& to, const wire::PathFrame& frame,
                       std::size_t content_size);
  void flush_datagrams(TimePoint now, PacketBatch& batch, std::size_t& left);
  bool flush_streams(TimePoint now, PacketBatch& batch, std::size_t& left);
  bool flush_cover(TimePoint now, PacketBatch& batch);
  void apply_shape(TimePoint now);
  void exchange_privacy(TimePoint now);
  Bytes on_privacy_request(TimePoint now, const Privacy& asked);
  session::PathChooser::Now chooser_view(TimePoint now) const;
  void follow_advice(TimePoint now);
  Duration best_round_trip() const;  // measured, or that of the handshake
  Duration round_trip() const;       // smoothed; zero before it was measured
  bool pads() const noexcept { return session_.shape() != nullptr && session_.shape()->pads(); }
  // What is sent on the path could be larger: finds out how large, if it is time for that.
  void use_path(TimePoint now);
  std::size_t packet_size() const noexcept;    // of the largest packets now
  std::size_t body_size_max() const noexcept;  // of a frame that has a packet to itself

  ConnectionHost& host_;
  RandomSource& random_;
  Compressor& compressor_;
  const std::uint64_t number_;
  session::Session session_;
  stream::Streams streams_;
  std::map<std::uint32_t, stream::SignalRequest> signals_;  // by control request; at most 16
  StreamTable table_;
  std::unique_ptr<Messages> messages_;  // these two: once there are any
  std::unique_ptr<Datagrams> datagrams_;
  std::unique_ptr<PrivacyTerms> privacy_;       // once anything was asked for
  std::optional<std::uint32_t> count_request_;  // control request for the number of datagrams received
  std::uint64_t datagrams_received_ = 0;
  std::vector<WipedBytes> arrived_;  // datagrams of the packets just received; at most kDatagramsQueuedMax

  session::PathFollower paths_;
  session::PathChooser chooser_;
  std::unique_ptr<session::PathMtu> mtu_;  // of the proven path, once larger packets are of use there
  const Path* receiving_from_ = nullptr;   // while a packet is being received
  Segmentation segmentation_;
  handshake::PeerKey peer_;
  Bytes peer_static_key_;
  std::array<std::byte, 16> handshake_hash_;
  const handshake::Suite& suite_;
  // An idle session has its limit: these lie together so that they take few bytes.
  const std::uint16_t packet_size_max_;
  bool outgoing_;
  bool in_line_ = false;
  bool chooses_ = false;  // chooser_ is asked; on the side that dialled
  bool tcp_open_;
  Duration handshake_time_;
  TimePoint since_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace quantumgate::node
