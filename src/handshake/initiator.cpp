// SPDX-License-Identifier: MIT
#include "handshake/initiator.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::handshake {
namespace {

NoiseHandshake make_noise(Credentials& credentials, const Suite& suite, const PeerUuid& responder,
                          const StaticKey& static_key, RandomSource& random) {
  NoiseKeys keys;
  keys.static_key = static_key.pair.clone();
  keys.psks.push_back(credentials.shared_secret().clone());
  auto noise = NoiseHandshake::create(suite.pattern, suite.protocol_name, suite.algorithms, NoiseRole::initiator,
                                      credentials.prologue(suite.id, responder), std::move(keys), random);
  CHECK(noise.has_value());
  return std::move(*noise);
}

const Suite& known_suite(std::uint8_t id) {
  const Suite* suite = find_suite(id);
  CHECK(suite != nullptr);
  return *suite;
}

}  // namespace

Initiator::Initiator(Credentials& credentials, Target target, std::uint8_t suite, std::uint32_t handshake_index,
                     std::uint32_t session_index, RandomSource& random, TimePoint now, UnixTime wall_clock)
    : credentials_(credentials),
      random_(random),
      target_(std::move(target)),
      suite_(known_suite(suite)),
      handshake_index_(handshake_index),
      session_index_(session_index),
      keys_(OuterKeys::derive(credentials.shared_secret(), target_.uuid, credentials.network_hash())),
      static_key_(credentials.static_key(suite_.algorithms.dh, random, wall_clock)),
      noise_(make_noise(credentials, suite_, target_.uuid, static_key_, random)),
      started_(now) {
  CHECK(!target_.paths.empty() && target_.paths.size() <= kPathsMax);
  wire::Payload1 payload;
  payload.session_index = session_index_;
  payload.handshake_index = handshake_index_;
  message_ = noise_.write_message(wire::encode(payload));
  message_id_ = random_.u32();
  send_message(wall_clock);
  schedule(now);
}

void Initiator::send_message(UnixTime wall_clock) {
  const bool first = state_ == State::waiting;
  wire::SealedHeader header;
  header.type = first ? wire::SealedType::message1 : wire::SealedType::message3;
  header.suite = suite_.id;
  header.time = static_cast<std::uint32_t>(wall_clock.count() + clock_shift_s_);
  header.sender_index = handshake_index_;
  header.message_id = message_id_;
  if (first) header.cookie = cookie_;
  const Path to = first ? target_.paths[turn_] : responder_path_;
  outgoing_.clear();  // what was not sent yet is older
  for (Bytes& datagram : seal_message(keys_->to_responder, responder_index_, header, message_, random_)) {
    outgoing_.push_back({to, std::move(datagram)});
  }
}

void Initiator::schedule(TimePoint now) {
  retransmit_at_ = now + kRetransmitDelays[std::min(tries_, kRetransmitDelays.size() - 1)];
  ++tries_;
}

void Initiator::add_path(TimePoint now, UnixTime wall_clock, const Path& path) {
  CHECK(target_.paths.size() < kPathsMax);
  if (state_ != State::waiting) return;
  turn_ = target_.paths.size();
  target_.paths.push_back(path);
  send_message(wall_clock);
  schedule(now);
}

std::optional<Transmit> Initiator::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  Transmit next = std::move(outgoing_.front());
  outgoing_.pop_front();
  return next;
}

std::optional<Established> Initiator::take_established() { return std::exchange(established_, std::nullopt); }

void Initiator::confirm() {
  if (state_ != State::confirming) return;
  state_ = State::confirmed;
  outgoing_.clear();
}

std::optional<TimePoint> Initiator::deadline() const {
  if (state_ != State::waiting && state_ != State::confirming) return std::nullopt;
  return std::min(retransmit_at_, started_ + target_.time_limit);
}

void Initiator::on_deadline(TimePoint now, UnixTime wall_clock) {
  if (state_ != State::waiting && state_ != State::confirming) return;
  if (now >= started_ + target_.time_limit) {
    state_ = State::failed;
    outgoing_.clear();
  } else if (now >= retransmit_at_) {
    turn_ = (turn_ + 1) % target_.paths.size();
    send_message(wall_clock);
    schedule(now);
  }
}

bool Initiator::receive(TimePoint now, UnixTime wall_clock, const Path& from, BytesView datagram) {
  if (state_ != State::waiting) return false;
  const auto opened = open_datagram(keys_->to_initiator, true, datagram);
  if (!opened || opened->header.suite != suite_.id) return false;
  switch (opened->header.type) {
    case wire::SealedType::cookie:
      return receive_cookie(now, wall_clock, from, opened->header);
    case wire::SealedType::message2:
      return receive_piece(now, wall_clock, from, *opened);
    default:
      return false;
  }
}

bool Initiator::receive_cookie(TimePoint now, UnixTime wall_clock, const Path& from, const wire::SealedHeader& header) {
  if (header.message_id != message_id_) return false;
  // A message of several pieces brings several cookies; one that tells nothing new costs nothing.
  const auto time = static_cast<std::uint32_t>(wall_clock.count() + clock_shift_s_);
  const auto clock_off = static_cast<std::int32_t>(header.time - time);
  const bool shift = std::abs(static_cast<std::int64_t>(clock_off)) > kClockTolerance_s / 2;
  if (header.cookie == cookie_ && !shift) return true;
  if (cookies_taken_ == kCookiesTakenMax) return false;
  ++cookies_taken_;
  cookie_ = header.cookie;
  if (shift) clock_shift_s_ += clock_off;
  // The same endpoint again: it has answered.
  const auto path = std::ranges::find(target_.paths, from);
  if (path != target_.paths.end()) turn_ = static_cast<std::size_t>(path - target_.paths.begin());
  --tries_;
  send_message(wall_clock);
  schedule(now);
  return true;
}

bool Initiator::receive_piece(TimePoint now, UnixTime wall_clock, const Path& from, const OpenedDatagram& opened) {
  const auto& header = opened.header;
  if (header.pieces < 1 || header.pieces > kPiecesMax || header.sender_index == 0) return false;
  if (!collector_ || collector_->message_id() != header.message_id || collector_->count() != header.pieces) {
    collector_.emplace(header.message_id, header.pieces);
  }
  if (!collector_->add(header.piece, opened.piece)) return false;
  const auto message = collector_->message();
  if (!message) return true;
  collector_.reset();
  return read_message2(now, wall_clock, from, header.sender_index, *message);
}

bool Initiator::read_message2(TimePoint now, UnixTime wall_clock, const Path& from, std::uint32_t sender_index,
                              BytesView message) {
  // The rules are part of the acceptance: whoever knows the UUID (and the shared secret) can produce a message 2 that
  // is authentic Noise but not from the responder, and must not spoil the dial with it.
  wire::Payload2 payload;
  PeerKey peer;
  const auto accept = [&](BytesView bytes, const Bytes& remote_static) {
    auto decoded = wire::decode<wire::Payload2>(bytes, "reading message 2");
    if (!decoded || decoded->handshake_index != sender_index || decoded->session_index == 0) return false;
    payload = std::move(*decoded);
    // By our own clock: a cookie may shift the time in headers, but must not bring an expired static key back to life.
    const auto verified = credentials_.verify(payload.introduction, remote_static, wall_clock);
    if (!verified || verified->uuid != target_.uuid) return false;
    peer = *verified;
    return !better_suite_existed(suite_.id, credentials_.suites(), payload.introduction.suites.bytes);
  };
  if (!noise_.read_message(message, accept)) return false;

  responder_index_ = sender_index;
  // Whoever saw message 2 may have sent it on from elsewhere; where message 1 got to, the rest will, too.
  const auto& dialled = target_.paths;
  const bool known = std::ranges::find(dialled, from) != dialled.end();
  responder_path_ = known ? from : dialled[turn_];
  message_ = noise_.write_message(wire::encode(credentials_.introduce(static_key_, from.remote)));
  message_id_ = random_.u32();
  state_ = State::confirming;
  tries_ = 0;
  send_message(wall_clock);
  schedule(now);

  established_ = Established{NoiseRole::initiator,
                             &suite_,
                             noise_.split(),
                             noise_.handshake_hash(),
                             peer,
                             noise_.remote_static(),
                             session_index_,
                             payload.session_index,
                             responder_path_,
                             Endpoint{payload.introduction.observed_address, payload.introduction.observed_port},
                             payload.introduction.stream_parameters.bytes,
                             now - started_,
                             {}};
  return true;
}

}  // namespace quantumgate::handshake
