// SPDX-License-Identifier: MIT
// What a node shows of itself in handshakes, and the check of what others show.
// Spec: docs/spec/01-identity.md, section 5; 02-handshake.md, section 3.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Ownership: copies of all keys, wiped at the end.
#pragma once

#include <map>

#include "base/random.hpp"
#include "base/time.hpp"
#include "crypto/diffie_hellman.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/identity.h"
#include "quantumgate/shared_secret.h"
#include "quantumgate/uuid.h"
#include "wire/handshake_messages.hpp"

namespace quantumgate::handshake {

using Key32 = std::array<std::byte, 32>;

// A static key of this process, signed by the identity key.
struct StaticKey {
  crypto::DhKeyPair pair;
  std::uint64_t expiry = 0;
  std::array<std::byte, 64> signature{};

  StaticKey clone() const;
};

// A peer whose signature was verified.
struct PeerKey {
  Key32 identity_key{};
  Fingerprint fingerprint;
  PeerUuid uuid;
};

class Credentials {
 public:
  // `network`: the network name. `shared_secret` null: none. `suites`: ids, best first, all known. `stream_parameters`:
  // what the stream layer wants the peer to know (at most 128 bytes).
  Credentials(const Identity& identity, std::string_view network, const SharedSecret* shared_secret, Bytes suites,
              Bytes stream_parameters);

  const PeerUuid& uuid() const noexcept { return uuid_; }
  const Key32& network_hash() const noexcept { return network_hash_; }
  const SharedSecret& shared_secret() const noexcept { return *shared_secret_; }
  const Bytes& suites() const noexcept { return suites_; }
  bool enabled(std::uint8_t suite) const noexcept;

  // A copy of the current static key for `algorithm`; made anew when the old one is 15 days old.
  StaticKey static_key(crypto::DhAlgorithm algorithm, RandomSource& random, UnixTime now);

  // The payload that introduces us to a peer seen at `observed`. `key` is the static key used in that handshake.
  wire::Introduction introduce(const StaticKey& key, const Endpoint& observed) const;

  // Checks a peer's introduction against the static key that the Noise handshake proved. `not_authentic` if the
  // signature, its time or its algorithm is wrong.
  Result<PeerKey> verify(const wire::Introduction& introduction, BytesView static_key, UnixTime now) const;

  // Noise prologue of a handshake with `responder`.
  Bytes prologue(std::uint8_t suite, const PeerUuid& responder) const;

 private:
  Bytes signed_text(const PeerUuid& uuid, BytesView static_key, std::uint64_t expiry) const;

  Guarded<Secret<32>> seed_;
  Key32 identity_key_;
  PeerUuid uuid_;
  Key32 network_hash_;
  Guarded<SharedSecret> shared_secret_;
  Bytes suites_;
  Bytes stream_parameters_;
  std::map<crypto::DhAlgorithm, StaticKey> static_keys_;
};

}  // namespace quantumgate::handshake
