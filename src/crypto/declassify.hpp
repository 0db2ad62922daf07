// SPDX-License-Identifier: MIT
// Where something computed from secrets becomes public: declassify() says so to the constant-time check, which runs the
// code under valgrind with all secrets marked as undefined (tests/constant_time). In every other build it is nothing.
// Layer: crypto.
#pragma once

#include "quantumgate/bytes.h"

namespace quantumgate::crypto {

#ifdef QG_CONSTANT_TIME_CHECK
void declassify(BytesView bytes) noexcept;  // defined by the program that checks
#else
inline void declassify(BytesView) noexcept {}
#endif

}  // namespace quantumgate::crypto
