// SPDX-License-Identifier: MIT
/// \file
/// An IP address and a port.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "quantumgate/export.h"
#include "quantumgate/result.h"

namespace quantumgate {

/// Holds IPv4 addresses in their IPv6-mapped form, so that equal endpoints compare equal.
struct QG_EXPORT Endpoint {
  std::array<std::byte, 16> ip{};  ///< IPv6, or IPv4 in its mapped form; all zero: any
  std::uint16_t port = 0;          ///< UDP port

  /// 127.0.0.1: reachable from this machine only. Port 0, where an endpoint is bound, takes a free one.
  static Endpoint loopback(std::uint16_t port = 0) noexcept { return v4(127, 0, 0, 1, port); }
  /// 0.0.0.0: all IPv4 addresses of this machine.
  static Endpoint any_v4(std::uint16_t port = 0) noexcept { return v4(0, 0, 0, 0, port); }
  /// [::]: all IPv6 addresses of this machine.
  static Endpoint any_v6(std::uint16_t port = 0) noexcept { return {{}, port}; }
  /// a.b.c.d:port.
  static Endpoint v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) noexcept;

  /// Reads "127.0.0.1:5000" or "[::1]:5000". Numbers only: names are resolved by whoever holds a resolver.
  /// Errors: `malformed`.
  static Result<Endpoint> parse(std::string_view text);

  /// Whether it holds an IPv4 address.
  bool is_v4() const noexcept;
  std::string to_string() const;  ///< "127.0.0.1:5000" or "[::1]:5000"

  /// By address, then by port.
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace quantumgate
