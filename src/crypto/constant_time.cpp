// SPDX-License-Identifier: MIT
#include "crypto/constant_time.hpp"

#include <openssl/crypto.h>

namespace quantumgate::crypto {
bool equal(BytesView a, BytesView b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace quantumgate::crypto
