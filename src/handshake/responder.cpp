// SPDX-License-Identifier: MIT
#include "handshake/responder.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "handshake/prefix.hpp"

namespace quantumgate::handshake {
namespace {

// Size of message 1 with a suite; the payload has no room to vary.
std::size_t message1_size(const Suite& suite) {
  constexpr std::size_t kTag = 16;
  const std::size_t kem =
      suite.algorithms.kem ? crypto::ml_kem_sizes(*suite.algorithms.kem).encapsulation_key + kTag : 0;
  return crypto::dh_size(suite.algorithms.dh) + kem + wire::Payload1::kSize + kTag;
}

// Size of the piece of that number; 0 if there is none.
std::size_t message1_piece_size(const Suite& suite, std::size_t piece) {
  const std::size_t whole = message1_size(suite);
  const Pieces cut = Pieces::of(whole);
  if (piece >= cut.count) return 0;
  return piece + 1 < cut.count ? cut.size : whole - piece * cut.size;
}

bool is_message1_datagram_size(const Suite& suite, std::size_t size) {
  const std::size_t last = Pieces::of(message1_size(suite)).count - 1;
  return size == kFirstOverhead + message1_piece_size(suite, 0) ||
         size == kFirstOverhead + message1_piece_size(suite, last);
}

// Of slots that are ordered by their source: the oldest one of the prefix that holds the most of them.
template <class Slots, class Source, class Since>
auto to_be_given_up(const Slots& slots, Source source, Since since) {
  auto found = slots.begin();
  std::size_t most = 0;
  for (auto slot = slots.begin(); slot != slots.end();) {
    const Prefix prefix = prefix_of(source(*slot));
    auto oldest = slot;
    std::size_t count = 0;
    for (; slot != slots.end() && prefix_of(source(*slot)) == prefix; ++slot, ++count) {
      if (since(*slot) < since(*oldest)) oldest = slot;
    }
    if (count > most || (count == most && since(*oldest) < since(*found))) found = oldest;
    most = std::max(most, count);
  }
  return found;
}

void earlier(std::optional<TimePoint>& deadline, TimePoint candidate) {
  if (!deadline || candidate < *deadline) deadline = candidate;
}

}  // namespace

Responder::Responder(Credentials& credentials, Options options, IndexAllocator& indexes, RandomSource& random)
    : credentials_(credentials),
      options_(options),
      indexes_(indexes),
      random_(random),
      salt_source_(random),
      keys_(OuterKeys::derive(credentials.shared_secret(), credentials.uuid(), credentials.network_hash())),
      salts_(options.salts_max, kSaltLifetime, random),
      cookies_(random),
      trials_({kTrialsPerSecondMax, kTrialsBurst, kTrialsReservedPerSecond, kTrialsShare, kTrialsRefill}, random),
      starts_({kStartsPerSecondMax, kStartsBurst, kStartsReservedPerSecond, kStartsShare, kStartsRefill}, random) {}

Responder::~Responder() = default;

bool Responder::cookies_required(TimePoint now) const noexcept {
  return 2 * reassembling_.size() >= options_.reassembly_slots || 2 * half_open_.size() >= options_.half_open_slots ||
         salts_.full() || starts_.scarce(now);
}

// The numbered comments are the steps of the spec, section 5.
void Responder::receive_first(TimePoint now, UnixTime wall_clock, const Path& from, BytesView datagram) {
  // 1
  const auto fits = [&](std::byte id) {
    return is_message1_datagram_size(*find_suite(std::to_integer<std::uint8_t>(id)), datagram.size());
  };
  if (std::none_of(credentials_.suites().begin(), credentials_.suites().end(), fits)) {
    ++counters_.malformed;
    return;
  }
  // 2
  if (!trials_.take(now, from.remote)) {
    ++counters_.trial_limit;
    return;
  }
  // 3
  const auto opened = open_datagram(keys_->to_responder, false, datagram);
  if (!opened) {
    ++counters_.unauthentic;
    return;
  }
  // 4
  const wire::SealedHeader& header = opened->header;
  const Suite* suite = credentials_.enabled(header.suite) ? find_suite(header.suite) : nullptr;
  if (header.type != wire::SealedType::message1 || suite == nullptr || header.sender_index == 0 ||
      header.pieces != Pieces::of(message1_size(*suite)).count || opened->piece.empty() ||
      opened->piece.size() != message1_piece_size(*suite, header.piece)) {
    ++counters_.unauthentic;
    return;
  }
  // 5
  const auto verdict = salts_.insert(now, opened->salt);
  if (verdict == SaltFilter::Verdict::seen) {
    ++counters_.replayed;
    return;
  }
  // 6
  const auto clock_off = static_cast<std::int32_t>(header.time - static_cast<std::uint32_t>(wall_clock.count()));
  if (std::abs(static_cast<std::int64_t>(clock_off)) > kClockTolerance_s) {
    ++counters_.clock;
    if (!options_.hidden && verdict == SaltFilter::Verdict::fresh) {
      send_cookie(wall_clock, from, header, cookies_.make(now, from.remote, header.sender_index));
    }
    return;
  }
  // 7
  if (cookies_required(now)) {
    if (const auto cookie = cookies_.demand(now, from.remote, header.sender_index, header.cookie)) {
      ++counters_.no_cookie;
      return send_cookie(wall_clock, from, header, *cookie);
    }
  }
  // 8
  if (const auto known = half_open_source_.find({from, header.message_id}); known != half_open_source_.end()) {
    HalfOpen& half_open = half_open_.at(known->second);
    half_open.bytes_received += datagram.size();
    if (now - half_open.sent >= kResendInterval) send_message2(now, wall_clock, known->second, half_open);
    return;
  }
  // 9, 10
  collect_message1(now, wall_clock, from, *opened, datagram.size());
}

void Responder::send_cookie(UnixTime wall_clock, const Path& to, const wire::SealedHeader& about,
                            const wire::Cookie& cookie) {
  wire::SealedHeader header;
  header.type = wire::SealedType::cookie;
  header.suite = about.suite;
  header.time = static_cast<std::uint32_t>(wall_clock.count());
  header.message_id = about.message_id;
  header.cookie = cookie;
  outgoing_.push_back({to, seal_datagram(keys_->to_initiator, about.sender_index, header, {}, salt_source_)});
  ++counters_.cookies_sent;
}

void Responder::collect_message1(TimePoint now, UnixTime wall_clock, const Path& from, const OpenedDatagram& opened,
                                 std::size_t datagram_size) {
  const wire::SealedHeader& header = opened.header;
  auto slot = reassembling_.find(from);
  const bool other_message = slot != reassembling_.end() && (slot->second.collector.message_id() != header.message_id ||
                                                             slot->second.sender_index != header.sender_index);
  if (other_message) {
    reassembling_.erase(slot);
    slot = reassembling_.end();
  }
  if (slot == reassembling_.end()) {
    if (!starts_.take(now, from.remote)) {
      ++counters_.start_limit;
      return;
    }
    make_reassembly_room();
    slot = reassembling_
               .emplace(from, Reassembly{PieceCollector(header.message_id, header.pieces), header.sender_index,
                                         header.suite, 0, now})
               .first;
    earlier(deadline_, now + kReassemblyLifetime);
  }
  slot->second.bytes_received += datagram_size;
  if (!slot->second.collector.add(header.piece, opened.piece)) {
    ++counters_.unauthentic;
    return;
  }
  const auto message = slot->second.collector.message();
  if (!message) return;
  const Reassembly reassembly = std::move(slot->second);
  reassembling_.erase(slot);
  read_message1(now, wall_clock, from, reassembly, *message);
}

// The prefix that holds the most slots gives up its oldest.
void Responder::make_reassembly_room() {
  if (reassembling_.size() < options_.reassembly_slots) return;
  ++counters_.evicted;
  reassembling_.erase(to_be_given_up(
      reassembling_, [](const auto& slot) { return slot.first.remote; },
      [](const auto& slot) { return slot.second.started; }));
}

void Responder::make_half_open_room() {
  if (half_open_.size() < options_.half_open_slots) return;
  ++counters_.evicted;
  const auto given_up = to_be_given_up(
      half_open_source_, [](const auto& slot) { return slot.first.first.remote; },
      [&](const auto& slot) { return half_open_.at(slot.second).made; });
  forget_half_open(given_up->second, false);
}

void Responder::read_message1(TimePoint now, UnixTime wall_clock, const Path& from, const Reassembly& reassembly,
                              BytesView message) {
  const Suite& suite = *find_suite(reassembly.suite);
  const StaticKey static_key = credentials_.static_key(suite.algorithms.dh, random_, wall_clock);
  NoiseKeys keys;
  keys.static_key = static_key.pair.clone();
  keys.psks.push_back(credentials_.shared_secret().clone());
  auto noise = NoiseHandshake::create(suite.pattern, suite.protocol_name, suite.algorithms, NoiseRole::responder,
                                      credentials_.prologue(suite.id, credentials_.uuid()), std::move(keys), random_);
  CHECK(noise.has_value());
  wire::Payload1 payload;
  const auto accept = [&](BytesView bytes, const Bytes&) {
    const auto decoded = wire::decode<wire::Payload1>(bytes, "reading message 1");
    if (!decoded) return false;
    payload = *decoded;
    return payload.version == wire::kProtocolVersion && payload.session_index != 0 &&
           payload.handshake_index == reassembly.sender_index;
  };
  if (!noise->read_message(message, accept)) {
    ++counters_.unauthentic;
    return;
  }

  make_half_open_room();
  const std::uint32_t index = indexes_.allocate();
  const std::uint32_t session_index = indexes_.allocate();
  wire::Payload2 answer{session_index, index, credentials_.introduce(static_key, from.remote)};
  Bytes message2 = noise->write_message(wire::encode(answer));
  auto [entry, inserted] = half_open_.emplace(index, HalfOpen{std::move(*noise),
                                                              &suite,
                                                              from,
                                                              reassembly.collector.message_id(),
                                                              random_.u32(),
                                                              reassembly.sender_index,
                                                              payload.session_index,
                                                              session_index,
                                                              std::move(message2),
                                                              reassembly.bytes_received,
                                                              0,
                                                              reassembly.started,
                                                              now,
                                                              now,
                                                              std::nullopt,
                                                              {}});
  CHECK(inserted);
  earlier(deadline_, now + kHalfOpenLifetime);
  half_open_source_[{from, entry->second.message1_id}] = index;
  half_open_session_[session_index] = index;
  ++counters_.started;
  send_message2(now, wall_clock, index, entry->second);
}

void Responder::send_message2(TimePoint now, UnixTime wall_clock, std::uint32_t index, HalfOpen& half_open) {
  wire::SealedHeader header;
  header.type = wire::SealedType::message2;
  header.suite = half_open.suite->id;
  header.time = static_cast<std::uint32_t>(wall_clock.count());
  header.sender_index = index;
  header.message_id = half_open.message2_id;
  auto datagrams =
      seal_message(keys_->to_initiator, half_open.initiator_handshake_index, header, half_open.message2, random_);
  std::size_t size = 0;
  for (const Bytes& datagram : datagrams) size += datagram.size();
  if (half_open.bytes_sent + size > kAmplificationMax * half_open.bytes_received) return;
  half_open.bytes_sent += size;
  half_open.sent = now;
  for (Bytes& datagram : datagrams) outgoing_.push_back({half_open.path, std::move(datagram)});
}

void Responder::receive_indexed(TimePoint now, UnixTime wall_clock, std::uint32_t index, BytesView datagram) {
  if (const auto entry = half_open_.find(index); entry != half_open_.end()) {
    receive_message3(now, wall_clock, index, entry->second, datagram);
  } else if (const auto early = half_open_session_.find(index); early != half_open_session_.end()) {
    hold(half_open_.at(early->second), datagram);
  } else if (const auto finished = finished_.find(index); finished != finished_.end()) {
    const auto opened = open_datagram(keys_->to_responder, true, datagram);
    if (!opened || opened->header.type != wire::SealedType::message3) {
      ++counters_.unauthentic;
    } else if (now - finished->second.told >= kResendInterval) {
      finished->second.told = now;
      unconfirmed_.push_back(finished->second.session_index);
    }
  } else {
    ++counters_.unauthentic;
  }
}

void Responder::hold(HalfOpen& half_open, BytesView packet) {
  if (half_open.held.size() >= kHeldPacketsMax || packet.size() > kHeldPacketSizeMax) {
    ++counters_.full;
    return;
  }
  half_open.held.emplace_back(packet.begin(), packet.end());
}

void Responder::receive_message3(TimePoint now, UnixTime wall_clock, std::uint32_t index, HalfOpen& half_open,
                                 BytesView datagram) {
  const auto opened = open_datagram(keys_->to_responder, true, datagram);
  if (!opened) {
    ++counters_.unauthentic;
    return;
  }
  const wire::SealedHeader& header = opened->header;
  if (header.type != wire::SealedType::message3 || header.suite != half_open.suite->id ||
      header.sender_index != half_open.initiator_handshake_index || header.pieces < 1 || header.pieces > kPiecesMax) {
    ++counters_.unauthentic;
    return;
  }
  auto& collector = half_open.collector;
  if (!collector || collector->message_id() != header.message_id || collector->count() != header.pieces) {
    collector.emplace(header.message_id, header.pieces);
  }
  if (!collector->add(header.piece, opened->piece)) {
    ++counters_.unauthentic;
    return;
  }
  const auto message = collector->message();
  if (!message) return;
  collector.reset();

  wire::Introduction introduction;
  PeerKey peer;
  const auto accept = [&](BytesView bytes, const Bytes& remote_static) {
    auto decoded = wire::decode<wire::Introduction>(bytes, "reading message 3");
    if (!decoded) return false;
    introduction = std::move(*decoded);
    const auto verified = credentials_.verify(introduction, remote_static, wall_clock);
    if (!verified || verified->uuid == credentials_.uuid()) return false;
    peer = *verified;
    return !better_suite_existed(half_open.suite->id, credentials_.suites(), introduction.suites.bytes);
  };
  if (!half_open.noise.read_message(*message, accept)) {
    ++counters_.unauthentic;
    return;
  }
  finish(now, index, half_open, peer, std::move(introduction));
}

void Responder::finish(TimePoint now, std::uint32_t index, HalfOpen& half_open, const PeerKey& peer,
                       wire::Introduction introduction) {
  // The peer was where message 2 went to, or it could not have answered it. Message 3 may come from elsewhere, sent on
  // by somebody who saw it.
  established_.push_back(
      {NoiseRole::responder, half_open.suite, half_open.noise.split(), half_open.noise.handshake_hash(), peer,
       half_open.noise.remote_static(), half_open.session_index, half_open.initiator_session_index, half_open.path,
       Endpoint{introduction.observed_address, introduction.observed_port},
       std::move(introduction.stream_parameters.bytes), now - half_open.started, std::move(half_open.held)});
  ++counters_.completed;
  if (finished_.size() >= options_.half_open_slots) {  // the oldest one's initiator has long heard of us
    const auto oldest = std::min_element(finished_.begin(), finished_.end(), [](const auto& a, const auto& b) {
      return a.second.expires < b.second.expires;
    });
    indexes_.release(oldest->first);
    finished_.erase(oldest);
  }
  finished_.emplace(index, Finished{half_open.session_index, now + kHalfOpenLifetime, now});
  earlier(deadline_, now + kHalfOpenLifetime);
  forget_half_open(index, true);
}

void Responder::forget_half_open(std::uint32_t index, bool session_survives) {
  const auto entry = half_open_.find(index);
  half_open_source_.erase({entry->second.path, entry->second.message1_id});
  half_open_session_.erase(entry->second.session_index);
  if (!session_survives) {
    indexes_.release(entry->second.session_index);
    indexes_.release(index);
  }
  half_open_.erase(entry);
}

std::optional<Transmit> Responder::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  Transmit next = std::move(outgoing_.front());
  outgoing_.pop_front();
  return next;
}

std::optional<Established> Responder::poll_established() {
  if (established_.empty()) return std::nullopt;
  Established next = std::move(established_.front());
  established_.pop_front();
  return next;
}

std::optional<std::uint32_t> Responder::poll_unconfirmed() {
  if (unconfirmed_.empty()) return std::nullopt;
  const std::uint32_t next = unconfirmed_.front();
  unconfirmed_.pop_front();
  return next;
}

void Responder::on_deadline(TimePoint now) {
  deadline_.reset();
  for (auto slot = reassembling_.begin(); slot != reassembling_.end();) {
    const TimePoint end = slot->second.started + kReassemblyLifetime;
    slot = now >= end ? reassembling_.erase(slot) : (earlier(deadline_, end), std::next(slot));
  }
  for (auto entry = half_open_.begin(); entry != half_open_.end();) {
    const std::uint32_t index = entry->first;
    const TimePoint end = entry->second.made + kHalfOpenLifetime;
    ++entry;
    if (now >= end) {
      forget_half_open(index, false);
    } else {
      earlier(deadline_, end);
    }
  }
  for (auto entry = finished_.begin(); entry != finished_.end();) {
    if (now >= entry->second.expires) {
      indexes_.release(entry->first);
      entry = finished_.erase(entry);
    } else {
      earlier(deadline_, entry->second.expires);
      ++entry;
    }
  }
}

std::size_t Responder::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [from, slot] : reassembling_) bytes += slot.collector.memory_bytes() + sizeof slot;
  for (const auto& [index, half_open] : half_open_) {
    // A Noise state holds no more than its key pair, its hashes and, until message 2, the peer's KEM key.
    constexpr std::size_t kNoiseBytes = 2048;
    bytes += sizeof half_open + kNoiseBytes + half_open.message2.size();
    if (half_open.collector) bytes += half_open.collector->memory_bytes();
    for (const Bytes& packet : half_open.held) bytes += packet.size() + sizeof packet;
  }
  return bytes + finished_.size() * (sizeof(Finished) + 64);
}

}  // namespace quantumgate::handshake
