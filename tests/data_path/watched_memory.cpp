// SPDX-License-Identifier: MIT
#include "tests/data_path/watched_memory.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

namespace {

using quantumgate::BytesView;

// In front of each block; its size keeps every alignment that is asked for.
struct alignas(64) Block {
  Block* before;
  Block* after;
  std::size_t size;
};
Block g_blocks{&g_blocks, &g_blocks, 0};  // a ring; the test has one thread

// What is searched for: pieces of this many bytes. Not on the heap.
constexpr std::size_t kNeedleSize = 12;
std::array<std::array<std::byte, kNeedleSize>, 16> g_needles;
std::size_t g_needle_count = 0;
std::size_t g_freed_with_key = 0;

std::size_t keys_in(const Block& block) {
  const BytesView all(reinterpret_cast<const std::byte*>(&block + 1), block.size);
  std::size_t count = 0;
  for (const auto& needle : std::span(g_needles).first(g_needle_count)) {
    auto found = std::ranges::search(all, needle);
    for (; !found.empty(); found = std::ranges::search(found.end(), all.end(), needle.begin(), needle.end())) ++count;
  }
  return count;
}

std::size_t places_in_memory() {
  std::size_t count = 0;
  for (const Block* block = g_blocks.after; block != &g_blocks; block = block->after) count += keys_in(*block);
  return count;
}

void* allocate(std::size_t size) {
  void* const memory = std::aligned_alloc(alignof(Block), (sizeof(Block) + size + 63) / 64 * 64);
  if (memory == nullptr) std::abort();
  auto* const block = new (memory) Block{&g_blocks, g_blocks.after, size};
  block->after->before = block;
  g_blocks.after = block;
  return block + 1;
}

void release(void* memory) {
  if (memory == nullptr) return;
  Block* const block = static_cast<Block*>(memory) - 1;
  g_freed_with_key += keys_in(*block);
  block->before->after = block->after;
  block->after->before = block->before;
  std::free(block);
}

void* reallocate(void* memory, std::size_t size) {
  void* const fresh = allocate(size);
  if (memory == nullptr) return fresh;
  std::memcpy(fresh, memory, std::min(size, (static_cast<Block*>(memory) - 1)->size));
  release(memory);
  return fresh;
}

// Before anybody uses OpenSSL.
const bool g_openssl_is_watched =
    CRYPTO_set_mem_functions([](std::size_t size, const char*, int) { return allocate(size); },
                             [](void* memory, std::size_t size, const char*, int) { return reallocate(memory, size); },
                             [](void* memory, const char*, int) { release(memory); }) == 1;

}  // namespace

// In place of libsodium's, for the slabs of SecretArena.
extern "C" void* sodium_malloc(std::size_t size) { return allocate(size); }
extern "C" void sodium_free(void* memory) { release(memory); }

void* operator new(std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t) { return allocate(size); }  // none asks for more than 64
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

namespace quantumgate::watched {

void look_for(BytesView secret) {
  // Two pieces of a long key: half a key is a key found.
  for (std::size_t at = 0; at + kNeedleSize <= secret.size(); at += 16) {
    std::ranges::copy(secret.subspan(at, kNeedleSize), g_needles.at(g_needle_count++).begin());
  }
}
void forget() {
  g_needle_count = 0;
  g_freed_with_key = 0;
}
std::size_t places() { return places_in_memory(); }
std::size_t freed_places() { return g_freed_with_key; }
bool openssl_is_watched() { return g_openssl_is_watched; }

}  // namespace quantumgate::watched
