// SPDX-License-Identifier: MIT
// How datagrams of a handshake travel, and one that a core wants sent.   Layer: handshake.
#pragma once

#include <compare>

#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"

namespace quantumgate::handshake {

// The other side's endpoint, and which of the node's sockets it is reached by (a number that only the node explains,
// but for kTcp: there is a TCP connection with that endpoint).
struct Path {
  static constexpr std::uint8_t kTcp = 255;

  Endpoint remote;
  std::uint8_t socket = 0;

  bool tcp() const noexcept { return socket == kTcp; }

  Path() = default;
  Path(const Endpoint& endpoint, std::uint8_t socket_number = 0) : remote(endpoint), socket(socket_number) {}
  friend auto operator<=>(const Path&, const Path&) = default;
};

struct Transmit {
  Path path;
  Bytes datagram;
};

}  // namespace quantumgate::handshake
