// SPDX-License-Identifier: MIT
#include "crypto/siphash.hpp"

#include <sodium.h>

#include <array>

#include "base/byte_order.hpp"
#include "base/check.hpp"
#include "crypto/octets.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {
static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);

std::uint64_t siphash(const Secret<16>& key, BytesView bytes) {
  need_sodium();
  std::array<std::byte, 8> out;
  CHECK(crypto_shorthash(octets(MutableBytesView(out)), octets(bytes), bytes.size(), octets(key.view())) == 0);
  return load_be<std::uint64_t>(out);
}

}  // namespace quantumgate::crypto
