// SPDX-License-Identifier: MIT
#include "node/connection.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::node {
namespace {

// Packets of one connection in one turn, so that a fast sender does not keep the others waiting.
constexpr std::size_t kPacketsPerTurn = 256;

using State = session::Session::State;

stream::Role role_of(const handshake::Established& established) {
  return established.role == handshake::NoiseRole::initiator ? stream::Role::initiator : stream::Role::responder;
}

// Control methods: docs/spec/03-session.md, section 3. 1 to 3 are the streams' signals.
constexpr std::uint8_t kMethodDatagramCount = 4;
constexpr std::uint8_t kMethodPrivacy = 7;

// index, counter, frame type, then the frame's body, which fills what the packet has room for.
constexpr std::size_t kBodyAt = session::kHeaderSize + 1;

constexpr std::size_t kFullContent = session::kPacketSizeDefault - session::kPacketOverhead;

std::optional<stream::SignalRequest> signal_of(std::uint8_t method, BytesView body) {
  const bool known = method >= static_cast<std::uint8_t>(stream::Signal::wanted) &&
                     method <= static_cast<std::uint8_t>(stream::Signal::gone);
  if (!known || body.size() != 1) return std::nullopt;
  return stream::SignalRequest{static_cast<stream::Signal>(method), std::to_integer<std::uint8_t>(body[0])};
}

}  // namespace

Connection::Connection(ConnectionHost& host, std::uint64_t number, const handshake::Established& established,
                       const stream::Limits& limits, const Privacy& privacy, std::size_t packet_size_max,
                       RandomSource& random, Compressor& compressor, TimePoint now)
    : host_(host),
      random_(random),
      compressor_(compressor),
      number_(number),
      session_(established, indexes(), random, session::KeyLimits(), now),
      streams_(role_of(established), limits, established.stream_parameters, random),
      paths_(established.path),
      peer_(established.peer),
      peer_static_key_(established.peer_static_key),
      suite_(*established.suite),
      packet_size_max_(static_cast<std::uint16_t>(packet_size_max)),
      outgoing_(established.role == handshake::NoiseRole::initiator),
      tcp_open_(established.path.tcp()),
      handshake_time_(established.handshake_time),
      since_(now) {
  std::copy_n(established.handshake_hash.begin(), handshake_hash_.size(), handshake_hash_.begin());
  set_privacy(now, privacy);
}

Connection::~Connection() { CHECK(table_.empty()); }

session::Session::Verdict Connection::receive(TimePoint now, const Path& from, MutableBytesView packet) {
  const std::size_t size = packet.size();
  receiving_from_ = &from;
  const auto verdict = session_.receive(now, packet, *this);
  receiving_from_ = nullptr;
  if (verdict != session::Session::Verdict::accepted) return verdict;
  bytes_received_ += size;
  if (from != paths_.proven()) {
    paths_.on_packet(now, from, size, session_.newest(), best_round_trip(), random_);
  }
  return verdict;
}

void Connection::on_path_frame(TimePoint now, const wire::PathFrame& frame) {
  paths_.on_frame(now, *receiving_from_, frame);
  if (mtu_ && frame.what == wire::PathWhat::answer) mtu_->on_answer(now, frame.token, random_);
}

Duration Connection::round_trip() const {
  const Duration measured = streams_.smoothed_rtt();
  return measured == Duration::zero() && datagrams_ ? datagrams_->window().smoothed_rtt() : measured;
}

Duration Connection::best_round_trip() const {
  const Duration measured = round_trip();
  return measured == Duration::zero() ? handshake_time_ : measured;
}

session::PathChooser::Now Connection::chooser_view(TimePoint now) const {
  return {now,
          paths_.proven().tcp(),
          tcp_open_,
          paths_.testing(),
          session_.unanswered_since(),
          session_.last_received(),
          best_round_trip()};
}

void Connection::follow_advice(TimePoint now) {
  using Advice = session::PathChooser::Advice;
  for (;;) {
    switch (chooser_.poll(chooser_view(now), random_)) {
      case Advice::none:
        return;
      case Advice::ask:
        session_.send_are_you_there(now);
        break;
      case Advice::open_tcp:
        tcp_open_ = false;
        if (host_.open_tcp(*this)) on_tcp(now, true);
        break;
      case Advice::test_udp:
        if (const auto path = host_.udp_path(paths_.proven().remote)) {
          paths_.test(now, *path, best_round_trip(), random_);
        }
        break;
    }
  }
}

void Connection::on_tcp(TimePoint now, bool open) {
  tcp_open_ = open;
  if (open) paths_.test(now, Path(paths_.proven().remote, Path::kTcp), best_round_trip(), random_);
}

void Connection::on_stream_frame(TimePoint now, BytesView body) {
  chooser_.on_stream_data();
  streams_.receive(now, body);
}

// Handed to its extender by pump(): user code must not run inside the session.
void Connection::on_datagram_frame(TimePoint, BytesView body) {
  ++datagrams_received_;
  if (arrived_.size() < session::kDatagramsQueuedMax) arrived_.emplace_back(body.begin(), body.end());
}

std::optional<Bytes> Connection::on_control_request(TimePoint now, std::uint8_t method, BytesView body) {
  if (method == kMethodDatagramCount && body.empty()) {
    Bytes count(sizeof datagrams_received_);
    store_be(datagrams_received_, std::span(count).first<sizeof datagrams_received_>());
    return count;
  }
  if (method == kMethodPrivacy) {
    const auto asked = read_privacy_request(body);
    return asked ? std::optional(on_privacy_request(now, *asked)) : std::nullopt;
  }
  const auto signal = signal_of(method, body);
  if (!signal) return std::nullopt;
  return Bytes{static_cast<std::byte>(streams_.on_signal(now, *signal))};
}

void Connection::on_control_answer(TimePoint now, std::uint32_t id, BytesView body) {
  if (id == count_request_) {
    count_request_.reset();
    if (body.size() != sizeof(std::uint64_t)) return datagrams_->window().unanswered();
    const auto received = load_be<std::uint64_t>(body.first<sizeof(std::uint64_t)>());
    const bool silent = datagrams_->window().counted(now, received);
    if (silent && mtu_) mtu_->on_doubt(now, best_round_trip(), random_);
    return;
  }
  if (privacy_ && privacy_->on_answer(id, body)) return;
  const auto signal = signals_.extract(id);
  if (signal.empty()) return;
  if (body.size() == 1 && body[0] <= std::byte{1}) {
    streams_.on_signal_answer(now, signal.mapped(), static_cast<stream::SignalAnswer>(body[0]));
  } else {
    streams_.on_signal_failed(now, signal.mapped());
  }
}

void Connection::exchange_signals(TimePoint now) {
  while (const auto failed = session_.control().poll_failed()) {
    if (failed->id == count_request_) {
      count_request_.reset();
      datagrams_->window().unanswered();
    }
    if (privacy_ && privacy_->on_answer(failed->id, std::nullopt)) continue;
    const auto signal = signals_.extract(failed->id);
    if (!signal.empty()) streams_.on_signal_failed(now, signal.mapped());
  }
  while (const auto signal = streams_.poll_signal()) {
    const std::byte generation{signal->generation};
    const auto id =
        session_.control().request(now, static_cast<std::uint8_t>(signal->signal), BytesView(&generation, 1));
    if (id) {
      signals_[*id] = *signal;
    } else {
      streams_.on_signal_failed(now, *signal);
    }
  }
}

void Connection::ask_for_count(TimePoint now) {
  if (!datagrams_ || count_request_ || !datagrams_->window().wants_count(now)) return;
  datagrams_->window().asked(now);
  const auto id = session_.control().request(now, kMethodDatagramCount, {});
  if (id) {
    count_request_ = *id;
  } else {
    datagrams_->window().unanswered();
  }
}

void Connection::pump() {
  for (const WipedBytes& datagram : std::exchange(arrived_, {})) {
    DatagramId id;  // the session has checked that it is there
    std::copy_n(datagram.begin(), id.size(), id.begin());
    host_.on_datagram(*this, id, BytesView(datagram).subspan(id.size()));
  }
  table_.serve(streams_, [this](stream::StreamId id, const Result<wire::StreamHeader>& header) {
    if (!header) return streams_.reset(id, kStreamMalformedHeader);
    accept(id, *header);
  });
}

void Connection::accept(stream::StreamId id, const wire::StreamHeader& header) {
  if (wire::carries_messages(header.kind)) {
    if (!messages_) messages_ = std::make_unique<Messages>(hub(), message_host());
    return messages_->accept(id, header);
  }
  const bool compress = compresses(header.name, Compression::automatic);
  auto stream = std::make_shared<ConnectionStream>(hub(), id, header.kind == wire::StreamKind::blocks, compress);
  table_.own(id, stream);
  if (!host_.on_stream(*this, header.name, stream)) return stream->reset(kStreamNoSuchExtender);
  if (!table_.is_owned(id)) return;                                   // its owner has broken it off already
  if (stream.use_count() == 2) return stream->reset(kStreamRefused);  // nobody but this function and the table has it
  stream->announce_readable();
}

void Connection::wake(stream::StreamId id) {
  table_.wake(id);
  touched();
}

void Connection::break_off(stream::StreamId id, std::uint64_t code) {
  streams_.reset(id, code);
  touched();
  table_.drop(id);
}

bool Connection::flush(TimePoint now, PacketBatch& batch) {
  const auto delivery = streams_.delivery();
  if (segmentation_.observe(now, delivery)) host_.on_segments_lost(*this);
  if (mtu_ && delivery) {
    mtu_->on_progress(now, delivery->delivered, delivery->outstanding > 0, delivery->round_trip, random_);
  }
  if (state() == State::open) {
    if (messages_) messages_->tidy(now);
    exchange_signals(now);
    exchange_privacy(now);
    ask_for_count(now);
  }
  session::TrafficShape* const shape = session_.shape();
  if (shape == nullptr || state() != State::open) {
    std::size_t left = session::TrafficShape::kUnlimited;
    return flush_content(now, batch, left);
  }
  const std::size_t allowance = shape->allowance(now);
  std::size_t left = allowance;
  const bool all = flush_content(now, batch, left);
  shape->sent(allowance - left);
  return flush_cover(now, batch) && all;
}

bool Connection::flush_content(TimePoint now, PacketBatch& batch, std::size_t& left) {
  if (state() == State::open) flush_path_frames(now, batch);
  flush_datagrams(now, batch, left);  // first: what it asks the peer goes with the session's own packets
  while (left > 0 || state() != State::open) {
    const MutableBytesView room = batch.next();
    if (room.empty()) return false;
    const std::size_t size = session_.poll_transmit(now, room);
    if (size == 0) break;
    add(batch, size);
    if (state() == State::open) --left;
  }
  return flush_streams(now, batch, left);
}

bool Connection::flush_streams(TimePoint now, PacketBatch& batch, std::size_t& left) {
  std::size_t packets = 0;
  bool more = false;
  bool asks = false;
  bool full = false;
  while (left > 0 && state() == State::open) {
    const MutableBytesView room = batch.next();
    more = room.empty() || packets == kPacketsPerTurn;
    if (more) break;
    const std::size_t body_max = body_size_max();
    const std::size_t body = streams_.poll_transmit(now, room.subspan(kBodyAt, body_max));
    if (body == 0) break;
    full = full || body == body_max;
    room[session::kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
    asks = asks || streams_.awaiting_acknowledgement();  // within a burst it stays like that
    const std::size_t size = session_.seal(now, room, 1 + body, asks);
    add(batch, size);
    ++packets;
    --left;
  }
  streams_.burst_sent();
  if (full) use_path(now);
  const bool close_is_due = packets > 0 && state() != State::open;  // the keys were used up just now
  return !more && !close_is_due;
}

bool Connection::flush_cover(TimePoint now, PacketBatch& batch) {
  while (state() == State::open && session_.shape()->cover_due(now) > 0) {
    const MutableBytesView room = batch.next();
    if (room.empty()) {
      session_.shape()->skip(now);
      return false;
    }
    add(batch, session_.seal_cover(now, room));
  }
  return true;
}

// A lost one is repeated. They do not wait for a clock: only who interferes sees more of them than a move shows anyway.
void Connection::flush_path_frames(TimePoint now, PacketBatch& batch) {
  if (paths_.poll_moved()) {
    segmentation_ = Segmentation();
    mtu_.reset();
    streams_.on_path_change(now);
    session_.want_key_update(now);  // whoever sees both networks should not know the indexes again
    host_.on_moved(*this);
  }
  while (const auto out = paths_.poll_transmit(now)) {
    if (!send_path_frame(now, batch, out->to, out->frame, out->full ? kFullContent : 0)) return;
  }
  if (const auto probe = mtu_ ? mtu_->poll_transmit(now) : std::nullopt) {
    send_path_frame(now, batch, paths_.proven(), probe->frame, probe->size - session::kPacketOverhead);
  }
}

bool Connection::send_path_frame(TimePoint now, PacketBatch& batch, const Path& to, const wire::PathFrame& frame,
                                 std::size_t content_size) {
  MutableBytesView room = batch.next();
  if (room.empty() || state() != State::open) return false;
  const std::size_t content = wire::write_path_frame(frame, room.subspan(session::kHeaderSize), content_size);
  // Without room there is no padding: a place that has not proven itself gets no more than it must.
  if (to != paths_.proven()) room = room.first(content + session::kPacketOverhead);
  const std::size_t size = session_.seal(now, room, content, false);
  batch.add(to, size, true);
  bytes_sent_ += size;
  return true;
}

void Connection::add(PacketBatch& batch, std::size_t size) {
  batch.add(paths_.proven(), size, !segmentation_.allowed());
  bytes_sent_ += size;
}

// They overtake everything. Those that the window holds back, or that find no room in the
// batch, wait in their queue.
void Connection::flush_datagrams(TimePoint now, PacketBatch& batch, std::size_t& left) {
  while (left > 0 && datagrams_ && state() == State::open) {
    const MutableBytesView room = batch.next();
    if (room.empty()) return;
    const std::size_t body = datagrams_->poll_transmit(now, room.subspan(kBodyAt, body_size_max()));
    if (body == 0) return ask_for_count(now);
    use_path(now);
    room[session::kHeaderSize] = wire::frame_type(wire::FrameKind::datagram);
    add(batch, session_.seal(now, room, 1 + body, false));
    --left;
  }
}

// --- privacy ---

void Connection::set_privacy(TimePoint now, const Privacy& privacy) {
  session_.set_key_update_times(now, privacy.key_update);
  if (privacy_) {
    privacy_->set_own(privacy);
  } else if (PrivacyTerms::shapes(privacy)) {
    privacy_ = std::make_unique<PrivacyTerms>(privacy);
  } else {
    return;
  }
  apply_shape(now);
  touched();
}

Bytes Connection::on_privacy_request(TimePoint now, const Privacy& asked) {
  const std::uint64_t rate = cover_bytes_per_second(asked);
  const bool granted = host_.grant_cover(*this, rate);
  if (!privacy_) privacy_ = std::make_unique<PrivacyTerms>(Privacy{.key_update = session_.key_update_times()});
  privacy_->set_asked(granted ? std::optional(asked) : std::nullopt);
  apply_shape(now);
  return {std::byte{granted}};
}

void Connection::apply_shape(TimePoint now) {
  session_.set_shape(now, privacy_->effective());
  if (pads()) mtu_.reset();
}

void Connection::exchange_privacy(TimePoint now) {
  if (!privacy_ || !privacy_->request_due()) return;
  const auto id = session_.control().request(now, kMethodPrivacy, privacy_->request());
  if (id) privacy_->requested(*id);  // else when one of those that are open is over
}

std::optional<TimePoint> Connection::deadline() const {
  auto deadline = session_.deadline();
  const auto consider = [&](std::optional<TimePoint> time) {
    if (time && (!deadline || *time < *deadline)) deadline = time;
  };
  if (state() == State::open) {
    consider(streams_.deadline());
    consider(paths_.deadline());
    if (mtu_) consider(mtu_->deadline());
    if (chooses_) consider(chooser_.deadline(chooser_view({})));
    if (messages_) consider(messages_->deadline());
    if (datagrams_) consider(datagrams_->deadline());
    if (const session::TrafficShape* shape = session_.shape()) {
      consider(shape->deadline());
      deadline = std::max(*deadline, shape->not_before());
    }
  }
  return deadline;
}

void Connection::on_deadline(TimePoint now) {
  session_.on_deadline(now);
  if (state() != State::open) return;
  streams_.on_deadline(now);
  paths_.on_deadline(now);
  if (mtu_) mtu_->on_deadline(now, session_.last_received(), random_);
  if (chooses_) follow_advice(now);
}

Result<stream::StreamId> Connection::open_with_header(const wire::StreamHeader& header, Priority priority) {
  const auto id = streams_.open(priority);
  if (!id) return fail(id.error());
  const Bytes bytes = header.encode();
  CHECK(streams_.write(*id, bytes) == bytes.size());  // the buffer of a fresh stream is empty
  touched();
  return *id;
}

bool Connection::compresses(const std::string& extender, Compression asked) const {
  const ExtenderOptions* options = host_.extender_options(extender);
  return asked == Compression::automatic && (options == nullptr || options->compression == Compression::automatic);
}

Result<std::shared_ptr<Stream>> Connection::open_stream(const std::string& name, const StreamOptions& options) {
  const bool blocks = compresses(name, options.compression);
  const auto kind = blocks ? wire::StreamKind::blocks : wire::StreamKind::bytes;
  const auto id = open_with_header({kind, name}, options.priority);
  if (!id) return fail(id.error());
  auto stream = std::make_shared<ConnectionStream>(hub(), *id, blocks, blocks);
  table_.own(*id, stream);
  return std::shared_ptr<Stream>(std::move(stream));
}

Result<stream::StreamId> Connection::open_message_stream(wire::StreamKind kind, const std::string& extender,
                                                         Priority priority) {
  return open_with_header({kind, extender}, priority);
}

std::optional<std::size_t> Connection::message_size_max(const std::string& extender) const {
  const ExtenderOptions* options = host_.extender_options(extender);
  if (options == nullptr) return std::nullopt;
  return options->message_size_max;
}

void Connection::on_message(const std::string& extender, Message message) {
  host_.on_message(extender, std::move(message));
}

Result<void> Connection::send_message(const std::string& name, BytesView message, const SendOptions& options,
                                      MessageDone done) {
  if (message.size() > message_size_max(name).value_or(ExtenderOptions().message_size_max)) {
    return fail(ErrorCode::limit, "sending a message");
  }
  if (!messages_) messages_ = std::make_unique<Messages>(hub(), message_host());
  return messages_->send(name, message, options.priority, compresses(name, options.compression), std::move(done));
}

void Connection::use_path(TimePoint now) {
  if (pads() || paths_.proven().tcp()) return;
  if (!mtu_) {
    const std::size_t largest = paths_.proven().remote.is_v4() ? session::kPacketSizeMax : session::kPacketSizeMaxV6;
    mtu_ = std::make_unique<session::PathMtu>(now, std::min<std::size_t>(packet_size_max_, largest));
  }
  mtu_->on_use(now, best_round_trip(), random_);
}

std::size_t Connection::packet_size() const noexcept {
  if (pads()) return session::kPacketSizeDefault;
  if (paths_.proven().tcp()) return packet_size_max_;
  return mtu_ ? mtu_->size() : session::kPacketSizeDefault;
}

std::size_t Connection::body_size_max() const noexcept {
  const std::size_t length = pads() ? sizeof(std::uint16_t) : 0;  // of the frame, since it does not end the packet
  return packet_size() - session::kPacketOverhead - 1 - length;
}

std::size_t Connection::datagram_size_max() const noexcept { return body_size_max() - sizeof(DatagramId); }

Result<void> Connection::send_datagram(const DatagramId& id, BytesView datagram) {
  if (datagram.size() > datagram_size_max()) return fail(ErrorCode::limit, "sending a datagram");
  if (!datagrams_) datagrams_ = std::make_unique<Datagrams>();
  const auto queued = datagrams_->send(id, datagram);
  if (queued) touched();
  return queued;
}

void Connection::end_streams() {
  const ErrorCode code = closed_by_peer()                      ? ErrorCode::closed_by_peer
                         : close_reason() == CloseReason::idle ? ErrorCode::timed_out
                                                               : ErrorCode::closed;
  arrived_.clear();
  table_.end(Error{code, "using a stream"});
}

Peer Connection::snapshot(TimePoint now) const {
  Peer peer;
  peer.uuid = peer_.uuid;
  peer.fingerprint = peer_.fingerprint;
  peer.endpoint = paths_.proven().remote;
  peer.transport = paths_.proven().tcp() ? Transport::tcp : Transport::udp;
  peer.outgoing = outgoing_;
  peer.suite = suite_.protocol_name;
  peer.post_quantum = suite_.post_quantum();
  peer.handshake_time = handshake_time_;
  peer.connected_for = now - since_;
  peer.round_trip_time = round_trip();
  peer.key_updates = session_.key_updates();
  peer.key_age = now - session_.keys_made();
  peer.privacy = session_.shape() ? session_.shape()->privacy() : Privacy{.key_update = session_.key_update_times()};
  peer.packet_size = packet_size();
  peer.peer_follows = !privacy_ || privacy_->peer_follows();
  peer.cover_bytes_sent = cover_bytes();
  peer.padding_bytes_sent = padding_bytes();
  peer.bytes_sent = bytes_sent_;
  peer.bytes_received = bytes_received_;
  return peer;
}

}  // namespace quantumgate::node
