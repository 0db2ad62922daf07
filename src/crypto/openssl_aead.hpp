// SPDX-License-Identifier: MIT
// Both AEADs and their header masks by OpenSSL: on every machine. Used by AeadKey and HeaderMask only.
// Layer: crypto.   Threads: each object one thread.   Constant time.
#pragma once

#include <memory>
#include <span>

#include "crypto/aead_cipher.hpp"

namespace quantumgate::crypto {

std::unique_ptr<AeadCipher> make_openssl_cipher(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key);
std::unique_ptr<MaskCipher> make_openssl_mask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key);

}  // namespace quantumgate::crypto
