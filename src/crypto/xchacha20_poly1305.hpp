// SPDX-License-Identifier: MIT
// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): an AEAD whose 24-byte nonce may be drawn at random.
// Layer: crypto.   Threads: free functions, any thread.   Constant time.
#pragma once

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

inline constexpr std::size_t kXChaChaNonceSize = 24;
inline constexpr std::size_t kXChaChaTagSize = 16;

// `out` has plaintext.size() + 16 bytes and may start where `plaintext` does.
void xchacha20_poly1305_seal(const Secret<32>& key, std::span<const std::byte, kXChaChaNonceSize> nonce, BytesView aad,
                             BytesView plaintext, MutableBytesView out);

// `out` has sealed.size() - 16 bytes and may start where `sealed` does. False if not authentic; `out` is then zeros.
[[nodiscard]] bool xchacha20_poly1305_open(const Secret<32>& key, std::span<const std::byte, kXChaChaNonceSize> nonce,
                                           BytesView aad, BytesView sealed, MutableBytesView out);

}  // namespace quantumgate::crypto
