// SPDX-License-Identifier: MIT
#include "tests/adversary/randomness.hpp"

#include <array>
#include <functional>

namespace quantumgate::adversary_test {
namespace {

// 6 standard deviations from the mean of the chi-square distribution with 255 degrees of freedom, by the approximation
// of Wilson and Hilferty: 255 * (1 - 2 / (9 * 255) +- 6 * sqrt(2 / (9 * 255)))^3.
constexpr double kTooEven = 141.4, kTooUneven = 414.9;

}  // namespace

std::vector<std::string> not_random(const std::vector<Bytes>& samples) {
  if (samples.size() < kSamplesMin) {
    return {std::to_string(samples.size()) + " samples are too few; " + std::to_string(kSamplesMin) + " are needed"};
  }
  std::vector<std::string> findings;
  const std::size_t size = samples.front().size();
  for (const Bytes& sample : samples) {
    if (sample.size() != size) return {"lengths differ"};
  }
  const auto look = [&](const std::string& what, std::size_t first,
                        const std::function<std::byte(std::size_t)>& value) {
    std::array<std::size_t, 256> counts{};
    for (std::size_t i = first; i < samples.size(); ++i) ++counts[std::to_integer<std::size_t>(value(i))];
    const double expected = static_cast<double>(samples.size() - first) / 256;
    double chi_square = 0;
    for (const std::size_t count : counts) {
      const double off = static_cast<double>(count) - expected;
      chi_square += off * off / expected;
    }
    if (chi_square > kTooUneven || chi_square < kTooEven) {
      findings.push_back(what + ": chi-square " + std::to_string(chi_square));
    }
  };
  const auto minus = [](std::byte a, std::byte b) {
    return static_cast<std::byte>(std::to_integer<unsigned>(a) - std::to_integer<unsigned>(b));
  };
  for (std::size_t at = 0; at < size; ++at) {
    const std::string where = "byte " + std::to_string(at) + " of " + std::to_string(size);
    look(where, 0, [&](std::size_t i) { return samples[i][at]; });
    look(where + " less that of the session before", 1,
         [&](std::size_t i) { return minus(samples[i][at], samples[i - 1][at]); });
    if (at + 1 == size) break;
    look(where + " less the next", 0, [&](std::size_t i) { return minus(samples[i][at], samples[i][at + 1]); });
  }
  return findings;
}

}  // namespace quantumgate::adversary_test
