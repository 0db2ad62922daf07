// SPDX-License-Identifier: MIT
// Goal: the text of a shared secret is read without fault, strictly, and survives a round trip.
// Method: what is accepted is written again, which must give the text in lower case.
#include "api/shared_secret_text.hpp"

#include "fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantumgate;
  const BytesView text = fuzz::Input(data, size).rest();
  const auto secret = api::decode_shared_secret(text);
  if (!secret) {
    REQUIRE(secret.error().code == ErrorCode::malformed);
    return 0;
  }
  Bytes lower = fuzz::copy(text);
  for (std::byte& c : lower) c = c >= std::byte{'A'} && c <= std::byte{'F'} ? c | std::byte{0x20} : c;
  REQUIRE(std::ranges::equal(api::encode_shared_secret(*secret).view(), lower));
  return 0;
}
