// SPDX-License-Identifier: MIT
// Secret bytes: wiped when destroyed, never copied by accident, never printed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "quantumgate/export.h"

namespace quantumgate {

// Overwrites `bytes` in a way that the compiler does not remove.
QG_EXPORT void wipe(std::span<std::byte> bytes) noexcept;

// N secret bytes in place. Moving wipes the source. There is no copy constructor, no comparison and no formatter:
// `clone()` says aloud that a copy is made; `equal()` compares in constant time.
template <std::size_t N>
class Secret {
 public:
  Secret() noexcept = default;
  explicit Secret(std::span<const std::byte, N> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
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

  Secret clone() const noexcept { return Secret(std::span<const std::byte, N>(bytes_)); }
  static constexpr std::size_t size() noexcept { return N; }
  std::span<const std::byte, N> view() const noexcept { return bytes_; }
  std::span<std::byte, N> mutable_view() noexcept { return bytes_; }
  void clear() noexcept { wipe(bytes_); }

 private:
  std::array<std::byte, N> bytes_{};
};

// Secret bytes whose number is known only at run time.
class SecretBytes {
 public:
  SecretBytes() noexcept = default;
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  explicit SecretBytes(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
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

  SecretBytes clone() const { return SecretBytes(std::span<const std::byte>(bytes_)); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  std::span<const std::byte> view() const noexcept { return bytes_; }
  std::span<std::byte> mutable_view() noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;  // never grows, so no unwiped copy is left behind
};

}  // namespace quantumgate
