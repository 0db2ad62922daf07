// SPDX-License-Identifier: MIT
// Goal: Endpoint::parse takes any text without fault, and what it accepts survives a round trip.
// Method: an accepted text is written and read again; the endpoint must be equal and the second text the same. What is
// accepted consists of the characters of an address only.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "quantumgate/endpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using quantumgate::Endpoint;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto endpoint = Endpoint::parse(input);
  if (!endpoint) return 0;
  if (input.find_first_not_of("0123456789abcdefABCDEF.:[]") != std::string_view::npos) std::abort();
  const auto text = endpoint->to_string();
  const auto again = Endpoint::parse(text);
  if (!again || *again != *endpoint || again->to_string() != text) std::abort();
  return 0;
}
