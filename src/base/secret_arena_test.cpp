// SPDX-License-Identifier: MIT
// Goal: secrets lie where the system neither swaps nor dumps nor shares them, apart from each other, wiped when given
// back; and where the system refuses, the program goes on and says so once.
// Method: arenas of our own, one with a system that refuses; what the kernel knows of the pages is read from
// /proc/self/smaps; children of fork() look at, and run over, memory.
#include "base/secret_arena.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>

namespace quantumgate {
namespace {

int refuse(void*, std::size_t) noexcept { return ENOMEM; }

bool all_zero(const void* memory, std::size_t size) {
  const auto* const bytes = static_cast<const std::byte*>(memory);
  return std::all_of(bytes, bytes + size, [](std::byte b) { return b == std::byte{0}; });
}

// The flags of the mapping that holds `address`: "rd wr mr mw me lo dd wf ...".
std::string flags_of(const void* address) {
  const auto wanted = std::bit_cast<std::uintptr_t>(address);
  std::ifstream smaps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    if (std::istringstream range(line); range >> std::hex >> begin >> dash >> end && dash == '-') {
      here = begin <= wanted && wanted < end;
    }
    if (here && line.starts_with("VmFlags:")) return line.substr(8) + " ";
  }
  return "";
}

// How a child ends that does `work`: its exit code, or minus the signal.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    ::_exit(work());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(SecretArena, GivesZeroAlignedMemoryThatNobodyElseHas) {
  SecretArena arena;
  std::mt19937 chance(1);
  struct Piece {
    std::byte* bytes;
    std::size_t size;
    std::byte mark;
  };
  std::vector<Piece> pieces;
  for (int i = 0; i < 20'000; ++i) {
    if (pieces.size() < 500 && chance() % 8 < 5) {
      const std::size_t size = 1 + chance() % (chance() % 4 == 0 ? SecretArena::kSlotSizeMax + 4096 : 300);
      auto* const bytes = static_cast<std::byte*>(arena.take(size));
      ASSERT_EQ(std::bit_cast<std::uintptr_t>(bytes) % SecretArena::kAlignment, 0u);
      ASSERT_TRUE(all_zero(bytes, size));
      pieces.push_back({bytes, size, static_cast<std::byte>(chance() | 1)});
      std::fill_n(bytes, size, pieces.back().mark);
    } else if (!pieces.empty()) {
      std::swap(pieces[chance() % pieces.size()], pieces.back());
      const Piece& piece = pieces.back();
      ASSERT_TRUE(std::all_of(piece.bytes, piece.bytes + piece.size, [&](std::byte b) { return b == piece.mark; }));
      arena.give(piece.bytes, piece.size);
      pieces.pop_back();
    }
  }
  for (const Piece& piece : pieces) arena.give(piece.bytes, piece.size);
  EXPECT_EQ(arena.report().taken_bytes, 0u);
  EXPECT_EQ(arena.report().outside_bytes, 0u);
}

TEST(SecretArena, LosesAtMostAQuarterAndUsesSlotsAgain) {
  SecretArena arena;
  for (std::size_t size = 512; size <= SecretArena::kSlotSizeMax; size += 61) {
    void* const memory = arena.take(size);
    EXPECT_LE(arena.report().taken_bytes, size + size / 4);
    arena.give(memory, size);
  }
  std::set<void*> first;
  for (int i = 0; i < 5000; ++i) first.insert(arena.take(32));
  const SecretMemory before = arena.report();
  for (void* const memory : first) arena.give(memory, 32);
  std::set<void*> second;
  for (int i = 0; i < 5000; ++i) second.insert(arena.take(64));
  EXPECT_EQ(first, second);
  EXPECT_EQ(arena.report().locked_bytes + arena.report().unlocked_bytes, before.locked_bytes + before.unlocked_bytes);
  for (void* const memory : second) arena.give(memory, 64);
}

TEST(SecretArena, TellsTheKernelWhatThePagesHold) {
  SecretArena arena;
  void* const memory = arena.take(32);
  const std::string flags = flags_of(memory);
  if (flags.empty()) GTEST_SKIP() << "this kernel does not show the flags of mappings";
  EXPECT_NE(flags.find(" dd "), std::string::npos) << "in core files: " << flags;
  EXPECT_NE(flags.find(" wf "), std::string::npos) << "in children: " << flags;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they make mlock() do nothing
  if (arena.report().locked_bytes != 0) {
    EXPECT_NE(flags.find(" lo "), std::string::npos) << "not locked: " << flags;
  }
#endif
  arena.give(memory, 32);
}

TEST(SecretArena, IsEmptyInAChildAndWhole) {
  SecretArena arena;
  auto* const memory = static_cast<std::byte*>(arena.take(32));
  std::fill_n(memory, 32, std::byte{7});
  EXPECT_EQ(in_child([&] {
              if (!all_zero(memory, 32)) return 1;
              auto* const more = static_cast<std::byte*>(arena.take(32));
              if (more == memory || !all_zero(more, 32)) return 2;
              arena.give(more, 32);
              arena.give(memory, 32);
              return 0;
            }),
            0);
  EXPECT_EQ(memory[31], std::byte{7});
  arena.give(memory, 32);
}

TEST(SecretArena, StopsWhoRunsOverTheEnd) {
  // Ended by a signal, or before that by the sanitizer.
  EXPECT_NE(in_child([] {
              SecretArena arena;
              auto* const memory = static_cast<volatile char*>(arena.take(64));
              for (std::size_t i = 0; i < 2 * 64 * 1024; ++i) memory[i] = 1;
              return 0;
            }),
            0);
}

TEST(SecretArena, GoesOnWhereTheSystemRefusesAndSaysSoOnce) {
  SecretArena arena(SecretArena::kSlabsMax, refuse);
  EXPECT_FALSE(arena.take_warning());
  void* const one = arena.take(32);
  void* const two = arena.take(1000);
  EXPECT_EQ(arena.report().locked_bytes, 0u);
  EXPECT_EQ(arena.report().unlocked_bytes, 2u * 64 * 1024);
  const auto warning = arena.take_warning();
  ASSERT_TRUE(warning);
  EXPECT_NE(std::string(*warning).find("swap"), std::string::npos);
  EXPECT_FALSE(arena.take_warning());
  arena.give(one, 32);
  arena.give(two, 1000);
}

TEST(SecretArena, GoesOnInOrdinaryMemoryWhenItIsFull) {
  SecretArena arena(1);
  std::vector<void*> taken;
  while (arena.report().outside_bytes == 0) taken.push_back(arena.take(SecretArena::kSlotSizeMax));
  EXPECT_EQ(taken.size(), 4u);  // three slots of 16 KiB in a slab that the canary has made a little smaller
  EXPECT_TRUE(all_zero(taken.back(), SecretArena::kSlotSizeMax));
  const auto warning = arena.take_warning();
  ASSERT_TRUE(warning);
  EXPECT_NE(std::string(*warning).find("full"), std::string::npos);
  for (void* const memory : taken) arena.give(memory, SecretArena::kSlotSizeMax);
  EXPECT_EQ(arena.report().outside_bytes, 0u);
}

TEST(SecretArena, ServesManyThreads) {
  SecretArena arena;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&arena, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::size_t size = 32u << (i % 6);
        auto* const bytes = static_cast<std::byte*>(arena.take(size));
        EXPECT_TRUE(all_zero(bytes, size));
        std::fill_n(bytes, size, static_cast<std::byte>(t + 1));
        EXPECT_EQ(bytes[size - 1], static_cast<std::byte>(t + 1));
        arena.give(bytes, size);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(arena.report().taken_bytes, 0u);
}

TEST(Guarded, LiesInTheMemoryForSecretsAndMovesWithoutACopy) {
  const std::size_t before = secret_memory().taken_bytes;
  {
    Guarded<Secret<32>> one;
    one->mutable_view()[0] = std::byte{5};
    const std::byte* const place = one->view().data();
    EXPECT_EQ(secret_memory().taken_bytes, before + 64);
    const Guarded<Secret<32>> two(std::move(one));
    EXPECT_EQ(two->view().data(), place);
    EXPECT_EQ(two->view()[0], std::byte{5});
    const SecretBytes bytes(two->view());
    EXPECT_EQ(secret_memory().taken_bytes, before + 128);
  }
  EXPECT_EQ(secret_memory().taken_bytes, before);
}

}  // namespace
}  // namespace quantumgate
