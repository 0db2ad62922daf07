// SPDX-License-Identifier: MIT
// Cookies: proof that a dialling node receives at its address, without keeping anything for it.
// Spec: docs/spec/02-handshake.md, section 6.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Memory: two secrets.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/secret.h"
#include "wire/handshake_messages.hpp"

namespace quantumgate::handshake {

class CookieJar {
 public:
  explicit CookieJar(RandomSource& random) : random_(random) {}

  wire::Cookie make(TimePoint now, const Endpoint& source, std::uint32_t sender_index);
  // The cookie to be sent; nothing if the one shown is right: then no more is asked. Constant time in the cookies.
  std::optional<wire::Cookie> demand(TimePoint now, const Endpoint& source, std::uint32_t sender_index,
                                     const wire::Cookie& shown);

  // The function itself, as the spec defines it.
  static wire::Cookie compute(const Secret<32>& secret, const Endpoint& source, std::uint32_t sender_index);

 private:
  void rotate(TimePoint now);

  RandomSource& random_;
  Secret<32> current_;
  Secret<32> previous_;
  TimePoint since_{};
  bool started_ = false;
};

}  // namespace quantumgate::handshake
