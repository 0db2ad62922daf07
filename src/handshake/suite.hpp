// SPDX-License-Identifier: MIT
// Suites: the sets of algorithms that a handshake can run with.   Spec: docs/spec/02-handshake.md, section 1.
// Layer: handshake.
#pragma once

#include "handshake/noise.hpp"

namespace quantumgate::handshake {

struct Suite {
  std::uint8_t id;
  std::uint8_t rank;  // higher is better
  std::string_view protocol_name;
  const Pattern& pattern;
  NoiseSuite algorithms;
  bool post_quantum() const noexcept { return algorithms.kem.has_value(); }
};

// Nothing for an id that this version does not know.
const Suite* find_suite(std::uint8_t id) noexcept;
// The ids of all suites, best first.
Bytes all_suites();
// Whether both lists share a suite of a higher rank than `used`: a sign that somebody steered the choice.
bool better_suite_existed(std::uint8_t used, BytesView ours, BytesView theirs) noexcept;

}  // namespace quantumgate::handshake
