// SPDX-License-Identifier: MIT
#include "node/connection.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::node {
namespace {

// Packets of one connection in one turn, so that a fast sender does not keep the others waiting.
constexpr std::size_t kPacketsPerTurn = 256;

stream::Role role_of(const handshake::Established& established) {
  return established.role == handshake::NoiseRole::initiator ? stream::Role::initiator : stream::Role::responder;
}

std::optional<stream::SignalRequest> signal_of(std::uint8_t method, BytesView body) {
  const bool known = method >= static_cast<std::uint8_t>(stream::Signal::wanted) &&
                     method <= static_cast<std::uint8_t>(stream::Signal::gone);
  if (!known || body.size() != 1) return std::nullopt;
  return stream::SignalRequest{static_cast<stream::Signal>(method), std::to_integer<std::uint8_t>(body[0])};
}

}  // namespace

bool valid_extender_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= kExtenderNameSizeMax && std::all_of(name.begin(), name.end(), allowed);
}

// The Stream that extenders hold. It outlives its connection if they keep it; then it does nothing any more.
class ConnectionStream final : public Stream {
 public:
  ConnectionStream(Connection& connection, stream::StreamId id)
      : connection_(&connection), id_(id), peer_(connection.uuid()) {}

  const PeerUuid& peer() const noexcept override { return peer_; }

  std::size_t write(BytesView bytes) override {
    if (connection_ == nullptr) return 0;
    const std::size_t taken = connection_->streams_.write(id_, bytes);
    if (taken > 0) connection_->touched();
    return taken;
  }
  void finish() override {
    if (connection_ == nullptr) return;
    connection_->streams_.finish(id_);
    connection_->touched();
  }
  void reset(std::uint64_t code) override {
    if (connection_ == nullptr) return;
    const auto keep_alive = connection_->open_.at(id_);  // forgetting may drop the last reference to this object
    connection_->streams_.reset(id_, code);
    connection_->touched();
    connection_->forget_stream(id_);
    detach();
  }
  std::size_t read(MutableBytesView out) override {
    if (connection_ == nullptr) return 0;
    const std::size_t moved = connection_->streams_.read(id_, out);
    if (moved > 0) connection_->touched();  // the sender's credit must reach it
    return moved;
  }
  std::size_t readable() const noexcept override {
    return connection_ == nullptr ? 0 : connection_->streams_.readable(id_);
  }
  bool at_end() const noexcept override { return connection_ == nullptr ? at_end_ : connection_->streams_.at_end(id_); }

  void on_readable(std::function<void()> callback) override {
    on_readable_ = std::move(callback);
    // What arrived before anybody listened is announced at the next turn.
    if (connection_ != nullptr && (readable() > 0 || at_end())) {
      connection_->wake_.push_back(id_);
      connection_->touched();
    }
  }
  void on_writable(std::function<void()> callback) override { on_writable_ = std::move(callback); }
  void on_closed(std::function<void(std::optional<Error>, std::uint64_t)> callback) override {
    on_closed_ = std::move(callback);
  }

  // Calls a copy, so that the callback may replace itself.
  void announce_readable() {
    if (const auto callback = on_readable_) callback();
  }
  void announce_writable() {
    if (const auto callback = on_writable_) callback();
  }
  void announce_closed(std::optional<Error> error, std::uint64_t code) {
    at_end_ = !error;
    const auto callback = std::move(on_closed_);
    detach();
    if (callback) callback(error, code);
  }

 private:
  // Breaks the circle of a stream whose callbacks own it.
  void detach() {
    connection_ = nullptr;
    on_readable_ = nullptr;
    on_writable_ = nullptr;
    on_closed_ = nullptr;
  }

  Connection* connection_;
  stream::StreamId id_;
  PeerUuid peer_;
  bool at_end_ = false;
  std::function<void()> on_readable_;
  std::function<void()> on_writable_;
  std::function<void(std::optional<Error>, std::uint64_t)> on_closed_;
};

Connection::Connection(ConnectionHost& host, std::uint64_t number, const handshake::Established& established,
                       const stream::Limits& limits, RandomSource& random, TimePoint now)
    : host_(host),
      number_(number),
      session_(established, random, now),
      streams_(role_of(established), limits, established.stream_parameters, random),
      path_(established.path),
      peer_(established.peer),
      peer_static_key_(established.peer_static_key),
      handshake_hash_(established.handshake_hash),
      suite_(*established.suite),
      outgoing_(established.role == handshake::NoiseRole::initiator),
      handshake_time_(established.handshake_time),
      since_(now) {}

Connection::~Connection() { CHECK(open_.empty()); }

session::Session::Verdict Connection::receive(TimePoint now, MutableBytesView packet) {
  const std::size_t size = packet.size();
  const auto verdict = session_.receive(now, packet, *this);
  if (verdict == session::Session::Verdict::accepted) bytes_received_ += size;
  return verdict;
}

void Connection::on_stream_frame(TimePoint now, BytesView body) { streams_.receive(now, body); }

std::optional<Bytes> Connection::on_control_request(TimePoint now, std::uint8_t method, BytesView body) {
  const auto signal = signal_of(method, body);
  if (!signal) return std::nullopt;
  return Bytes{static_cast<std::byte>(streams_.on_signal(now, *signal))};
}

void Connection::on_control_answer(TimePoint now, std::uint32_t id, BytesView body) {
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

void Connection::pump() {
  for (const stream::StreamId id : std::exchange(wake_, {})) {
    if (const auto found = open_.find(id); found != open_.end()) {
      const auto stream = found->second;
      stream->announce_readable();
    }
  }
  while (const auto event = streams_.poll_event()) deliver(*event);
}

void Connection::deliver(const stream::Event& event) {
  using Kind = stream::Event::Kind;
  if (event.kind == Kind::opened) {
    headers_.emplace(event.stream, Bytes{});
    return;
  }
  if (headers_.contains(event.stream)) {
    if (event.kind == Kind::readable) read_header(event.stream);
    if (event.kind == Kind::closed || event.kind == Kind::reset) headers_.erase(event.stream);
    return;
  }
  const auto found = open_.find(event.stream);
  if (found == open_.end()) return;
  const std::shared_ptr<ConnectionStream> stream = found->second;  // its owner may drop it in the callback
  switch (event.kind) {
    case Kind::opened:
      break;
    case Kind::readable:
      stream->announce_readable();
      break;
    case Kind::writable:
      stream->announce_writable();
      break;
    case Kind::closed:
      forget_stream(event.stream);
      stream->announce_closed(std::nullopt, kStreamNoError);
      break;
    case Kind::reset:
      forget_stream(event.stream);
      stream->announce_closed(Error{ErrorCode::reset, "using a stream"}, event.code);
      break;
  }
}

// length(1) ‖ name, then the extender's own bytes.
void Connection::read_header(stream::StreamId id) {
  Bytes& header = headers_.at(id);
  for (;;) {
    const std::size_t wanted = header.empty() ? 1 : 1 + std::to_integer<std::size_t>(header[0]);
    if (header.size() == wanted && wanted > 1) break;
    const std::size_t had = header.size();
    header.resize(wanted);
    header.resize(had + streams_.read(id, MutableBytesView(header).subspan(had)));
    const bool bad_length =
        !header.empty() && (header[0] == std::byte{0} || header[0] > std::byte{kExtenderNameSizeMax});
    if (bad_length || (header.size() == had && streams_.at_end(id))) {
      headers_.erase(id);
      return streams_.reset(id, kStreamMalformedHeader);
    }
    if (header.size() == had) return;  // the rest is still on its way
  }
  const std::string name(as_text(BytesView(header).subspan(1)));
  headers_.erase(id);
  if (!valid_extender_name(name)) return streams_.reset(id, kStreamMalformedHeader);

  auto stream = std::make_shared<ConnectionStream>(*this, id);
  open_.emplace(id, stream);
  if (!host_.on_stream(*this, name, stream)) return stream->reset(kStreamNoSuchExtender);
  if (!open_.contains(id)) return;                                    // its owner has broken it off already
  if (stream.use_count() == 2) return stream->reset(kStreamRefused);  // nobody but this function and `open_` has it
  if (stream->readable() > 0 || stream->at_end()) stream->announce_readable();
}

void Connection::forget_stream(stream::StreamId id) { open_.erase(id); }

bool Connection::flush(TimePoint now, PacketBatch& batch) {
  using State = session::Session::State;
  if (state() == State::open) exchange_signals(now);
  for (;;) {
    const MutableBytesView room = batch.next();
    if (room.empty()) return false;
    const std::size_t size = session_.poll_transmit(now, room);
    if (size == 0) break;
    batch.add(path_, size);
    bytes_sent_ += size;
  }
  std::size_t packets = 0;
  bool more = false;
  while (state() == State::open) {
    const MutableBytesView room = batch.next();
    more = room.empty() || packets == kPacketsPerTurn;
    if (more) break;
    // index, counter, frame type, then the frame's body, which fills what the packet has room for.
    constexpr std::size_t kBodyAt = session::kHeaderSize + 1;
    constexpr std::size_t kBodyMax = session::kPacketSizeDefault - session::kPacketOverhead - 1;
    const std::size_t body = streams_.poll_transmit(now, room.subspan(kBodyAt, kBodyMax));
    if (body == 0) break;
    room[session::kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
    const std::size_t size = session_.seal(now, room, 1 + body, streams_.awaiting_acknowledgement());
    batch.add(path_, size);
    bytes_sent_ += size;
    ++packets;
  }
  if (packets > 0) streams_.burst_sent(now);
  const bool close_is_due = packets > 0 && state() != State::open;  // the counter was used up just now
  return !more && !close_is_due;
}

std::optional<TimePoint> Connection::deadline() const {
  auto deadline = session_.deadline();
  if (state() == session::Session::State::open) {
    if (const auto streams = streams_.deadline(); streams && (!deadline || *streams < *deadline)) deadline = streams;
  }
  return deadline;
}

void Connection::on_deadline(TimePoint now) {
  session_.on_deadline(now);
  if (state() == session::Session::State::open) streams_.on_deadline(now);
}

Result<std::shared_ptr<Stream>> Connection::open_stream(const std::string& name) {
  const auto id = streams_.open();
  if (!id) return fail(id.error());
  Bytes header{static_cast<std::byte>(name.size())};
  const BytesView text = as_bytes(name);
  header.insert(header.end(), text.begin(), text.end());
  CHECK(streams_.write(*id, header) == header.size());  // the buffer of a fresh stream is empty
  auto stream = std::make_shared<ConnectionStream>(*this, *id);
  open_.emplace(*id, stream);
  touched();
  return std::shared_ptr<Stream>(std::move(stream));
}

void Connection::end_streams() {
  const ErrorCode code = closed_by_peer()                      ? ErrorCode::closed_by_peer
                         : close_reason() == CloseReason::idle ? ErrorCode::timed_out
                                                               : ErrorCode::closed;
  headers_.clear();
  wake_.clear();
  while (!open_.empty()) {
    const auto stream = open_.extract(open_.begin()).mapped();
    stream->announce_closed(Error{code, "using a stream"}, kStreamNoError);
  }
}

Peer Connection::snapshot(TimePoint now) const {
  Peer peer;
  peer.uuid = peer_.uuid;
  peer.fingerprint = peer_.fingerprint;
  peer.endpoint = path_.remote;
  peer.outgoing = outgoing_;
  peer.suite = suite_.protocol_name;
  peer.post_quantum = suite_.post_quantum();
  peer.handshake_time = handshake_time_;
  peer.connected_for = now - since_;
  peer.bytes_sent = bytes_sent_;
  peer.bytes_received = bytes_received_;
  return peer;
}

}  // namespace quantumgate::node
