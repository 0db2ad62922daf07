// SPDX-License-Identifier: MIT
// Goal: Address::parse takes any text without fault; what it accepts survives a round trip, and what it calls a typing
// error is one.
// Method: an accepted text is written and read again. With the right check characters put in, a text that was refused
// for those alone must be accepted.
#include "quantumgate/address.h"

#include <string>
#include <string_view>

#include "fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantumgate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto address = Address::parse(input);
  if (address) {
    REQUIRE(address->hosts.size() <= 8);
    for (const auto& [host, port] : address->hosts) REQUIRE(!host.empty() && host.size() <= 253 && port != 0);
    const std::string text = address->to_string();
    const auto again = Address::parse(text);
    REQUIRE(again && *again == *address && again->to_string() == text);
  } else if (address.error().code == ErrorCode::bad_check_group) {
    constexpr std::size_t kUuidAt = 5, kUuidSize = 36, kCheckAt = kUuidAt + kUuidSize + 1;
    REQUIRE(size >= kCheckAt + 2);
    const auto uuid = PeerUuid::parse(input.substr(kUuidAt, kUuidSize));
    REQUIRE(uuid);
    std::string corrected(input);
    corrected.replace(kCheckAt, 2, Address{*uuid, {}}.to_string().substr(kCheckAt, 2));
    REQUIRE(corrected != input && Address::parse(corrected));
  } else {
    REQUIRE(address.error().code == ErrorCode::malformed);
  }
  return 0;
}
