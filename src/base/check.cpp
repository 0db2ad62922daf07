// SPDX-License-Identifier: MIT
#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace quantumgate {
void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "quantumgate: internal error: %s (%s:%d)\n", condition, file, line);
  std::abort();
}
}  // namespace quantumgate
