// SPDX-License-Identifier: MIT
// Bytes written as hexadecimal digits, for tests only.   Layer: crypto.
#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

#include "quantumgate/bytes.h"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {

// Throws std::invalid_argument at anything that is not an even number of hexadecimal digits.
inline Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    throw std::invalid_argument("not a hexadecimal digit");
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("odd number of hexadecimal digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    out.push_back(static_cast<std::byte>((digit(text[i]) << 4) | digit(text[i + 1])));
  }
  return out;
}

inline std::string to_hex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += kDigits[std::to_integer<unsigned>(b) >> 4];
    out += kDigits[std::to_integer<unsigned>(b) & 15];
  }
  return out;
}

// Exactly N bytes. Throws as above, or when there are more or fewer.
template <std::size_t N>
std::array<std::byte, N> array_from_hex(std::string_view text) {
  const Bytes bytes = from_hex(text);
  if (bytes.size() != N) throw std::invalid_argument("wrong number of bytes");
  std::array<std::byte, N> out;
  std::ranges::copy(bytes, out.begin());
  return out;
}

template <std::size_t N = 32>
Secret<N> secret_from_hex(std::string_view text) {
  return Secret<N>(array_from_hex<N>(text));
}

}  // namespace quantumgate::crypto
