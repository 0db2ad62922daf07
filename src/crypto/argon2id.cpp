// SPDX-License-Identifier: MIT
#include "crypto/argon2id.hpp"

#include <sodium.h>

#include "crypto/octets.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {

std::optional<Secret<32>> argon2id(BytesView pass_phrase, std::span<const std::byte, 16> salt, Argon2Cost cost) {
  static_assert(crypto_pwhash_argon2id_SALTBYTES == 16);
  constexpr std::uint32_t kPassesMax = 16;
  constexpr std::uint32_t kMemoryKibMin = 8;  // RFC 9106, 3.1, with one lane
  constexpr std::uint32_t kMemoryKibMax = 4 * 1024 * 1024;
  if (cost.passes < 1 || cost.passes > kPassesMax) return std::nullopt;
  if (cost.memory_kib < kMemoryKibMin || cost.memory_kib > kMemoryKibMax) return std::nullopt;
  if (pass_phrase.size() > crypto_pwhash_argon2id_PASSWD_MAX) return std::nullopt;

  need_sodium();
  Secret<32> key;
  const std::uint64_t memory_bytes = std::uint64_t{cost.memory_kib} * 1024;
  if (memory_bytes > crypto_pwhash_argon2id_memlimit_max()) return std::nullopt;
  if (crypto_pwhash_argon2id(octets(key.mutable_view()), key.size(), reinterpret_cast<const char*>(pass_phrase.data()),
                             pass_phrase.size(), octets(salt), cost.passes, static_cast<std::size_t>(memory_bytes),
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return std::nullopt;  // no memory: every other reason was excluded above
  }
  return key;
}

}  // namespace quantumgate::crypto
