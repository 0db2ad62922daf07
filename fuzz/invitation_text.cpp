// SPDX-License-Identifier: MIT
// Goal: Invitation::parse takes any text without fault, and what it accepts has one text only.
// Method: what is accepted is written again and must be the same but for blanks around it. As the check would keep a
// fuzzer out, the input is also taken as a payload, and given its check.
#include <algorithm>
#include <string>
#include <string_view>

#include "crypto/hash.hpp"
#include "fuzz/input.hpp"
#include "quantumgate/invitation.h"

namespace {

using namespace quantumgate;

void look_at(std::string_view text) {
  const auto invitation = Invitation::parse(text);
  if (!invitation) {
    REQUIRE(invitation.error().code == ErrorCode::malformed || invitation.error().code == ErrorCode::bad_check_group ||
            invitation.error().code == ErrorCode::unsupported);
    return;
  }
  REQUIRE(!invitation->network.empty() && invitation->network.size() <= 64);
  const std::string again = invitation->to_string();
  const auto reread = Invitation::parse(again);
  REQUIRE(reread && reread->address == invitation->address && reread->network == invitation->network);
  REQUIRE(reread->to_string() == again);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  look_at(input);

  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  Bytes bytes = fuzz::copy(as_bytes(input));
  const auto digest = crypto::sha256({as_bytes("QuantumGate invitation v1"), bytes});
  bytes.insert(bytes.end(), digest.begin(), digest.begin() + 4);
  while (bytes.size() % 3 != 0) bytes.push_back(std::byte{0});  // spoils the check of two sizes in three; fine
  std::string text = "qginvite:";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t word = std::to_integer<std::uint32_t>(bytes[i]) << 16 |
                               std::to_integer<std::uint32_t>(bytes[i + 1]) << 8 |
                               std::to_integer<std::uint32_t>(bytes[i + 2]);
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[word >> shift & 63];
  }
  look_at(text);
  return 0;
}
