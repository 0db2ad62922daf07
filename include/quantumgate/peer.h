// SPDX-License-Identifier: MIT
/// \file
/// What a node knows about a peer it has a session with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "quantumgate/endpoint.h"
#include "quantumgate/export.h"
#include "quantumgate/privacy.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

/// Why a session ended. The numbers travel in CLOSE frames: docs/spec/03-session.md, section 7.
enum class CloseReason : std::uint16_t {
  normal = 0,         ///< asked for by a user or an extender
  shutting_down = 1,  ///< the node stops
  duplicate = 2,      ///< both nodes dialled; the other session stays
  replaced = 3,       ///< the same peer came back with a new session
  protocol = 4,       ///< the other side broke the protocol
  internal = 5,       ///< a fault on the closing side
  idle = 6,           ///< nothing authentic arrived for the idle time limit; never sent, only reported
  key_limit = 7,      ///< the session's keys came to a limit of their use before they could be replaced
  evicted = 8,        ///< all places were taken, and this session's went to a peer from elsewhere
};
/// A short English name of `reason`. Static lifetime.
QG_EXPORT const char* describe(CloseReason reason) noexcept;

/// How the datagrams of a session travel.
enum class Transport : std::uint8_t {
  udp,
  tcp,  ///< because UDP does not get through at the moment
};
/// "udp" or "tcp". Static lifetime.
QG_EXPORT const char* describe(Transport transport) noexcept;

/// A snapshot; copying it is cheap enough for user interfaces.
struct Peer {
  PeerUuid uuid;                               ///< who it is, proven
  Fingerprint fingerprint;                     ///< the same in 256 bits
  Endpoint endpoint;                           ///< where its datagrams come from now
  Transport transport = Transport::udp;        ///< by what they come
  bool outgoing = false;                       ///< we dialled
  std::string suite;                           ///< e.g. "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256"
  bool post_quantum = false;                   ///< the suite has a post-quantum key exchange
  std::chrono::nanoseconds handshake_time{};   ///< from the first datagram to authentication, as this side saw it
  std::chrono::nanoseconds connected_for{};    ///< since authentication
  std::chrono::nanoseconds round_trip_time{};  ///< smoothed; zero until measured
  std::uint32_t key_updates = 0;               ///< how often the session's keys have been replaced
  std::chrono::nanoseconds key_age{};          ///< since the newest keys were made
  Privacy privacy{};                           ///< how its session's packets are shaped: our wish and its own, joined
  std::size_t packet_size = 0;                 ///< bytes of the largest packets to it now
  bool peer_follows = false;           ///< it shapes those that it sends no less than we wish; also if we wish nothing
  std::uint64_t cover_bytes_sent = 0;  ///< in packets that carry nothing; part of bytes_sent
  std::uint64_t padding_bytes_sent = 0;  ///< in packets that carry something; part of bytes_sent
  std::uint64_t bytes_sent = 0;          ///< UDP payload bytes of this session
  std::uint64_t bytes_received = 0;      ///< likewise
};

}  // namespace quantumgate
