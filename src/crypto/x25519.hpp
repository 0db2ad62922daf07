// SPDX-License-Identifier: MIT
// X25519 key agreement (RFC 7748).   Layer: crypto.   Threads: any.   Constant time.
#pragma once

#include <array>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

using X25519PublicKey = std::array<std::byte, 32>;

X25519PublicKey x25519_public_key(const Secret<32>& private_key);

// The shared secret; nothing when it is all zeros, which only a malicious public key causes.
std::optional<Secret<32>> x25519(const Secret<32>& private_key, std::span<const std::byte, 32> public_key);

// True for just those public keys with which x25519() gives nothing, whatever the private key is.
[[nodiscard]] bool x25519_has_small_order(std::span<const std::byte, 32> public_key) noexcept;

}  // namespace quantumgate::crypto
