// SPDX-License-Identifier: MIT
#include "handshake/credentials.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "handshake/constants.hpp"
#include "wire/fingerprint.hpp"

namespace quantumgate::handshake {
namespace {
void append(Bytes& to, BytesView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
}  // namespace

StaticKey StaticKey::clone() const { return {pair.clone(), expiry, signature}; }

Credentials::Credentials(const Identity& identity, std::string_view network, const SharedSecret* shared_secret,
                         Bytes suites, Bytes stream_parameters)
    : seed_(identity.seed().clone()),
      identity_key_(identity.public_key()),
      uuid_(identity.uuid()),
      network_hash_(crypto::sha256({as_bytes(network)})),
      suites_(std::move(suites)),
      stream_parameters_(std::move(stream_parameters)) {
  if (shared_secret != nullptr) *shared_secret_ = shared_secret->clone();
}

bool Credentials::enabled(std::uint8_t suite) const noexcept {
  return std::find(suites_.begin(), suites_.end(), std::byte{suite}) != suites_.end();
}

StaticKey Credentials::static_key(crypto::DhAlgorithm algorithm, RandomSource& random, UnixTime now) {
  const auto seconds = static_cast<std::uint64_t>(now.count());
  StaticKey& key = static_keys_[algorithm];  // a new one has expired
  const bool clock_set_back = key.expiry > seconds + kStaticKeyLifetime_s;
  if (key.expiry < seconds + kStaticKeyRenewal_s || clock_set_back) {
    SecretBytes private_key(crypto::dh_size(algorithm));
    random.fill(private_key.mutable_view());
    key.pair = crypto::DhKeyPair::of(algorithm, std::move(private_key));
    key.expiry = seconds + kStaticKeyLifetime_s;
    key.signature = crypto::ed25519_sign(*seed_, signed_text(uuid_, key.pair.public_key, key.expiry));
  }
  return key.clone();
}

wire::Introduction Credentials::introduce(const StaticKey& key, const Endpoint& observed) const {
  wire::Introduction introduction;
  introduction.identity_key = identity_key_;
  introduction.expiry = key.expiry;
  introduction.signature = key.signature;
  introduction.observed_address = observed.ip;
  introduction.observed_port = observed.port;
  introduction.suites.bytes = suites_;
  introduction.stream_parameters.bytes = stream_parameters_;
  return introduction;
}

Result<PeerKey> Credentials::verify(const wire::Introduction& introduction, BytesView static_key, UnixTime now) const {
  constexpr const char* kDoing = "verifying a peer's identity";
  if (introduction.algorithm != wire::kAlgorithmEd25519) return fail(ErrorCode::not_authentic, kDoing);
  const auto seconds = static_cast<std::uint64_t>(now.count());
  const bool expired = introduction.expiry + kClockTolerance_s < seconds;
  const bool too_far_ahead = introduction.expiry > seconds + kStaticKeyLifetimeMax_s;
  if (introduction.expiry > INT64_MAX || expired || too_far_ahead) return fail(ErrorCode::not_authentic, kDoing);

  PeerKey peer;
  peer.identity_key = introduction.identity_key;
  peer.fingerprint = wire::fingerprint_of(introduction.algorithm, introduction.identity_key);
  peer.uuid = PeerUuid::of(peer.fingerprint);
  const Bytes text = signed_text(peer.uuid, static_key, introduction.expiry);
  if (!crypto::ed25519_verify(introduction.identity_key, text, introduction.signature)) {
    return fail(ErrorCode::not_authentic, kDoing);
  }
  return peer;
}

Bytes Credentials::prologue(std::uint8_t suite, const PeerUuid& responder) const {
  Bytes text;
  append(text, as_bytes("QuantumGate handshake v1"));
  text.push_back(std::byte{suite});
  append(text, network_hash_);
  append(text, responder.bytes);
  return text;
}

Bytes Credentials::signed_text(const PeerUuid& uuid, BytesView static_key, std::uint64_t expiry) const {
  std::array<std::byte, 8> expiry_bytes;
  store_be(expiry, std::span(expiry_bytes));
  Bytes text;
  append(text, as_bytes("QuantumGate static key v1"));
  append(text, network_hash_);
  append(text, uuid.bytes);
  append(text, static_key);
  append(text, expiry_bytes);
  return text;
}

}  // namespace quantumgate::handshake
