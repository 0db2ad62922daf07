// SPDX-License-Identifier: MIT
#include "tests/vectors/report.hpp"

#include <cstdio>

namespace quantumgate::vectors {

void Report::fail(const std::string& name) {
  ++failed_;
  std::printf("%s: FAILED: %s\n", file_.c_str(), name.c_str());
}

bool Report::finish() const {
  unsigned long skipped = 0;
  for (const auto& [reason, n] : skipped_) skipped += n;
  std::printf("%s: %lu passed, %lu failed, %lu skipped\n", file_.c_str(), passed_, failed_, skipped);
  for (const auto& [what, n] : counts_) std::printf("  %s: %lu\n", what.c_str(), n);
  for (const auto& [reason, n] : skipped_) std::printf("  skipped %lu: %s\n", n, reason.c_str());
  if (passed_ + failed_ + skipped == 0) std::printf("  no vectors in it\n");
  return failed_ == 0 && passed_ + skipped > 0;
}

}  // namespace quantumgate::vectors
