// SPDX-License-Identifier: MIT
// A datagram that a core wants sent.   Layer: handshake.
#pragma once

#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"

namespace quantumgate::handshake {
struct Transmit {
  Endpoint to;
  Bytes datagram;
};
}  // namespace quantumgate::handshake
