// SPDX-License-Identifier: MIT
// The 144 bytes of a key file: the seed of an identity, sealed under a pass phrase or, without one, only against
// damage. Spec: docs/spec/01-identity.md, section 6.   Layer: api.   Threads: any; blocks for the Argon2id cost.
// Memory: what the cost says, at most 4 GiB while reading; the derived key and all plain bytes are wiped.
#pragma once

#include "base/random.hpp"
#include "crypto/argon2id.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "quantumgate/secret.h"

namespace quantumgate::api {

inline constexpr std::size_t kKeyFileSize = 144;
inline constexpr std::uint32_t kKeyFilePassesMax = 16;
inline constexpr std::uint32_t kKeyFileMemoryKibMin = 8;
inline constexpr std::uint32_t kKeyFileMemoryKibMax = 4 * 1024 * 1024;

// What a key file asks of a reader before any key is computed.
struct KeyFileCost {
  bool pass_phrase = false;
  crypto::Argon2Cost argon2;  // meaningless without a pass phrase
};

// The bytes of a new key file; secret, since without a pass phrase they hold the seed as good as openly. Salt and nonce
// come from `random`. An empty `pass_phrase` leaves `cost` unused. Error: limit (the memory can not be had).
Result<Secret<kKeyFileSize>> encode_key_file(const Secret<32>& seed, BytesView pass_phrase, crypto::Argon2Cost cost,
                                             RandomSource& random);

// Reads the head alone; costs nothing. Error: malformed, which includes costs out of bounds.
Result<KeyFileCost> key_file_cost(BytesView file);

// The seed. Errors: malformed (also damage where there is no pass phrase to be wrong); wrong_pass_phrase (also one
// given for a file that has none, or none given for one that has, and damage); limit (the memory can not be had).
Result<Secret<32>> decode_key_file(BytesView file, BytesView pass_phrase);

}  // namespace quantumgate::api
