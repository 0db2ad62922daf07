// SPDX-License-Identifier: MIT
// The part of an address that one owner of addresses usually has at least: 24 bits of IPv4, 48 of IPv6. Strangers are
// told apart by it.   Spec: docs/spec/02-handshake.md, section 6.   Layer: handshake.   Threads: any.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "quantumgate/endpoint.h"

namespace quantumgate::handshake {

using Prefix = std::array<std::byte, 15>;  // the rest is zeros

inline Prefix prefix_of(const Endpoint& endpoint) noexcept {
  Prefix prefix{};
  std::copy_n(endpoint.ip.begin(), endpoint.is_v4() ? 15 : 6, prefix.begin());
  return prefix;
}

}  // namespace quantumgate::handshake
