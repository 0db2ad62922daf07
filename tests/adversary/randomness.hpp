// SPDX-License-Identifier: MIT
// Whether a set of byte sequences, one for each session, could be nothing but independent random bytes.
#pragma once

#include <string>
#include <vector>

#include "quantumgate/bytes.h"

namespace quantumgate::adversary_test {

// So many samples are needed: 5 of each of the 256 values are expected then, which is what a chi-square test asks for.
inline constexpr std::size_t kSamplesMin = 256 * 5;

// What speaks against randomness, a line for each finding; empty if nothing does. `samples` are of equal length and in
// the order of their sessions. Looked at for each position, by a chi-square test of the 256 values:
//   - the byte itself: constants, text, bytes of small numbers;
//   - its difference to the same byte of the session before: counters and clocks;
//   - its difference to the next byte of the same sample: repetition.
// A test errs once in about 10^9 either way, so what it reports is no accident, with the fixed seeds of tests least.
std::vector<std::string> not_random(const std::vector<Bytes>& samples);

}  // namespace quantumgate::adversary_test
