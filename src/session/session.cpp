// SPDX-License-Identifier: MIT
#include "session/session.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::session {
namespace {

Duration draw_keepalive_interval(RandomSource& random) {
  return kKeepaliveMin + Duration(random.below(static_cast<std::uint64_t>((kKeepaliveMax - kKeepaliveMin).count())));
}

// Where the content stands in a packet.
MutableBytesView content_room(MutableBytesView packet) {
  return packet.subspan(kHeaderSize, packet.size() - kPacketOverhead);
}

}  // namespace

Session::Session(const handshake::Established& established, handshake::IndexAllocator& indexes, RandomSource& random,
                 const KeyLimits& limits, TimePoint now)
    : random_(random),
      update_(established, indexes, random, limits, now),
      keys_(established, indexes),
      control_(random.u32()),
      keepalive_interval_(draw_keepalive_interval(random)),
      last_sent_(now),
      last_received_(now) {}

Session::Verdict Session::receive(TimePoint now, MutableBytesView packet, FrameSink& sink) {
  if (state_ == State::open && now >= update_.end()) end(CloseReason::key_limit, false);
  if (state_ != State::open) {
    // Whoever knows the index may make us repeat CLOSE a few times; without keys we can not ask for more.
    if (state_ == State::closing && close_repeats_ < kCloseRepeatsMax) {
      ++close_repeats_;
      close_copies_due_ = std::max(close_copies_due_, 1);
    }
    return Verdict::unauthentic;
  }
  const auto opened = keys_.open(now, packet);
  if (opened.verdict == KeyEpochs::Verdict::unauthentic) {
    if (keys_.forgeries() >= kForgeriesMax) close(now, CloseReason::key_limit);
    return Verdict::unauthentic;
  }
  if (opened.verdict == KeyEpochs::Verdict::replayed) return Verdict::replayed;
  if (opened.first) update_.confirm(now);
  last_received_ = now;
  asked_.reset();
  asked_again_ = false;
  heard_ = true;
  newest_ = opened.newest;
  receive_frames(now, opened.content, sink);
  if (state_ == State::open) check_received(now);
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
    case wire::FrameKind::rekey:
      return receive_rekey(now, frame.body);
    case wire::FrameKind::path: {
      const auto path = wire::decode<wire::PathFrame>(frame.body, "reading a path frame");
      if (!path || path->what > wire::PathWhat::answer) return false;
      sink.on_path_frame(now, *path);
      return true;
    }
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
  if (method == kMethodAreYouThere && content.empty()) {
    if (is_request) {
      control_.answer(id, method, {});
    } else if (question_ == Question::open && id == question_id_) {
      question_ = Question::answered;
    }
  } else if (method == kMethodKeyUpdate && !is_request) {
    // The update itself is the answer that counts.
  } else if (method == kMethodKeyUpdate && update_.initiator() && content.size() == sizeof(std::uint32_t)) {
    update_.on_request(now, load_be<std::uint32_t>(content.first<sizeof(std::uint32_t)>()));
    control_.answer(id, method, {});
  } else if (!is_request) {
    sink.on_control_answer(now, id, content);
  } else if (const auto answer = sink.on_control_request(now, method, content)) {
    control_.answer(id, method, *answer);
  } else {
    control_.answer(id, 0, {});
  }
  return true;
}

bool Session::receive_rekey(TimePoint now, BytesView body) {
  auto received = update_.receive(now, body);
  if (!received) return false;
  if (!*received) return true;
  keys_.add(std::move(**received), update_.initiator());
  // The responder sends with the new keys when a packet under them has come; this brings one, again and again if it
  // must, and an answer that shows us that the old ones are done with.
  if (update_.initiator()) send_are_you_there(now);
  return true;
}

void Session::ask_anew(TimePoint now) {
  question_ = Question::none;
  ask(now);
}

void Session::ask(TimePoint now) {
  if (question_ != Question::none) return;
  const auto id = control_.request(now, kMethodAreYouThere, {});
  if (!id) return;
  question_ = Question::open;
  question_id_ = *id;
}

void Session::check_received(TimePoint now) {
  const KeyLimits& limits = update_.limits();
  const bool much = keys_.packets_received() >= limits.update_packets || keys_.bytes_received() >= limits.update_bytes;
  if (much) update_.want(now);
}

void Session::check_sent(TimePoint now) {
  const KeyLimits& limits = update_.limits();
  if (keys_.packets_sent() < limits.update_packets && keys_.bytes_sent() < limits.update_bytes) return;
  update_.want(now);
  const bool used_up = keys_.packets_sent() + kKeyPacketsReserve >= limits.packets_max ||
                       keys_.bytes_sent() + kKeyPacketsReserve * kPacketSizeMax >= limits.bytes_max;
  if (used_up) close(now, CloseReason::key_limit);
}

std::size_t Session::seal(TimePoint now, MutableBytesView buffer, std::size_t content_size, bool asks) {
  if (shape_) content_size = shape_->pad(content_room(buffer), content_size);
  if (asks && !asked_) asked_ = now;
  return seal_content(now, buffer, content_size);
}

std::size_t Session::seal_cover(TimePoint now, MutableBytesView buffer) {
  return seal_content(now, buffer, shape_->cover(now, content_room(buffer)));
}

std::size_t Session::seal_content(TimePoint now, MutableBytesView buffer, std::size_t content_size) {
  CHECK(state_ == State::open && now < update_.end());
  keys_.seal(buffer, content_size);
  last_sent_ = now;
  keepalive_due_ = false;
  check_sent(now);
  return content_size + kPacketOverhead;
}

void Session::set_shape(TimePoint now, const Privacy& privacy) {
  if (shape_) return shape_->change(now, privacy);
  shape_ = std::make_unique<TrafficShape>(privacy, random_, now);
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
  if (const std::size_t size = update_.poll_transmit(now, buffer.subspan(kHeaderSize + 1)); size != 0) {
    buffer[kHeaderSize] = wire::frame_type(wire::FrameKind::rekey);
    return seal(now, buffer, 1 + size, update_.initiator());  // only message 1 is answered
  }
  if (keepalive_due_) return seal(now, buffer, 0, false);
  return 0;
}

void Session::close(TimePoint now, CloseReason reason) {
  if (state_ != State::open) return;
  if (now >= update_.end()) return end(reason, false);  // there is no key left to say so with
  const Bytes body = wire::encode(wire::CloseFrame{reason});
  close_packet_.resize(kPacketSizeMax);
  close_packet_[kHeaderSize] = wire::frame_type(wire::FrameKind::close);
  std::copy(body.begin(), body.end(), close_packet_.begin() + kHeaderSize + 1);
  std::size_t content_size = 1 + body.size();
  if (shape_) content_size = shape_->pad(content_room(close_packet_), content_size);
  keys_.seal(close_packet_, content_size);
  close_packet_.resize(content_size + kPacketOverhead);
  end(reason, false);
  state_ = State::closing;
  close_copies_due_ = kCloseCopies;
  close_end_ = now + kClosingTime;
}

void Session::end(CloseReason reason, bool by_peer) {
  state_ = State::closed;
  reason_ = reason;
  closed_by_peer_ = by_peer;
  keys_.wipe();
  update_.wipe();
}

std::optional<TimePoint> Session::deadline() const {
  if (state_ == State::closed) return std::nullopt;
  if (state_ == State::closing) return close_end_;
  TimePoint deadline = std::min(last_sent_ + keepalive_interval_, last_received_ + kIdleMax);
  deadline = std::min(deadline, update_.end() - kKeyAgeReserve);
  if (const auto update = update_.deadline()) deadline = std::min(deadline, *update);
  if (const auto keys = keys_.deadline()) deadline = std::min(deadline, *keys);
  if (!asked_again_) deadline = std::min(deadline, last_received_ + kAskAfterSilence);
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
  if (now >= update_.end()) return end(CloseReason::key_limit, false);
  if (now >= update_.end() - kKeyAgeReserve) return close(now, CloseReason::key_limit);
  keys_.on_deadline(now);
  update_.on_deadline(now);
  if (update_.poll_request()) {
    Bytes epoch(sizeof(std::uint32_t));
    store_be(update_.epoch(), std::span(epoch).first<sizeof(std::uint32_t)>());
    static_cast<void>(control_.request(now, kMethodKeyUpdate, epoch));  // it will be due again
  }
  const bool doubtful = (asked_ && now >= *asked_ + kAskAfter) || now >= last_received_ + kAskAfterSilence;
  if (doubtful && !asked_again_) {
    asked_again_ = true;
    send_are_you_there(now);
  }
  if (now >= last_sent_ + keepalive_interval_) keepalive_due_ = true;
  control_.on_deadline(now);
}

}  // namespace quantumgate::session
