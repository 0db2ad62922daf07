// SPDX-License-Identifier: MIT
/// \file
/// Secret bytes: wiped when destroyed, never copied by accident, never printed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "quantumgate/export.h"

namespace quantumgate {

/// Overwrites `bytes` in a way that the compiler does not remove.
QG_EXPORT void wipe(std::span<std::byte> bytes) noexcept;

/// N secret bytes in place. Moving wipes the source. There is no copy constructor, no comparison and no formatter:
/// `clone()` says aloud that a copy is made.
template <std::size_t N>
class Secret {
 public:
  /// All zero.
  Secret() noexcept = default;
  /// A copy of `bytes`; wipe those.
  explicit Secret(std::span<const std::byte, N> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  /// Wipes `other`.
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  /// Wipes `other`.
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(bytes_); }

  /// A copy.
  Secret clone() const noexcept { return Secret(std::span<const std::byte, N>(bytes_)); }
  /// N.
  static constexpr std::size_t size() noexcept { return N; }
  /// Borrowed from this object.
  std::span<const std::byte, N> view() const noexcept { return bytes_; }
  /// Borrowed from this object, for filling it.
  std::span<std::byte, N> mutable_view() noexcept { return bytes_; }
  /// Wipes it: all zero.
  void clear() noexcept { wipe(bytes_); }

 private:
  std::array<std::byte, N> bytes_{};
};

/// Secret bytes whose number is known only at run time.
class SecretBytes {
 public:
  /// None.
  SecretBytes() noexcept = default;
  /// `size` zero bytes, for filling.
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  /// A copy of `bytes`; wipe those.
  explicit SecretBytes(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  /// Leaves `other` empty.
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  /// Wipes what was here and leaves `other` empty.
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(bytes_); }

  /// A copy.
  SecretBytes clone() const { return SecretBytes(std::span<const std::byte>(bytes_)); }
  /// How many bytes.
  std::size_t size() const noexcept { return bytes_.size(); }
  /// Whether there are none.
  bool empty() const noexcept { return bytes_.empty(); }
  /// Borrowed from this object.
  std::span<const std::byte> view() const noexcept { return bytes_; }
  /// Borrowed from this object, for filling it.
  std::span<std::byte> mutable_view() noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;  // never grows, so no unwiped copy is left behind
};

}  // namespace quantumgate
