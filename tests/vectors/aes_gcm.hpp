// SPDX-License-Identifier: MIT
// AES-GCM with keys and nonces of every size, for vectors that the product's AeadKey does not take. Straight on
// OpenSSL.
#pragma once

#include <optional>

#include "quantumgate/bytes.h"

namespace quantumgate::vectors {

inline constexpr std::size_t kAesGcmIvSizeMax = 128;  // OpenSSL's limit

// Ciphertext ‖ tag (16 bytes), or the plaintext. Nothing when the sizes are not allowed or it is not authentic.
std::optional<Bytes> aes_gcm_seal(BytesView key, BytesView iv, BytesView aad, BytesView plaintext);
std::optional<Bytes> aes_gcm_open(BytesView key, BytesView iv, BytesView aad, BytesView sealed);

}  // namespace quantumgate::vectors
