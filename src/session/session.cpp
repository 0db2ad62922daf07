// SPDX-License-Identifier: MIT
#include "session/session.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::session {
namespace {

// Room is kept below the limit, so that a session whose counter is used up can still say so.
constexpr std::uint64_t kPacketsUsable = kPacketsMax - 16;

Duration draw_keepalive_interval(RandomSource& random) {
  return kKeepaliveMin + Duration(random.below(static_cast<std::uint64_t>((kKeepaliveMax - kKeepaliveMin).count())));
}

}  // namespace

Session::Session(const handshake::Established& established, RandomSource& random, TimePoint now)
    : local_index_(established.local_index),
      remote_index_(established.remote_index),
      control_(random.u32()),
      keepalive_interval_(draw_keepalive_interval(random)),
      last_sent_(now),
      last_received_(now) {
  const auto& [diffie_hellman, kem, aead, hash] = established.suite->algorithms;
  ciphers_.emplace(Ciphers{PacketCipher(aead, PacketKeys::derive(hash, established.secrets.sending)),
                           PacketCipher(aead, PacketKeys::derive(hash, established.secrets.receiving))});
}

Session::Verdict Session::receive(TimePoint now, MutableBytesView packet, FrameSink& sink) {
  if (state_ != State::open) {
    // Whoever knows the index may make us repeat CLOSE a few times; without keys we can not ask for more.
    if (state_ == State::closing && close_repeats_ < kCloseRepeatsMax) {
      ++close_repeats_;
      close_copies_due_ = std::max(close_copies_due_, 1);
    }
    return Verdict::unauthentic;
  }
  const auto opened = ciphers_->receiving.open(window_.next(), packet);
  if (!opened) {
    if (++forgeries_ >= kForgeriesMax) close(now, CloseReason::counter_limit);
    return Verdict::unauthentic;
  }
  if (!window_.accept(opened->counter)) return Verdict::replayed;
  last_received_ = now;
  asked_.reset();
  asked_again_ = false;
  heard_ = true;
  receive_frames(now, opened->content, sink);
  return Verdict::accepted;
}

void Session::receive_frames(TimePoint now, BytesView content, FrameSink& sink) {
  wire::FrameReader frames(content);
  while (const auto frame = frames.next()) {
    if (!receive_frame(now, *frame, sink)) return close(now, CloseReason::protocol);
    if (state_ != State::open) return;
  }
  if (frames.malformed()) close(now, CloseReason::protocol);
}

bool Session::receive_frame(TimePoint now, const wire::Frame& frame, FrameSink& sink) {
  switch (static_cast<wire::FrameKind>(frame.kind)) {
    case wire::FrameKind::padding:
      return true;
    case wire::FrameKind::stream:
      if (frame.body.empty()) return false;  // the generation is missing
      sink.on_stream_frame(now, frame.body);
      return true;
    case wire::FrameKind::datagram:
      if (frame.body.size() < wire::kDatagramIdSize) return false;
      sink.on_datagram_frame(now, frame.body);
      return true;
    case wire::FrameKind::control:
      return receive_control(now, frame.body, sink);
    case wire::FrameKind::close: {
      const auto close = wire::decode<wire::CloseFrame>(frame.body, "reading a close frame");
      if (close) end(close->reason, true);
      return close.has_value();
    }
  }
  return !frame.must_understand;
}

bool Session::receive_control(TimePoint now, BytesView body, FrameSink& sink) {
  const auto received = control_.receive(body);
  if (!received) return false;
  if (!*received) return true;
  const auto& [is_request, id, method, content] = **received;
  if (method == kMethodAreYouThere) {
    if (is_request) control_.answer(id, method, {});
  } else if (!is_request) {
    sink.on_control_answer(now, id, content);
  } else if (const auto answer = sink.on_control_request(now, method, content)) {
    control_.answer(id, method, *answer);
  } else {
    control_.answer(id, 0, {});
  }
  return true;
}

std::size_t Session::seal(TimePoint now, MutableBytesView buffer, std::size_t content_size, bool asks) {
  CHECK(state_ == State::open);
  ciphers_->sending.seal(remote_index_, next_counter_++, buffer, content_size);
  last_sent_ = now;
  keepalive_due_ = false;
  if (asks && !asked_) asked_ = now;
  if (next_counter_ == kPacketsUsable) close(now, CloseReason::counter_limit);
  return content_size + kPacketOverhead;
}

std::size_t Session::poll_transmit(TimePoint now, MutableBytesView buffer) {
  if (state_ == State::closed) return 0;
  if (state_ == State::closing) {
    if (close_copies_due_ == 0) return 0;
    --close_copies_due_;
    std::copy(close_packet_.begin(), close_packet_.end(), buffer.begin());
    return close_packet_.size();
  }
  if (const Bytes body = control_.poll_transmit(now); !body.empty()) {
    buffer[kHeaderSize] = wire::frame_type(wire::FrameKind::control);
    std::copy(body.begin(), body.end(), buffer.begin() + kHeaderSize + 1);
    // An answer is not answered. If it counted, the loss of one keepalive after it would end the session.
    const bool asks = body[0] == static_cast<std::byte>(wire::ControlWhat::request);
    return seal(now, buffer, 1 + body.size(), asks);
  }
  if (keepalive_due_) return seal(now, buffer, 0, false);
  return 0;
}

void Session::close(TimePoint now, CloseReason reason) {
  if (state_ != State::open) return;
  const Bytes body = wire::encode(wire::CloseFrame{reason});
  close_packet_.resize(kPacketOverhead + 1 + body.size());
  close_packet_[kHeaderSize] = wire::frame_type(wire::FrameKind::close);
  std::copy(body.begin(), body.end(), close_packet_.begin() + kHeaderSize + 1);
  ciphers_->sending.seal(remote_index_, next_counter_++, close_packet_, 1 + body.size());
  end(reason, false);
  state_ = State::closing;
  close_copies_due_ = kCloseCopies;
  close_end_ = now + kClosingTime;
}

void Session::end(CloseReason reason, bool by_peer) {
  state_ = State::closed;
  reason_ = reason;
  closed_by_peer_ = by_peer;
  ciphers_.reset();
}

std::optional<TimePoint> Session::deadline() const {
  if (state_ == State::closed) return std::nullopt;
  if (state_ == State::closing) return close_end_;
  TimePoint deadline = std::min(last_sent_ + keepalive_interval_, last_received_ + kIdleMax);
  if (asked_) deadline = std::min(deadline, *asked_ + (asked_again_ ? kUnansweredMax : kAskAfter));
  if (const auto control = control_.deadline()) deadline = std::min(deadline, *control);
  return deadline;
}

void Session::on_deadline(TimePoint now) {
  if (state_ == State::closing && now >= close_end_) state_ = State::closed;
  if (state_ != State::open) return;
  if (now >= last_received_ + kIdleMax || (asked_ && now >= *asked_ + kUnansweredMax)) {
    return end(CloseReason::idle, false);
  }
  if (asked_ && !asked_again_ && now >= *asked_ + kAskAfter) {
    asked_again_ = true;
    // With 16 requests open, those are being repeated and will do.
    static_cast<void>(control_.request(now, kMethodAreYouThere, {}));
  }
  if (now >= last_sent_ + keepalive_interval_) keepalive_due_ = true;
  control_.on_deadline(now);
}

}  // namespace quantumgate::session
