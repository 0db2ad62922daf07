// SPDX-License-Identifier: MIT
// libsodium, initialised. Private to the .cpp files of this folder.   Layer: crypto.   Threads: any.
#pragma once

#include <sodium.h>

#include "base/check.hpp"
#include "crypto/octets.hpp"

namespace quantumgate::crypto {

// Call before any other function of libsodium; cheap after the first time. It picks the fastest code for this CPU.
inline void need_sodium() {
  static const bool ready = sodium_init() >= 0;
  CHECK(ready);
}

}  // namespace quantumgate::crypto
