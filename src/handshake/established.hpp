// SPDX-License-Identifier: MIT
// What a finished handshake hands to the session.   Layer: handshake.
#pragma once

#include <vector>

#include "base/time.hpp"
#include "handshake/credentials.hpp"
#include "handshake/noise.hpp"
#include "handshake/suite.hpp"
#include "handshake/transmit.hpp"

namespace quantumgate::handshake {

struct Established {
  NoiseRole role;
  const Suite* suite;  // static lifetime
  NoiseSplit secrets;
  Bytes handshake_hash;  // identifies the session
  PeerKey peer;
  Bytes peer_static_key;           // fresh for each start of the peer
  std::uint32_t local_index = 0;   // we receive packets under it
  std::uint32_t remote_index = 0;  // the peer does
  Path path;                       // how the peer's last message came
  Endpoint observed;               // where the peer sees us
  Bytes stream_parameters;         // the peer's
  Duration handshake_time{};
  std::vector<Bytes> held;  // packets that overtook message 3, oldest first
};

}  // namespace quantumgate::handshake
