// SPDX-License-Identifier: MIT
// ML-KEM (FIPS 203): a post-quantum key encapsulation mechanism; used only mixed with a classical exchange.
// Layer: crypto.   Threads: any.   Constant time in seeds, decapsulation keys, messages and ciphertexts.
// OpenSSL's when it has it (>= 3.5), else our own.
#pragma once

#include <cstdint>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

enum class MlKemParameters : std::uint8_t { ml_kem_768, ml_kem_1024 };

struct MlKemSizes {
  std::size_t encapsulation_key;
  std::size_t decapsulation_key;
  std::size_t ciphertext;
};
constexpr MlKemSizes ml_kem_sizes(MlKemParameters p) noexcept {
  return p == MlKemParameters::ml_kem_768 ? MlKemSizes{1184, 2400, 1088} : MlKemSizes{1568, 3168, 1568};
}
inline constexpr std::size_t kMlKemSeedSize = 64;  // d ‖ z, the preferred private form (FIPS 203, 7.1)

// The encapsulation key of the private seed d ‖ z (ML-KEM.KeyGen_internal).
Bytes ml_kem_encapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed);
// The expanded decapsulation key of the seed.
SecretBytes ml_kem_decapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed);

// Encapsulates with the randomness `m`: fills `ciphertext` (of the size above) and returns the shared secret. Nothing
// when the key has the wrong size or a coefficient that is not reduced (the modulus check of FIPS 203, 7.2).
std::optional<Secret<32>> ml_kem_encapsulate(MlKemParameters p, BytesView encapsulation_key, const Secret<32>& m,
                                             MutableBytesView ciphertext);

// Decapsulates. A damaged ciphertext gives another, unpredictable secret (implicit rejection). Nothing when a size is
// wrong or the key's own hash does not match (FIPS 203, 7.3).
std::optional<Secret<32>> ml_kem_decapsulate(MlKemParameters p, BytesView decapsulation_key, BytesView ciphertext);

}  // namespace quantumgate::crypto
