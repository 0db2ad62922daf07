// SPDX-License-Identifier: MIT
#include "quantumgate/secret.h"

#include <openssl/crypto.h>

namespace quantumgate {
void wipe(std::span<std::byte> bytes) noexcept { OPENSSL_cleanse(bytes.data(), bytes.size()); }
}  // namespace quantumgate
