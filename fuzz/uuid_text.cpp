// SPDX-License-Identifier: MIT
// Goal: PeerUuid::parse takes any text without fault and accepts version 8 UUIDs only.
// Method: what is accepted is written again, which must give the text in lower case; version and variant are looked at.
#include <string>
#include <string_view>

#include "fuzz/input.hpp"
#include "quantumgate/uuid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantumgate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto uuid = PeerUuid::parse(input);
  if (!uuid) {
    REQUIRE(uuid.error().code == ErrorCode::malformed);
    return 0;
  }
  REQUIRE((uuid->bytes[6] & std::byte{0xf0}) == std::byte{0x80});
  REQUIRE((uuid->bytes[8] & std::byte{0xc0}) == std::byte{0x80});
  std::string lower(input);
  for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  REQUIRE(uuid->to_string() == lower);
  const auto again = PeerUuid::parse(lower);
  REQUIRE(again && *again == *uuid);
  return 0;
}
