// SPDX-License-Identifier: MIT
#include "stream/quic_packet.hpp"

#include <algorithm>
#include <optional>

namespace quantumgate::stream {

namespace {

// Header bits and types of RFC 9000, section 17.
constexpr std::uint8_t kLongForm = 0x80;
constexpr std::uint8_t kFixedBit = 0x40;
constexpr std::uint8_t kLongTypeMask = 0x30;
constexpr std::uint8_t kTypeInitial = 0x00;
constexpr std::uint8_t kTypeRetry = 0x30;
constexpr std::uint8_t kKeyPhaseBit = 0x04;

std::uint8_t octet(BytesView bytes, std::size_t at) noexcept { return std::to_integer<std::uint8_t>(bytes[at]); }

bool all_zero(BytesView bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// Takes a variable-length integer (RFC 9000, section 16) from the front of `bytes`.
std::optional<std::uint64_t> take_varint(BytesView& bytes) noexcept {
  if (bytes.empty()) return std::nullopt;
  const std::size_t size = std::size_t{1} << (octet(bytes, 0) >> 6);
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = octet(bytes, 0) & 0x3F;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | octet(bytes, i);
  bytes = bytes.subspan(size);
  return value;
}

// Takes one long-header packet from the front of `bytes`; false if it is none of ours. `length_field`: where its
// length stands.
bool take_long_packet(BytesView& bytes, BytesView& length_field) noexcept {
  const std::uint8_t first = octet(bytes, 0);
  const std::uint8_t type = first & kLongTypeMask;
  if (!(first & kFixedBit) || type == kTypeRetry || bytes.size() < 7) return false;
  if (octet(bytes, 1) || octet(bytes, 2) || octet(bytes, 3) || octet(bytes, 4) != 1) return false;  // version
  const std::size_t destination_size = octet(bytes, 5);
  bytes = bytes.subspan(6);
  if (destination_size != 0 && destination_size != kFirstConnectionIdSize) return false;
  if (bytes.size() < destination_size + 1) return false;
  if (!all_zero(bytes.first(destination_size))) return false;
  if (octet(bytes, destination_size) != 0) return false;  // source connection id
  bytes = bytes.subspan(destination_size + 1);
  if (type == kTypeInitial) {
    const auto token_size = take_varint(bytes);
    if (!token_size || *token_size > std::min(kInitialTokenSize, bytes.size())) return false;
    if (!all_zero(bytes.first(static_cast<std::size_t>(*token_size)))) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(*token_size));
  }
  length_field = bytes;
  const auto length = take_varint(bytes);
  if (length) length_field = length_field.first(length_field.size() - bytes.size());
  if (!length || *length > bytes.size()) return false;
  bytes = bytes.subspan(static_cast<std::size_t>(*length));
  return true;
}

}  // namespace

bool begins_with_initial(BytesView datagram) noexcept {
  return !datagram.empty() &&
         (octet(datagram, 0) & (kLongForm | kFixedBit | kLongTypeMask)) == (kLongForm | kFixedBit | kTypeInitial);
}

bool announce_padding(MutableBytesView datagram) noexcept {
  if (datagram.size() > kInitialDatagramSize) return false;
  BytesView rest = datagram;
  while (!rest.empty() && (octet(rest, 0) & kLongForm)) {
    BytesView field;
    const BytesView packet = rest;
    if (!take_long_packet(rest, field)) return false;
    if (!rest.empty()) continue;
    BytesView value = field;
    std::uint64_t length = take_varint(value).value_or(0) + kInitialDatagramSize - datagram.size();
    if (length >> (8 * field.size() - 2) != 0) return false;
    const auto out = datagram.subspan(
        datagram.size() - packet.size() + static_cast<std::size_t>(field.data() - packet.data()), field.size());
    const std::byte size_bits = out[0] & std::byte{0xC0};
    for (std::size_t i = out.size(); i-- > 0; length >>= 8) out[i] = static_cast<std::byte>(length);
    out[0] |= size_bits;
  }
  return true;
}

BytesView without_padding(BytesView datagram) noexcept {
  while (!datagram.empty() && datagram.back() == std::byte{0}) datagram = datagram.first(datagram.size() - 1);
  return datagram;
}

BytesView with_padding(BytesView datagram, std::array<std::byte, kInitialDatagramSize>& buffer) noexcept {
  const std::size_t size = std::min(datagram.size(), buffer.size());
  std::ranges::copy(datagram.first(size), buffer.begin());
  std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(size), buffer.end(), std::byte{0});
  return buffer;
}

bool is_used_form(BytesView datagram) noexcept {
  if (datagram.empty()) return false;
  while (!datagram.empty()) {
    const std::uint8_t header = octet(datagram, 0);
    if (!(header & kLongForm)) return (header & kFixedBit) && !(header & kKeyPhaseBit);  // 1-RTT, up to the end
    BytesView length_field;
    if (!take_long_packet(datagram, length_field)) return false;
  }
  return true;
}

}  // namespace quantumgate::stream
