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
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(BytesView bytes);
  std::array<std::byte, 32> finish();      // once
  std::array<std::byte, 32> peek() const;  // of what came so far; more may come
  void restart();                          // as if nothing had come

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace quantumgate::files
