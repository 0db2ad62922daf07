// SPDX-License-Identifier: MIT
#include "quantumgate/identity.h"

#include "crypto/ed25519.hpp"
#include "crypto/system_random.hpp"
#include "wire/fingerprint.hpp"
#include "wire/handshake_messages.hpp"

namespace quantumgate {

Identity::Identity(Secret<32> seed) : seed_(std::move(seed)) {
  public_key_ = crypto::ed25519_public_key(seed_);
  fingerprint_ = wire::fingerprint_of(wire::kAlgorithmEd25519, public_key_);
  uuid_ = PeerUuid::of(fingerprint_);
}

Identity Identity::generate() {
  Secret<32> seed;
  crypto::SystemRandom().fill(seed.mutable_view());
  return Identity(std::move(seed));
}

Identity Identity::from_seed(Secret<32> seed) { return Identity(std::move(seed)); }

Identity Identity::clone() const { return Identity(seed_.clone()); }

}  // namespace quantumgate
