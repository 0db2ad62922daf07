// SPDX-License-Identifier: MIT
// By libsodium, whose verification takes less than half the time of OpenSSL's.
#include "crypto/ed25519.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "crypto/octets.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {
namespace {

static_assert(crypto_sign_ed25519_SEEDBYTES == 32);
static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == 32);
static_assert(crypto_sign_ed25519_BYTES == 64);

// libsodium's secret key: the seed, then the public key.
struct KeyPair {
  Secret<crypto_sign_ed25519_SECRETKEYBYTES> secret;
  Ed25519PublicKey public_key;

  explicit KeyPair(const Secret<32>& seed) {
    need_sodium();
    CHECK(crypto_sign_ed25519_seed_keypair(octets(std::span(public_key)), octets(secret.mutable_view()),
                                           octets(seed.view())) == 0);
  }
};

}  // namespace

Ed25519PublicKey ed25519_public_key(const Secret<32>& seed) { return KeyPair(seed).public_key; }

Ed25519Signature ed25519_sign(const Secret<32>& seed, BytesView message) {
  const KeyPair pair(seed);
  Ed25519Signature signature;
  CHECK(crypto_sign_ed25519_detached(octets(std::span(signature)), nullptr, octets(message), message.size(),
                                     octets(pair.secret.view())) == 0);
  return signature;
}

bool ed25519_verify(std::span<const std::byte, 32> public_key, BytesView message,
                    std::span<const std::byte, 64> signature) {
  need_sodium();
  return crypto_sign_ed25519_verify_detached(octets(signature), octets(message), message.size(), octets(public_key)) ==
         0;
}

}  // namespace quantumgate::crypto
