// SPDX-License-Identifier: MIT
/// \file
/// Secret bytes: wiped when destroyed, never copied by accident, never printed; and the memory for those that live
/// long. Why it is as it is: docs/design/secrets.md.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "quantumgate/export.h"

namespace quantumgate {

/// Overwrites `bytes` in a way that the compiler does not remove.
QG_EXPORT void wipe(std::span<std::byte> bytes) noexcept;

/// \name Memory for secrets
/// One arena for the process: locked (never written to swap), left out of core files, between guard pages, and all zero
/// in a child of fork(): whoever forks makes its node in the child, or executes another program. It holds up to 256
/// MiB; what does not fit, and single pieces above 16 KiB, lie in ordinary memory. Any thread.
/// \{

/// `size` zero bytes, aligned to 64. Throws std::bad_alloc when there is no memory at all.
QG_EXPORT void* take_secret_memory(std::size_t size);
/// Wipes them and takes them back; `size` as when they were taken.
QG_EXPORT void give_secret_memory(void* memory, std::size_t size) noexcept;

/// How well the secrets of this process are kept.
struct SecretMemory {
  std::size_t taken_bytes = 0;     ///< in use, in the arena
  std::size_t locked_bytes = 0;    ///< of the arena; never shrinks
  std::size_t unlocked_bytes = 0;  ///< of the arena, where the system refused: RLIMIT_MEMLOCK is too small
  std::size_t outside_bytes = 0;   ///< in use in ordinary memory, because the arena was full
};
/// What it is now.
QG_EXPORT SecretMemory secret_memory() noexcept;

/// \}

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

/// Secret bytes whose number is known only at run time, in the memory for secrets.
class SecretBytes {
 public:
  /// None.
  SecretBytes() noexcept = default;
  /// `size` zero bytes, for filling.
  explicit SecretBytes(std::size_t size)
      : bytes_(size == 0 ? nullptr : static_cast<std::byte*>(take_secret_memory(size))), size_(size) {}
  /// A copy of `bytes`; wipe those.
  explicit SecretBytes(std::span<const std::byte> bytes) : SecretBytes(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_);
  }
  /// Leaves `other` empty.
  SecretBytes(SecretBytes&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  /// Wipes what was here and leaves `other` empty.
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      give();
      bytes_ = std::exchange(other.bytes_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { give(); }

  /// A copy.
  SecretBytes clone() const { return SecretBytes(view()); }
  /// How many bytes.
  std::size_t size() const noexcept { return size_; }
  /// Whether there are none.
  bool empty() const noexcept { return size_ == 0; }
  /// Borrowed from this object.
  std::span<const std::byte> view() const noexcept { return {bytes_, size_}; }
  /// Borrowed from this object, for filling it.
  std::span<std::byte> mutable_view() noexcept { return {bytes_, size_}; }

 private:
  void give() noexcept {
    if (bytes_ != nullptr) give_secret_memory(bytes_, size_);
  }

  std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
};

/// A T in the memory for secrets, for what lives long: a Secret in place lies wherever its owner does.
template <class T>
class Guarded {
 public:
  /// A default one.
  Guarded() : Guarded(T()) {}
  /// Takes `value` over.
  explicit Guarded(T value) : held_(::new (take_secret_memory(sizeof(T))) T(std::move(value))) {}

  /// Borrowed from this object. After moving from it there is nothing to borrow.
  T& operator*() noexcept { return *held_; }
  /// Borrowed from this object.
  const T& operator*() const noexcept { return *held_; }
  /// Borrowed from this object.
  T* operator->() noexcept { return held_.get(); }
  /// Borrowed from this object.
  const T* operator->() const noexcept { return held_.get(); }

 private:
  struct Give {
    void operator()(T* held) const noexcept {
      held->~T();
      give_secret_memory(held, sizeof(T));
    }
  };
  std::unique_ptr<T, Give> held_;
};

}  // namespace quantumgate
