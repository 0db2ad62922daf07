// SPDX-License-Identifier: MIT
// Our bytes as C libraries write them. Private to the .cpp files of this folder.   Layer: crypto.
#pragma once

#include <cstddef>
#include <span>

namespace quantumgate::crypto {

template <std::size_t N>
const unsigned char* octets(std::span<const std::byte, N> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
template <std::size_t N>
unsigned char* octets(std::span<std::byte, N> bytes) noexcept {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace quantumgate::crypto
