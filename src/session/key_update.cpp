// SPDX-License-Identifier: MIT
#include "session/key_update.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "crypto/hash.hpp"

namespace quantumgate::session {
namespace {

using handshake::NoiseHandshake;
using handshake::NoiseRole;
using handshake::NoiseSplit;
using wire::RekeyPart;

constexpr const char* kReading = "reading a key update";

// What the next update proves to know of all keys so far: an export of both secrets of a handshake.
Secret<32> export_chain(crypto::HashAlgorithm hash, NoiseRole role, const NoiseSplit& secrets) {
  const bool initiator = role == NoiseRole::initiator;
  Secret<64> input;
  std::ranges::copy((initiator ? secrets.sending : secrets.receiving).view(), input.mutable_view().begin());
  std::ranges::copy((initiator ? secrets.receiving : secrets.sending).view(), input.mutable_view().begin() + 32);
  Secret<crypto::kHashSizeMax> prk;
  const MutableBytesView extracted = prk.mutable_view().first(crypto::hash_size(hash));
  crypto::hkdf_extract(hash, as_bytes("QuantumGate key update v1"), input.view(), extracted);
  Secret<32> chain;
  crypto::hkdf_expand(hash, extracted, as_bytes("qg chain"), chain.mutable_view());
  return chain;
}

// What a message of the peer carries. `not_authentic` if it is none.
Result<wire::RekeyPayload> read_payload(NoiseHandshake& noise, BytesView message) {
  wire::RekeyPayload payload;
  const auto accept = [&](BytesView plain, const Bytes&) {
    const auto decoded = wire::decode<wire::RekeyPayload>(plain, kReading);
    if (decoded) payload = *decoded;
    return decoded && payload.index != 0;
  };
  if (const auto read = noise.read_message(message, accept); !read) return fail(read.error());
  return payload;
}

// A message travels in two halves, the first not shorter than the second.
constexpr std::size_t first_half(std::size_t message_size) { return (message_size + 1) / 2; }

BytesView half_of(BytesView message, std::size_t half) {
  const std::size_t cut = first_half(message.size());
  return half == 0 ? message.first(cut) : message.subspan(cut);
}

}  // namespace

KeyUpdate::KeyUpdate(const handshake::Established& established, handshake::IndexAllocator& indexes,
                     RandomSource& random, const KeyLimits& limits, TimePoint now)
    : role_(established.role),
      suite_(*established.suite),
      indexes_(indexes),
      random_(random),
      limits_(limits),
      handshake_hash_(established.handshake_hash),
      chain_(export_chain(suite_.algorithms.hash, role_, established.secrets)),
      made_(now),
      oldest_made_(now) {
  CHECK(limits.update_min <= limits.update_max);
}

NoiseHandshake KeyUpdate::make_noise() {
  Bytes prologue = wire::encode(wire::RekeyHeader{RekeyPart::message1_first, epoch_ + 1});
  prologue.erase(prologue.begin());  // the epoch alone
  const BytesView label = as_bytes("QuantumGate key update v1");
  prologue.insert(prologue.begin(), handshake_hash_.begin(), handshake_hash_.end());
  prologue.insert(prologue.begin(), label.begin(), label.end());
  handshake::NoiseKeys keys;
  keys.psks.push_back(chain_->clone());
  auto noise = NoiseHandshake::create(handshake::kNNhfsPsk0, handshake::key_update_protocol(suite_), suite_.algorithms,
                                      role_, prologue, std::move(keys), random_);
  CHECK(noise.has_value());
  return std::move(*noise);
}

// --- when ---

void KeyUpdate::confirm(TimePoint now) {
  if (confirmed_) return;
  confirmed_ = true;
  confirmed_at_ = now;
  oldest_made_ = made_;
  wanted_ = false;
  due_ = draw_due();
  exchange_.reset();
}

TimePoint KeyUpdate::draw_due() {
  const Duration range = limits_.update_max - limits_.update_min;
  return made_ + limits_.update_min + Duration(random_.below(static_cast<std::uint64_t>(range.count()) + 1));
}

void KeyUpdate::set_times(TimePoint now, Duration min, Duration max) {
  CHECK(min <= max);
  if (limits_.update_min == min && limits_.update_max == max) return;
  limits_.update_min = min;
  limits_.update_max = max;
  if (confirmed_ && !wanted_) due_ = std::max(now, draw_due());
}

void KeyUpdate::want(TimePoint now) {
  if (!confirmed_ || std::exchange(wanted_, true)) return;
  due_ = std::min(due_, now);
}

void KeyUpdate::on_request(TimePoint now, std::uint32_t epoch) {
  CHECK(initiator());
  if (epoch == epoch_) want(now);
}

std::optional<TimePoint> KeyUpdate::due() const {
  if (!confirmed_ || (initiator() && exchange_)) return std::nullopt;
  // Old keys in their grace period are not disturbed, so a session never holds more than two to receive with, and one
  // to come.
  return std::max(due_, confirmed_at_ + kKeyGrace);
}

std::optional<TimePoint> KeyUpdate::deadline() const {
  if (initiator() && exchange_ && !exchange_->sending()) return exchange_->next;
  return due();
}

void KeyUpdate::on_deadline(TimePoint now) {
  if (const auto time = due(); time && now >= *time) {
    if (initiator()) return start(now);
    request_due_ = true;
    due_ = now + kKeyUpdateAskInterval;
  }
  if (initiator() && exchange_ && !exchange_->sending() && now >= exchange_->next) exchange_->half_due = {true, true};
}

// --- the exchange ---

void KeyUpdate::start(TimePoint now) {
  exchange_ = std::make_unique<Exchange>();
  exchange_->index.emplace(indexes_, indexes_.allocate());
  exchange_->noise.emplace(make_noise());
  exchange_->message = exchange_->noise->write_message(wire::encode(wire::RekeyPayload{exchange_->index->value()}));
  exchange_->half_due = {true, true};
  exchange_->next = now;
}

Result<std::optional<KeyUpdate::NewKeys>> KeyUpdate::receive(TimePoint now, BytesView body) {
  if (body.size() < wire::RekeyHeader::kSize) return fail(ErrorCode::malformed, kReading);
  const auto header = wire::decode<wire::RekeyHeader>(body.first(wire::RekeyHeader::kSize), kReading);
  const BytesView bytes = body.subspan(wire::RekeyHeader::kSize);
  if (!header || header->part > RekeyPart::message2_second) return fail(ErrorCode::malformed, kReading);
  const bool message1 = header->part <= RekeyPart::message1_second;
  const std::size_t half = static_cast<std::size_t>(header->part) % 2;
  if (message1 == initiator()) return fail(ErrorCode::malformed, kReading);
  // A copy of what was read already. The initiator sends it as long as it has no answer.
  if (static_cast<std::int32_t>(header->epoch - epoch_) <= 0) {
    const bool unanswered = message1 && exchange_ && header->epoch == epoch_ && !confirmed_;
    if (unanswered && now >= exchange_->next) exchange_->half_due = {true, true};
    return std::nullopt;
  }
  if (header->epoch != epoch_ + 1) return fail(ErrorCode::malformed, kReading);
  return message1 ? receive_message1(now, half, bytes) : receive_message2(now, half, bytes);
}

std::size_t KeyUpdate::message_size(int number) const {
  const crypto::MlKemSizes kem = crypto::ml_kem_sizes(*suite_.algorithms.kem);
  const std::size_t kem_part = number == 1 ? kem.encapsulation_key : kem.ciphertext;
  return crypto::dh_size(suite_.algorithms.dh) + kem_part + wire::RekeyPayload::kSize + 2 * crypto::kAeadTagSize;
}

Result<std::optional<Bytes>> KeyUpdate::collect(std::size_t size, std::size_t half, BytesView bytes) {
  const std::size_t first = first_half(size);
  if (bytes.size() != (half == 0 ? first : size - first)) return fail(ErrorCode::malformed, kReading);
  auto& halves = exchange_->halves;
  if (halves[half].empty()) halves[half].assign(bytes.begin(), bytes.end());
  if (halves[0].empty() || halves[1].empty()) return std::nullopt;
  Bytes message = std::move(halves[0]);
  message.insert(message.end(), halves[1].begin(), halves[1].end());
  halves = {};
  return message;
}

Result<std::optional<KeyUpdate::NewKeys>> KeyUpdate::receive_message1(TimePoint now, std::size_t half,
                                                                      BytesView bytes) {
  // The initiator has not seen a packet of ours under these keys, so it can not replace them.
  if (!confirmed_) return fail(ErrorCode::malformed, kReading);
  // Nobody makes us compute without end.
  if (now < confirmed_at_ + kKeyConfirmedMin) return std::nullopt;
  if (!exchange_) exchange_ = std::make_unique<Exchange>();
  const auto message = collect(message_size(1), half, bytes);
  if (!message) return fail(message.error());
  if (!*message) return std::nullopt;
  NoiseHandshake noise = make_noise();
  const auto payload = read_payload(noise, **message);
  if (!payload) return fail(payload.error());

  ReceiverIndex index(indexes_, indexes_.allocate());
  exchange_->message = noise.write_message(wire::encode(wire::RekeyPayload{index.value()}));
  exchange_->half_due = {true, true};
  return take_keys(now, noise, std::move(index), payload->index);
}

Result<std::optional<KeyUpdate::NewKeys>> KeyUpdate::receive_message2(TimePoint now, std::size_t half,
                                                                      BytesView bytes) {
  if (!exchange_) return fail(ErrorCode::malformed, kReading);  // to what?
  const auto message = collect(message_size(2), half, bytes);
  if (!message) return fail(message.error());
  if (!*message) return std::nullopt;
  const auto payload = read_payload(*exchange_->noise, **message);
  if (!payload) return fail(payload.error());
  const auto exchange = std::move(exchange_);
  return take_keys(now, *exchange->noise, std::move(*exchange->index), payload->index);
}

KeyUpdate::NewKeys KeyUpdate::take_keys(TimePoint now, const NoiseHandshake& noise, ReceiverIndex local_index,
                                        std::uint32_t remote_index) {
  NoiseSplit secrets = noise.split();
  *chain_ = export_chain(suite_.algorithms.hash, role_, secrets);
  ++epoch_;
  confirmed_ = false;
  made_ = now;
  return {std::move(secrets), std::move(local_index), remote_index};
}

std::size_t KeyUpdate::poll_transmit(TimePoint now, MutableBytesView out) {
  if (!exchange_) return 0;
  const auto due = std::ranges::find(exchange_->half_due, true);
  if (due == exchange_->half_due.end()) return 0;
  *due = false;
  const auto half = static_cast<std::size_t>(due - exchange_->half_due.begin());
  const auto part = static_cast<RekeyPart>((initiator() ? 0 : 2) + half);
  const Bytes header = wire::encode(wire::RekeyHeader{part, initiator() ? epoch_ + 1 : epoch_});
  const BytesView bytes = half_of(exchange_->message, half);
  std::ranges::copy(bytes, std::ranges::copy(header, out.begin()).out);
  if (half == 1) {
    const Duration again = kRequestDelays[std::min(exchange_->tries, kRequestDelays.size() - 1)];
    exchange_->next = now + (initiator() ? again : kRekeyResendInterval);
    ++exchange_->tries;
  }
  return header.size() + bytes.size();
}

}  // namespace quantumgate::session
