// SPDX-License-Identifier: MIT
// Hashes, HMAC (RFC 2104) and HKDF (RFC 5869) over SHA-256, SHA-512, BLAKE2s and BLAKE2b (unkeyed, RFC 7693).
// Layer: crypto.   Threads: one object, one thread; free functions any thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

enum class HashAlgorithm : std::uint8_t { sha256, sha512, blake2s, blake2b };

inline constexpr std::size_t kHashSizeMax = 64;
std::size_t hash_size(HashAlgorithm algorithm) noexcept;   // 32 or 64 bytes
std::size_t block_size(HashAlgorithm algorithm) noexcept;  // 64 or 128 bytes, as HMAC needs it

// Incremental hashing, e.g. of a file.
class Hash {
 public:
  explicit Hash(HashAlgorithm algorithm);
  Hash(Hash&&) noexcept;
  Hash& operator=(Hash&&) noexcept;
  ~Hash();
  void update(BytesView bytes);
  // Writes the digest; out.size() must be hash_size(). The object is then ready for the next message.
  void finish(MutableBytesView out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// One-shot: the digest of the parts, one after the other. out.size() must be hash_size().
void hash(HashAlgorithm algorithm, std::initializer_list<BytesView> parts, MutableBytesView out);
std::array<std::byte, 32> sha256(std::initializer_list<BytesView> parts);

// HMAC of the parts. out.size() must be hash_size().
void hmac(HashAlgorithm algorithm, BytesView key, std::initializer_list<BytesView> parts, MutableBytesView out);

// RFC 5869. `prk.size()` must be hash_size(), or for expand any size from 32 on (Noise cuts its secrets to 32 bytes
// with every hash); `out.size()` at most 255 * hash_size().
void hkdf_extract(HashAlgorithm algorithm, BytesView salt, BytesView input, MutableBytesView prk);
void hkdf_expand(HashAlgorithm algorithm, BytesView prk, BytesView info, MutableBytesView out);

}  // namespace quantumgate::crypto
