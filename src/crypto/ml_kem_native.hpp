// SPDX-License-Identifier: MIT
// Our own ML-KEM (FIPS 203), for systems whose OpenSSL has none (< 3.5). Users call crypto/ml_kem.hpp, which chooses.
// Same contracts as there. Built and tested everywhere, so that the tests compare it with OpenSSL's where both exist.
// Layer: crypto.   Threads: any.   Constant time in seeds, decapsulation keys, messages and shared secrets: checked by
// tests/constant_time.   Memory: about 20 KiB of stack and the SHA-3 contexts of one call; all wiped before it returns.
#pragma once

#include "crypto/ml_kem.hpp"

namespace quantumgate::crypto::native {

Bytes ml_kem_encapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed);
SecretBytes ml_kem_decapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed);
std::optional<Secret<32>> ml_kem_encapsulate(MlKemParameters p, BytesView encapsulation_key, const Secret<32>& m,
                                             MutableBytesView ciphertext);
std::optional<Secret<32>> ml_kem_decapsulate(MlKemParameters p, BytesView decapsulation_key, BytesView ciphertext);

}  // namespace quantumgate::crypto::native
