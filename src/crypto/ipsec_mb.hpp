// SPDX-License-Identifier: MIT
// AES-256-GCM and header masks by Intel's ipsec-mb, which is several times faster than OpenSSL 3.0 where the processor
// has wide AES instructions. Used by AeadKey and HeaderMask only.
// Layer: crypto.   Threads: each object one thread.   Constant time.
#pragma once

#include <memory>
#include <span>

#include "crypto/aead_cipher.hpp"

namespace quantumgate::crypto {

// Null where this build or this processor can not: then OpenSSL does it.
std::unique_ptr<AeadCipher> make_ipsec_mb_cipher(std::span<const std::byte, kAeadKeySize> key);
std::unique_ptr<MaskCipher> make_ipsec_mb_mask(std::span<const std::byte, 32> key);

}  // namespace quantumgate::crypto
