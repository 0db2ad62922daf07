// SPDX-License-Identifier: MIT
// Comparison that takes the same time whatever the bytes are.   Layer: crypto.
#pragma once

#include "quantumgate/bytes.h"

namespace quantumgate::crypto {
// False at once when the sizes differ; sizes are not secret.
[[nodiscard]] bool equal(BytesView a, BytesView b) noexcept;
}  // namespace quantumgate::crypto
