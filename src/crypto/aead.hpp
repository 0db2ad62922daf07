// SPDX-License-Identifier: MIT
// Authenticated encryption with associated data: AES-256-GCM (FIPS 197, SP 800-38D) and ChaCha20-Poly1305 (RFC 8439).
// 32-byte keys, 12-byte nonces, 16-byte tags.   Layer: crypto.
// Threads: one object, one thread.   Ownership: borrows nothing.   Constant time in keys and plaintexts.
#pragma once

#include <cstdint>
#include <memory>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

enum class AeadAlgorithm : std::uint8_t { aes_256_gcm, chacha20_poly1305 };

inline constexpr std::size_t kAeadKeySize = 32;
inline constexpr std::size_t kAeadNonceSize = 12;
inline constexpr std::size_t kAeadTagSize = 16;

// Which library does the work, for AeadKey and HeaderMask objects made from now on, in the whole process: for tests and
// measurements. Both give the same bytes.
enum class AeadLibrary : std::uint8_t {
  fastest,  // the default: ipsec-mb for AES where build and processor allow, else OpenSSL
  openssl,
};
void use_aead_library(AeadLibrary library) noexcept;
AeadLibrary aead_library() noexcept;

class AeadCipher;

// One key, one direction of use; the key schedule is made once and reused for every packet.
class AeadKey {
 public:
  AeadKey(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key);
  AeadKey(AeadKey&&) noexcept;
  AeadKey& operator=(AeadKey&&) noexcept;
  ~AeadKey();  // wipes the key schedule

  // Writes ciphertext ‖ tag to `out`, whose size must be plaintext.size() + 16. `out` may start where `plaintext` does
  // (in place); any other overlap is an error of the caller.
  void seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext, MutableBytesView out);

  // Opens ciphertext ‖ tag into `out`, whose size must be sealed.size() - 16; in place as above. False if it is not
  // authentic or shorter than a tag; `out` then holds zeros.
  [[nodiscard]] bool open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView sealed,
                          MutableBytesView out);

 private:
  std::unique_ptr<AeadCipher> cipher_;
};

}  // namespace quantumgate::crypto
