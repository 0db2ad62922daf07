// SPDX-License-Identifier: MIT
// Ready-made taps: what an attacker on the path, or a broken network, does to datagrams.
// Layer: sim.   Threads: one, the simulator's.
#pragma once

#include <cstdint>

#include "quantumgate/bytes.h"
#include "sim/random.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::sim {

// A copy that differs from `data`: one bit flipped, cut short, made longer, or all bytes drawn anew.
Bytes damaged(BytesView data, SeededRandom& random);

// Delivers every n-th datagram also once damaged, ahead of the true one or after it. `n` > 0; 1 means each.
Tap damage_every(std::uint64_t n, std::uint64_t seed);

// Delivers every n-th datagram a second time, unchanged, `delay` later.
Tap replay_every(std::uint64_t n, Duration delay);

}  // namespace quantumgate::sim
