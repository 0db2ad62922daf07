// SPDX-License-Identifier: MIT
// What stands behind AeadKey and HeaderMask: one implementation for each library that can do it.
// Private to the .cpp files of this folder.   Layer: crypto.
#pragma once

#include <array>
#include <cstddef>

#include "crypto/aead.hpp"

namespace quantumgate::crypto {

// Wipes its key schedule when it is destroyed.
class AeadCipher {
 public:
  virtual ~AeadCipher() = default;
  // Sizes have been checked; `out` begins where `plaintext` does, or they do not overlap.
  virtual void seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext,
                    MutableBytesView out, std::span<std::byte, kAeadTagSize> tag) = 0;
  // False if `tag` is not that of `ciphertext`; `out` then holds anything.
  virtual bool open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView ciphertext,
                    std::span<const std::byte, kAeadTagSize> tag, MutableBytesView out) = 0;
};

class MaskCipher {
 public:
  virtual ~MaskCipher() = default;
  virtual std::array<std::byte, 5> mask(std::span<const std::byte, 16> sample) = 0;
};

}  // namespace quantumgate::crypto
