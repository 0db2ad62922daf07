// SPDX-License-Identifier: MIT
#include "base/secret_arena.hpp"

#include <sodium.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/check.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define QG_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QG_ADDRESS_SANITIZER
#endif
#endif
#ifdef QG_ADDRESS_SANITIZER
extern "C" void __asan_poison_memory_region(const volatile void* begin, std::size_t size);
extern "C" void __asan_unpoison_memory_region(const volatile void* begin, std::size_t size);
#endif

namespace quantumgate {
namespace {

// sodium_malloc puts its canary right before what it returns and a guard page right behind. With this size that is 64
// bytes from the beginning of a page, so that all slots are aligned, whatever size pages have.
constexpr std::size_t kSlabSize = (64 << 10) - SecretArena::kAlignment;
constexpr std::size_t kSlotsMax = kSlabSize / SecretArena::kAlignment;

// The next size up of four in each power of two: at most a quarter is lost.
std::size_t slot_size_for(std::size_t size) {
  const std::size_t step = std::max(SecretArena::kAlignment, std::bit_ceil(size) / 8);
  return (size + step - 1) / step * step;
}

// So that the sanitizer finds who uses a slot that is not his.
void close_slot([[maybe_unused]] void* slot, [[maybe_unused]] std::size_t size) {
#ifdef QG_ADDRESS_SANITIZER
  __asan_poison_memory_region(slot, size);
#endif
}
void open_slot([[maybe_unused]] void* slot, [[maybe_unused]] std::size_t size) {
#ifdef QG_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(slot, size);
#endif
}

}  // namespace

struct SecretArena::Slab {
  std::byte* memory;
  std::size_t slot_size;
  std::size_t free_slots;
  std::array<std::uint64_t, (kSlotsMax + 63) / 64> taken{};  // a bit for each slot

  Slab(std::byte* the_memory, std::size_t the_slot_size)
      : memory(the_memory), slot_size(the_slot_size), free_slots(kSlabSize / the_slot_size) {}
  ~Slab() {
    open_slot(memory, kSlabSize);
    sodium_free(memory);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  std::byte* take() {
    const auto word = std::ranges::find_if(taken, [](std::uint64_t bits) { return ~bits != 0; });
    const auto bit = static_cast<std::size_t>(std::countr_one(*word));
    *word |= std::uint64_t{1} << bit;
    --free_slots;
    return memory + (static_cast<std::size_t>(word - taken.begin()) * 64 + bit) * slot_size;
  }
  void give(const std::byte* slot) {
    const auto offset = static_cast<std::size_t>(slot - memory);
    const std::size_t number = offset / slot_size;
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    CHECK(offset % slot_size == 0 && (taken[number / 64] & bit) != 0);
    taken[number / 64] &= ~bit;
    ++free_slots;
  }
};

int SecretArena::lock_pages(void* pages, std::size_t size) noexcept { return ::mlock(pages, size) == 0 ? 0 : errno; }

SecretArena::SecretArena(std::size_t slabs_max, Lock lock) : slabs_max_(slabs_max), lock_(lock) {
  CHECK(sodium_init() >= 0);
}

SecretArena::~SecretArena() { CHECK(report_.taken_bytes == 0 && report_.outside_bytes == 0); }

SecretArena::Slab* SecretArena::make_slab(std::size_t slot_size) {
  if (slabs_.size() == slabs_max_) return nullptr;
  auto* const memory = static_cast<std::byte*>(sodium_malloc(kSlabSize));
  if (memory == nullptr) return nullptr;
  CHECK(std::bit_cast<std::uintptr_t>(memory) % kAlignment == 0);
  std::memset(memory, 0, kSlabSize);
  // sodium_malloc has tried to lock it, and does not say whether that succeeded; doing it again costs nothing. It has
  // left the pages out of core files, too.
  std::byte* const pages = memory - kAlignment;
  constexpr std::size_t kPagesSize = kSlabSize + kAlignment;
  const bool locked = lock_(pages, kPagesSize) == 0;
#ifdef MADV_WIPEONFORK
  (void)::madvise(pages, kPagesSize, MADV_WIPEONFORK);  // Linux before 4.14 has none
#endif
  (locked ? report_.locked_bytes : report_.unlocked_bytes) += kPagesSize;
  if (!locked && warning_ == nullptr) {
    warning_ =
        "the system refuses to lock the memory of keys: they may be written to swap. See 'qgate doctor', or "
        "raise RLIMIT_MEMLOCK.";
  }
  close_slot(memory, kSlabSize);
  auto slab = std::make_unique<Slab>(memory, slot_size);
  Slab* const made = slab.get();
  slabs_[std::bit_cast<std::uintptr_t>(memory + kSlabSize)] = std::move(slab);
  slabs_with_room_[slot_size].push_back(made);
  return made;
}

std::byte* SecretArena::take_slot(std::size_t slot_size) {
  std::vector<Slab*>& with_room = slabs_with_room_[slot_size];
  Slab* const slab = with_room.empty() ? make_slab(slot_size) : with_room.back();
  if (slab == nullptr) return nullptr;
  std::byte* const slot = slab->take();
  if (slab->free_slots == 0) with_room.pop_back();
  report_.taken_bytes += slot_size;
  return slot;
}

void* SecretArena::take(std::size_t size) {
  if (size <= kSlotSizeMax) {
    const std::lock_guard guard(mutex_);
    if (std::byte* const slot = take_slot(slot_size_for(size))) {
      open_slot(slot, size);
      return slot;
    }
    report_.outside_bytes += size;
    if (warning_ == nullptr) warning_ = "the memory for keys is full: further ones are kept in ordinary memory.";
  }
  void* const memory = ::operator new(size, std::align_val_t(kAlignment));
  std::memset(memory, 0, size);
  return memory;
}

void SecretArena::give(void* memory, std::size_t size) noexcept {
  auto* const bytes = static_cast<std::byte*>(memory);
  wipe({bytes, size});
  if (size <= kSlotSizeMax) {
    const std::lock_guard guard(mutex_);
    const auto above = slabs_.upper_bound(std::bit_cast<std::uintptr_t>(bytes));
    if (above != slabs_.end() && above->second->memory <= bytes) {
      Slab& slab = *above->second;
      CHECK(slab.slot_size == slot_size_for(size));
      slab.give(bytes);
      close_slot(bytes, slab.slot_size);
      if (slab.free_slots == 1) slabs_with_room_[slab.slot_size].push_back(&slab);
      report_.taken_bytes -= slab.slot_size;
      return;
    }
    report_.outside_bytes -= size;
  }
  ::operator delete(memory, std::align_val_t(kAlignment));
}

SecretMemory SecretArena::report() const noexcept {
  const std::lock_guard guard(mutex_);
  return report_;
}

std::optional<const char*> SecretArena::take_warning() noexcept {
  const std::lock_guard guard(mutex_);
  if (warned_ || warning_ == nullptr) return std::nullopt;
  warned_ = true;
  return warning_;
}

SecretArena& secret_arena() {
  static auto* const arena = new SecretArena;
  return *arena;
}

void* take_secret_memory(std::size_t size) { return secret_arena().take(size); }
void give_secret_memory(void* memory, std::size_t size) noexcept { secret_arena().give(memory, size); }
SecretMemory secret_memory() noexcept { return secret_arena().report(); }

}  // namespace quantumgate
