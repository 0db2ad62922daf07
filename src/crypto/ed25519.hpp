// SPDX-License-Identifier: MIT
// Ed25519 signatures (RFC 8032).   Layer: crypto.   Threads: any.   Constant time in the seed.
#pragma once

#include <array>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

using Ed25519PublicKey = std::array<std::byte, 32>;
using Ed25519Signature = std::array<std::byte, 64>;

Ed25519PublicKey ed25519_public_key(const Secret<32>& seed);
Ed25519Signature ed25519_sign(const Secret<32>& seed, BytesView message);
[[nodiscard]] bool ed25519_verify(std::span<const std::byte, 32> public_key, BytesView message,
                                  std::span<const std::byte, 64> signature);

}  // namespace quantumgate::crypto
