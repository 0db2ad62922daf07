// SPDX-License-Identifier: MIT
#include "crypto/system_random.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "crypto/octets.hpp"

namespace quantumgate::crypto {
void SystemRandom::fill(MutableBytesView out) {
  constexpr std::size_t kAtOnce = std::numeric_limits<int>::max();
  while (!out.empty()) {
    const std::size_t size = std::min(out.size(), kAtOnce);
    CHECK(RAND_bytes(octets(out), static_cast<int>(size)) == 1);
    out = out.subspan(size);
  }
}
}  // namespace quantumgate::crypto
