// SPDX-License-Identifier: MIT
// The system's cryptographic random source (OpenSSL's DRBG, seeded by the kernel).   Layer: crypto.   Threads: any.
#pragma once

#include "base/random.hpp"

namespace quantumgate::crypto {
class SystemRandom final : public RandomSource {
 public:
  void fill(MutableBytesView out) override;  // ends the program if the system has no randomness to give
};
}  // namespace quantumgate::crypto
