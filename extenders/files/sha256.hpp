// SPDX-License-Identifier: MIT
// SHA-256 of a file as it passes by. Extenders see the public headers only, which offer no hash; so this wraps OpenSSL.
// Threads: one object, one thread.
#pragma once

#include <array>
#include <memory>

#include "quantumgate/bytes.h"

namespace quantumgate::files {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(BytesView bytes);
  std::array<std::byte, 32> finish();  // once

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace quantumgate::files
