// SPDX-License-Identifier: MIT
// CHECK(condition): stops the program when our own code has broken a promise; also in release builds.
// Never CHECK anything that a peer, a file or a user supplies.
#pragma once

namespace quantumgate {
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::quantumgate::check_failed(#condition, __FILE__, __LINE__))
