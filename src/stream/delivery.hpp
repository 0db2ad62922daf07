// SPDX-License-Identifier: MIT
// What an engine sent, and what has come of it.   Layer: stream.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::stream {

struct Delivery {
  std::uint64_t packets = 0;      // of all kinds
  std::uint64_t sent = 0;         // stream bytes, each once, however often it had to be repeated
  std::uint64_t delivered = 0;    // acknowledged, and all before it on its stream
  std::uint64_t outstanding = 0;  // sent and not delivered, on streams that still exist
  Duration round_trip{};          // smoothed, when the last burst began; zero before
};

}  // namespace quantumgate::stream
