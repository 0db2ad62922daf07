// SPDX-License-Identifier: MIT
// The QUIC packet forms that a session carries, told from their clear headers before the engine sees them; and the
// zero padding that opening flights travel without.
// Spec: docs/spec/04-streams.md, section 3.   Layer: stream (sans-I/O).
// Threads: pure functions.   Ownership: borrows for the call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "quantumgate/bytes.h"

namespace quantumgate::stream {

// QUIC's smallest datagram that may carry an Initial packet (RFC 9000, section 14.1).
inline constexpr std::size_t kInitialDatagramSize = 1200;
// The Destination Connection ID of a client until it has heard its server: all zeros.
inline constexpr std::size_t kFirstConnectionIdSize = 8;
// The token of every Initial packet of a client: zeros. A server sends none.
inline constexpr std::size_t kInitialTokenSize = 1;

// True if `datagram` begins with the header byte of an Initial packet.
bool begins_with_initial(BytesView datagram) noexcept;

// Makes the last packet of `datagram`, which begins with an Initial packet, as long as if zeros up to
// kInitialDatagramSize followed: in its clear header, where it has a length. False if the datagram is too long or the
// length does not fit its field.
bool announce_padding(MutableBytesView datagram) noexcept;

// `datagram`, which begins with an Initial packet, without its trailing zero bytes.
BytesView without_padding(BytesView datagram) noexcept;

// `datagram` with zeros up to kInitialDatagramSize, in `buffer`. At most that many bytes are taken.
BytesView with_padding(BytesView datagram, std::array<std::byte, kInitialDatagramSize>& buffer) noexcept;

enum class PacketType : std::uint8_t { initial, early, handshake, one_rtt };

struct Packet {
  PacketType type;
  BytesView bytes;                // the whole packet
  std::uint32_t number = 0;       // as far as it was sent
  std::size_t number_size = 0;    // bytes of it, 1 to 4
  std::size_t length_offset = 0;  // where the length stands; long headers only
  std::size_t length_size = 0;
};

// Takes the first packet off `datagram`; nullopt if it is none that this protocol uses: version 1; Initial, 0-RTT,
// Handshake or 1-RTT; no token and no connection id but those of zeros; key phase 0. That leaves out Version
// Negotiation, Retry, key updates and cleared fixed bits before any state is touched.
std::optional<Packet> take_packet(BytesView& datagram) noexcept;

}  // namespace quantumgate::stream
