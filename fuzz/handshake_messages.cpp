// SPDX-License-Identifier: MIT
// Goal: decoders of the handshake's messages take any bytes without fault, and a message has one encoding.
// Method: the first byte chooses the message. What decodes is encoded again: the same bytes come out, but for reserved
// ones (zeros then) and skipped extensions (left out then), and decode to an equal message.
#include "wire/handshake_messages.hpp"

#include "fuzz/input.hpp"

namespace {

using namespace quantumgate;

// The bytes of `message`, which `bytes` decoded to; nothing if they do not decode.
template <class T>
std::optional<Bytes> encoded_again(BytesView bytes) {
  const auto message = wire::decode<T>(bytes, "fuzzing");
  if (!message) {
    REQUIRE(message.error().code == ErrorCode::malformed);
    return std::nullopt;
  }
  Bytes again = wire::encode(*message);
  const auto second = wire::decode<T>(again, "fuzzing");
  REQUIRE(second && *second == *message);
  return again;
}

bool begins_with(BytesView bytes, BytesView start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

// Every extension of `bytes` may be skipped, and nothing is left behind the last.
bool are_optional_extensions(BytesView bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < 3 || (bytes[0] & std::byte{0x80}) != std::byte{0}) return false;
    const std::size_t length = load_be<std::uint16_t>(bytes.subspan<1, 2>());
    if (bytes.size() < 3 + length) return false;
    bytes = bytes.subspan(3 + length);
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t which = input.u8();
  const BytesView bytes = input.rest();
  switch (which % 4) {
    case 0: {
      const auto again = encoded_again<wire::SealedHeader>(bytes);
      REQUIRE(again.has_value() == (bytes.size() == wire::SealedHeader::kSize));
      if (again) REQUIRE(begins_with(bytes, *again));
      break;
    }
    case 1: {
      const auto again = encoded_again<wire::Payload1>(bytes);
      REQUIRE(again.has_value() == (bytes.size() == wire::Payload1::kSize));
      if (again) REQUIRE(begins_with(bytes, BytesView(*again).first(9)));
      break;
    }
    case 2: {
      const auto again = encoded_again<wire::Introduction>(bytes);
      if (again) REQUIRE(begins_with(bytes, *again) && are_optional_extensions(bytes.subspan(again->size())));
      break;
    }
    case 3: {
      const auto again = encoded_again<wire::Payload2>(bytes);
      if (again) REQUIRE(begins_with(bytes, *again) && are_optional_extensions(bytes.subspan(again->size())));
      break;
    }
  }
  return 0;
}
