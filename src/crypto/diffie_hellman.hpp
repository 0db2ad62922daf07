// SPDX-License-Identifier: MIT
// X25519 and X448 key agreement (RFC 7748).   Layer: crypto.   Threads: any.   Constant time in private keys.
#pragma once

#include <cstdint>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

enum class DhAlgorithm : std::uint8_t { x25519, x448 };

// Of private keys, public keys and shared secrets alike.
constexpr std::size_t dh_size(DhAlgorithm algorithm) noexcept { return algorithm == DhAlgorithm::x25519 ? 32 : 56; }

// All keys below have dh_size() bytes (CHECKed).

Bytes dh_public_key(DhAlgorithm algorithm, BytesView private_key);

// The shared secret; nothing when it is all zeros, which only a malicious public key causes.
std::optional<SecretBytes> dh(DhAlgorithm algorithm, BytesView private_key, BytesView public_key);

// True for just those public keys with which dh() gives nothing, whatever the private key is.
[[nodiscard]] bool dh_has_small_order(DhAlgorithm algorithm, BytesView public_key) noexcept;

// A private key and its public key, which costs as much to compute as a shared secret.
struct DhKeyPair {
  SecretBytes private_key;
  Bytes public_key;

  static DhKeyPair of(DhAlgorithm algorithm, SecretBytes private_key);
  DhKeyPair clone() const { return {private_key.clone(), public_key}; }
};

}  // namespace quantumgate::crypto
