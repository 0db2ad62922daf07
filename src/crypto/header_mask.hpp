// SPDX-License-Identifier: MIT
// Header protection as in QUIC (RFC 9001, 5.4): five mask bytes from a sample of ciphertext, AES-256 or ChaCha20.
// Layer: crypto.   Threads: one object, one thread.   Constant time.
#pragma once

#include <array>
#include <memory>

#include "crypto/aead.hpp"

namespace quantumgate::crypto {

class MaskCipher;

class HeaderMask {
 public:
  // AES-256-ECB of the sample for aes_256_gcm; for chacha20_poly1305 a ChaCha20 block whose counter (little-endian) and
  // nonce are the sample's first 4 and last 12 bytes.
  HeaderMask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key);
  HeaderMask(HeaderMask&&) noexcept;
  HeaderMask& operator=(HeaderMask&&) noexcept;
  ~HeaderMask();
  std::array<std::byte, 5> operator()(std::span<const std::byte, 16> sample);

 private:
  std::unique_ptr<MaskCipher> cipher_;
};

}  // namespace quantumgate::crypto
