// SPDX-License-Identifier: MIT
// Suites: the sets of algorithms that a handshake can run with.   Spec: docs/spec/02-handshake.md, section 1.
// Layer: handshake.
#pragma once

#include <string>

#include "handshake/noise.hpp"

namespace quantumgate::handshake {

struct Suite {
  std::uint8_t id;
  std::uint8_t rank;  // higher is better; no two suites have the same
  std::string_view protocol_name;
  const Pattern& pattern;
  NoiseSuite algorithms;
  bool post_quantum() const noexcept { return algorithms.kem.has_value(); }
};

// The Noise protocol that replaces the keys of a session of this suite: the same algorithms, the pattern kNNhfsPsk0.
std::string key_update_protocol(const Suite& suite);

// Nothing for an id or a name that this version does not know.
const Suite* find_suite(std::uint8_t id) noexcept;
const Suite* find_suite(std::string_view protocol_name) noexcept;
// The ids of all suites, best first.
Bytes all_suites();
// The ids of the suites of these names, best first, each once. invalid_argument if there is none or one is unknown.
Result<Bytes> suites_named(const std::vector<std::string>& protocol_names);
// Whether both lists share a suite of a higher rank than `used`: a sign that somebody steered the choice.
bool better_suite_existed(std::uint8_t used, BytesView ours, BytesView theirs) noexcept;

}  // namespace quantumgate::handshake
