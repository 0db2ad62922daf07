// SPDX-License-Identifier: MIT
// SipHash-2-4: a short keyed hash for tables whose keys strangers choose. Who does not know the key can not make two
// inputs meet in one place.   Layer: crypto.   Threads: any.
#pragma once

#include <cstdint>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

std::uint64_t siphash(const Secret<16>& key, BytesView bytes);

}  // namespace quantumgate::crypto
