// SPDX-License-Identifier: MIT
// Bytes of users on their way through the node, wiped when their memory is given back, also while they grow.
// Layer: base.   Threads: one object, one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "quantumgate/secret.h"

namespace quantumgate {

template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() noexcept = default;
  template <class U>
  explicit WipingAllocator(const WipingAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(std::as_writable_bytes(std::span(memory, count)));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) noexcept { return true; }
};

using WipedBytes = std::vector<std::byte, WipingAllocator<std::byte>>;

}  // namespace quantumgate
