// SPDX-License-Identifier: MIT
/// \file
/// Names for runs of bytes, owned and borrowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace quantumgate {

using Bytes = std::vector<std::byte>;           ///< Bytes that are owned.
using BytesView = std::span<const std::byte>;   ///< Borrowed bytes, read only.
using MutableBytesView = std::span<std::byte>;  ///< Borrowed bytes, writable.

/// The bytes of a text. Borrows `text`.
inline BytesView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Bytes seen as text. Borrows `bytes`; says nothing about the encoding.
inline std::string_view as_text(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace quantumgate
