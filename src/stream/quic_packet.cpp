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
constexpr std::uint8_t kNumberSizeMask = 0x03;

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

}  // namespace

bool begins_with_initial(BytesView datagram) noexcept {
  return !datagram.empty() &&
         (octet(datagram, 0) & (kLongForm | kFixedBit | kLongTypeMask)) == (kLongForm | kFixedBit | kTypeInitial);
}

bool announce_padding(MutableBytesView datagram) noexcept {
  if (datagram.size() > kInitialDatagramSize) return false;
  BytesView rest = datagram;
  while (!rest.empty()) {
    const std::size_t at = datagram.size() - rest.size();
    const auto packet = take_packet(rest);
    if (!packet) return false;
    if (!rest.empty() || packet->length_size == 0) continue;  // not the last one, or one that goes up to the end
    BytesView field = packet->bytes.subspan(packet->length_offset, packet->length_size);
    std::uint64_t length = take_varint(field).value_or(0) + kInitialDatagramSize - datagram.size();
    if (length >> (8 * packet->length_size - 2) != 0) return false;
    const auto out = datagram.subspan(at + packet->length_offset, packet->length_size);
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

std::optional<Packet> take_packet(BytesView& datagram) noexcept {
  if (datagram.empty()) return std::nullopt;
  const std::uint8_t first = octet(datagram, 0);
  if (!(first & kFixedBit)) return std::nullopt;
  Packet packet{PacketType::one_rtt, datagram};
  packet.number_size = (first & kNumberSizeMask) + 1u;
  BytesView rest = datagram.subspan(1);
  if (first & kLongForm) {
    const std::uint8_t type = first & kLongTypeMask;
    if (type == kTypeRetry || rest.size() < 6) return std::nullopt;
    packet.type = static_cast<PacketType>(type >> 4);
    if (octet(rest, 0) || octet(rest, 1) || octet(rest, 2) || octet(rest, 3) != 1) return std::nullopt;  // version
    const std::size_t destination_size = octet(rest, 4);
    rest = rest.subspan(5);
    if (destination_size != 0 && destination_size != kFirstConnectionIdSize) return std::nullopt;
    if (rest.size() < destination_size + 1 || !all_zero(rest.first(destination_size))) return std::nullopt;
    if (octet(rest, destination_size) != 0) return std::nullopt;  // source connection id
    rest = rest.subspan(destination_size + 1);
    if (packet.type == PacketType::initial) {
      const auto token_size = take_varint(rest);
      if (!token_size || *token_size > std::min(kInitialTokenSize, rest.size())) return std::nullopt;
      if (!all_zero(rest.first(static_cast<std::size_t>(*token_size)))) return std::nullopt;
      rest = rest.subspan(static_cast<std::size_t>(*token_size));
    }
    packet.length_offset = static_cast<std::size_t>(rest.data() - datagram.data());
    const auto length = take_varint(rest);
    if (!length || *length > rest.size()) return std::nullopt;
    packet.length_size = static_cast<std::size_t>(rest.data() - datagram.data()) - packet.length_offset;
    rest = rest.first(static_cast<std::size_t>(*length));
    packet.bytes = datagram.first(static_cast<std::size_t>(rest.data() - datagram.data()) + rest.size());
  } else if (first & kKeyPhaseBit) {
    return std::nullopt;
  }
  if (rest.size() < packet.number_size) return std::nullopt;
  for (std::size_t i = 0; i < packet.number_size; ++i) packet.number = packet.number << 8 | octet(rest, i);
  datagram = datagram.subspan(packet.bytes.size());
  return packet;
}

}  // namespace quantumgate::stream
