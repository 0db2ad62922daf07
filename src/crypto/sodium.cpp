// SPDX-License-Identifier: MIT
#include "crypto/sodium.hpp"

#include <sodium.h>

#include "base/check.hpp"

namespace quantumgate::crypto {
void need_sodium() {
  static const bool ready = sodium_init() >= 0;
  CHECK(ready);
}
}  // namespace quantumgate::crypto
