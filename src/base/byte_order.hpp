// SPDX-License-Identifier: MIT
// Integers as big-endian bytes, the order of every number on the wire.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace quantumgate {

template <std::unsigned_integral T>
constexpr void store_be(T value, std::span<std::byte, sizeof(T)> out) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
}

template <std::unsigned_integral T>
constexpr T load_be(std::span<const std::byte, sizeof(T)> in) noexcept {
  T value = 0;
  for (std::byte b : in) value = static_cast<T>((value << 8) | static_cast<T>(b));
  return value;
}

}  // namespace quantumgate
