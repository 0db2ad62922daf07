// SPDX-License-Identifier: MIT
// Replay window: refuses packets that were already seen.
// Spec: docs/spec/03-session.md, section 1.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: borrows nothing.   Memory: 1 KiB, fixed.
#pragma once

#include <array>
#include <cstdint>

#include "session/constants.hpp"

namespace quantumgate::session {

class ReplayWindow {
 public:
  // Accepts `counter` once. False if it was seen before or lies kReplayWindow or more behind the highest.
  // Call only after the packet has been authenticated.
  [[nodiscard]] bool accept(std::uint64_t counter) noexcept {
    if (counter >= next_) {
      // Clear the words between; the word that holds `counter` is new if it lies beyond the one of the last counter.
      const std::uint64_t last_word = next_ == 0 ? 0 : (next_ - 1) / kWordBits;
      const std::uint64_t word = counter / kWordBits;
      for (std::uint64_t w = last_word + 1; w <= word && w <= last_word + kWords; ++w) words_[w % kWords] = 0;
      if (word > last_word + kWords) words_[word % kWords] = 0;
      next_ = counter + 1;
    } else if (next_ - 1 - counter >= kReplayWindow) {
      return false;
    }
    std::uint64_t& word = words_[counter / kWordBits % kWords];
    const std::uint64_t bit = std::uint64_t{1} << counter % kWordBits;
    const bool seen = (word & bit) != 0;
    word |= bit;
    return !seen;
  }

  // The highest accepted counter plus one; 0 before the first.
  std::uint64_t next() const noexcept { return next_; }

 private:
  // One word more than the window, so that the word being filled never holds a counter of the window's far end.
  static constexpr std::uint64_t kWordBits = 64;
  static constexpr std::uint64_t kWords = kReplayWindow / kWordBits + 1;
  std::array<std::uint64_t, kWords> words_{};
  std::uint64_t next_ = 0;
};

}  // namespace quantumgate::session
