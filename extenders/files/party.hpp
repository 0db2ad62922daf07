// SPDX-License-Identifier: MIT
// One side of one transfer: bytes of the other side in, bytes for it out, files read or written in between. Knows no
// network and no node, so that a conversation can be driven step by step.
// Threads: one at a time; a turn may wait for the disk, but works on at most about 16 MiB.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "extenders/files/types.hpp"
#include "quantumgate/bytes.h"

namespace quantumgate::files {

inline constexpr std::size_t kTurnBytes = 1024 * 1024;           // made for the other side in one turn, about
inline constexpr std::size_t kTurnHashBytes = 16 * 1024 * 1024;  // looked at in one turn
inline constexpr std::size_t kInFlightMax = 64;                  // files asked for and not over yet

// What came of one turn.
struct Turn {
  Bytes output;                    // for the other side, before everything else below
  std::vector<Item> items;         // that are over now
  std::optional<Failure> failure;  // the transfer is broken: tell the other side by resetting the stream
  bool finished = false;           // every item is over: this side says nothing more
  bool more = false;               // there is work left that needs no input, once it may speak
};

class Party {
 public:
  virtual ~Party() = default;
  // Takes `input`, all of it; makes output only if `may_speak`, in the memory of `room`, which is empty. Not called
  // again after a failure or the end.
  virtual Turn turn(BytesView input, bool may_speak, Bytes room) = 0;
  // What is known so far; without id and peer.
  virtual const Transfer& transfer() const noexcept = 0;
  // The manifest is known and accepted.
  virtual bool begun() const noexcept = 0;
};

}  // namespace quantumgate::files
