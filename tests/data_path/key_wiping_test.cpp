// SPDX-License-Identifier: MIT
// Goal: keys that were replaced are nowhere in the program's memory, and no memory was given back with a key in it.
// Method: operator new, OpenSSL's allocator and the one of the memory for secrets are replaced in this program. Every
// block is searched for the first keys of a session when it is freed, and all that are left after an update's grace
// period, or after the end of the session.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

#include "crypto/aead.hpp"
#include "session/session.hpp"
#include "sim/random.hpp"

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

std::size_t keys_in_memory() {
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

namespace quantumgate::session {
namespace {

struct Nobody final : FrameSink {
  void on_stream_frame(TimePoint, BytesView) override {}
  void on_datagram_frame(TimePoint, BytesView) override {}
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t, BytesView) override { return std::nullopt; }
  void on_control_answer(TimePoint, std::uint32_t, BytesView) override {}
};

struct Indexes final : handshake::IndexAllocator {
  std::uint32_t allocate() override { return next++; }
  void release(std::uint32_t) override {}
  std::uint32_t next = 1000;
};

void look_for(BytesView key) {
  // Two pieces of a long key: half a key is a key found.
  for (std::size_t at = 0; at + kNeedleSize <= key.size(); at += 16) {
    std::ranges::copy(key.subspan(at, kNeedleSize), g_needles.at(g_needle_count++).begin());
  }
}

// The secrets of the handshake. Not on the heap, as a fixture is.
Secret<32> one, two;

struct KeyWipingTest : ::testing::TestWithParam<std::pair<std::uint8_t, crypto::AeadLibrary>> {
  KeyWipingTest() { crypto::use_aead_library(GetParam().second); }
  ~KeyWipingTest() override {
    crypto::use_aead_library(crypto::AeadLibrary::fastest);
    g_needle_count = 0;
  }
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has its own allocator";
#endif
    ASSERT_TRUE(g_openssl_is_watched);
    g_freed_with_key = 0;
    random.fill(one.mutable_view());
    random.fill(two.mutable_view());
    const auto hash = handshake::find_suite(GetParam().first)->algorithms.hash;
    for (const auto* secret : {&one, &two}) {
      const PacketKeys keys = PacketKeys::derive(hash, *secret);
      look_for(secret->view());
      look_for(keys.key.view());
      look_for(keys.iv.view());
      look_for(keys.mask.view());
    }
    alice = make(true);
    bob = make(false);
  }

  std::unique_ptr<Session> make(bool initiator) {
    handshake::Established e;
    e.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
    e.suite = handshake::find_suite(GetParam().first);
    e.secrets = {(initiator ? one : two).clone(), (initiator ? two : one).clone()};
    e.local_index = initiator ? 100 : 200;
    e.remote_index = initiator ? 200 : 100;
    auto session = std::make_unique<Session>(e, indexes, random, KeyLimits{}, now);
    session->send_keepalive();
    return session;
  }

  void carry() {
    for (bool idle = false; !idle;) {
      idle = true;
      for (const auto& [from, to] : {std::pair(alice.get(), bob.get()), std::pair(bob.get(), alice.get())}) {
        Bytes packet(kPacketSizeDefault);
        packet.resize(from->poll_transmit(now, packet));
        if (packet.empty()) continue;
        idle = false;
        to->receive(now, packet, nobody);
      }
    }
  }
  void step() {
    now = std::min(*alice->deadline(), *bob->deadline());
    alice->on_deadline(now);
    bob->on_deadline(now);
    carry();
  }

  sim::SeededRandom random{1};
  Indexes indexes;
  Nobody nobody;
  TimePoint now{};
  std::unique_ptr<Session> alice, bob;
};

TEST_P(KeyWipingTest, AfterTheGracePeriodAndNotBefore) {
  carry();
  EXPECT_GE(keys_in_memory(), 4u) << "a search that finds nothing proves nothing";
  while (alice->key_updates() == 0 && now < TimePoint{} + 1h) step();
  ASSERT_EQ(bob->key_updates(), 1u);
  EXPECT_EQ(alice->receiving_keys() + bob->receiving_keys(), 4u);
  EXPECT_GE(keys_in_memory(), 2u) << "one to receive with at each end";
  const TimePoint end = now + kKeyGrace;
  while (now < end) step();
  EXPECT_LE(now, end + kKeepaliveMax);
  EXPECT_EQ(alice->receiving_keys() + bob->receiving_keys(), 2u);
  EXPECT_EQ(keys_in_memory(), 0u);
  EXPECT_EQ(g_freed_with_key, 0u);
  ASSERT_TRUE(alice->has_keys() && bob->has_keys());
}

TEST_P(KeyWipingTest, AtTheEndOfTheSession) {
  carry();
  EXPECT_GE(keys_in_memory(), 4u);
  alice->close(now, CloseReason::normal);
  carry();
  EXPECT_FALSE(alice->has_keys() || bob->has_keys());
  EXPECT_EQ(keys_in_memory(), 0u);
  EXPECT_EQ(g_freed_with_key, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Ciphers, KeyWipingTest,
    ::testing::Values(std::pair<std::uint8_t, crypto::AeadLibrary>{1, crypto::AeadLibrary::fastest},
                      std::pair<std::uint8_t, crypto::AeadLibrary>{1, crypto::AeadLibrary::openssl},
                      std::pair<std::uint8_t, crypto::AeadLibrary>{5, crypto::AeadLibrary::openssl}));

}  // namespace
}  // namespace quantumgate::session
