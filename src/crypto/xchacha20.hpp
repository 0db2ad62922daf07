// SPDX-License-Identifier: MIT
// XChaCha20 (draft-irtf-cfrg-xchacha) as a stream: each byte that passes is XORed with the next one of the keystream.
// Authenticates nothing.   Layer: crypto.   Threads: one object, one thread.   Constant time.
#pragma once

#include <array>
#include <cstdint>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

class XChaCha20 {
 public:
  static constexpr std::size_t kNonceSize = 24;

  // A key and a nonce make one stream, from its first byte on: never use them for another text.
  XChaCha20(const Secret<32>& key, std::span<const std::byte, kNonceSize> nonce);

  // In place. Streams of up to 2^64 bytes.
  void apply(MutableBytesView bytes) noexcept;

 private:
  Secret<32> subkey_;
  std::array<std::byte, 8> nonce_;
  std::uint64_t at_ = 0;  // bytes that have passed
};

}  // namespace quantumgate::crypto
