// SPDX-License-Identifier: MIT
// The memory for secrets: slabs between guard pages, cut into slots, because a page for each key would be too much for
// thousands of sessions. The pages are libsodium's. Why: docs/design/secrets.md.
// Layer: base.   Threads: any.   Memory: slabs of 64 KiB as they are needed, at most kSlabsMax; they stay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "quantumgate/secret.h"

namespace quantumgate {

class SecretArena {
 public:
  static constexpr std::size_t kAlignment = 64;  // of every slot
  static constexpr std::size_t kSlotSizeMax = 16 << 10;
  static constexpr std::size_t kSlabsMax = 4096;  // 256 MiB: 65,536 sessions need 192

  // Asks the system to keep whole pages in memory; 0, or the error number.
  using Lock = int (*)(void* pages, std::size_t size);
  static int lock_pages(void* pages, std::size_t size) noexcept;

  explicit SecretArena(std::size_t slabs_max = kSlabsMax, Lock lock = lock_pages);
  ~SecretArena();  // nothing is in use any more
  SecretArena(const SecretArena&) = delete;
  SecretArena& operator=(const SecretArena&) = delete;

  // As take_secret_memory() and give_secret_memory().
  void* take(std::size_t size);
  void give(void* memory, std::size_t size) noexcept;
  SecretMemory report() const noexcept;

  // Once in the life of the arena, after the first secret that is not kept as it should be: why, as a sentence.
  std::optional<const char*> take_warning() noexcept;

 private:
  struct Slab;
  std::byte* take_slot(std::size_t slot_size);
  Slab* make_slab(std::size_t slot_size);

  const std::size_t slabs_max_;
  const Lock lock_;
  mutable std::mutex mutex_;
  std::map<std::uintptr_t, std::unique_ptr<Slab>> slabs_;      // by the address behind their last byte
  std::map<std::size_t, std::vector<Slab*>> slabs_with_room_;  // by the size of their slots
  SecretMemory report_;
  const char* warning_ = nullptr;
  bool warned_ = false;
};

// The one of this process. Never destroyed: secrets of static objects are given back late.
SecretArena& secret_arena();

// A base for classes whose objects, made by new, are secrets through and through.
class InSecretMemory {
 public:
  static void* operator new(std::size_t size) { return take_secret_memory(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { give_secret_memory(memory, size); }
};

}  // namespace quantumgate
