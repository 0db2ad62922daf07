// SPDX-License-Identifier: MIT
// Somebody who knows a node's UUID and network name and has no good in mind: makes handshake datagrams at the least
// cost to himself. One true message 1 serves for all; each datagram is sealed afresh, so that none is known to be a
// replay. Layer: sim.   Threads: one object, one thread.   Ownership: borrows RandomSource.
#pragma once

#include <string_view>

#include "base/check.hpp"
#include "handshake/initiator.hpp"

namespace quantumgate::sim {

class Stranger {
 public:
  Stranger(const PeerUuid& target, std::string_view network, RandomSource& random)
      : random_(random), credentials_(Identity::generate(), network, nullptr, handshake::all_suites(), {}) {
    keys_ = handshake::OuterKeys::derive(credentials_.shared_secret(), target, credentials_.network_hash());
    handshake::Initiator dial(credentials_, {target, {Endpoint::loopback(1)}}, kSuite, kIndex, kIndex + 1, random_,
                              TimePoint{}, UnixTime{});
    while (const auto datagram = dial.poll_transmit()) {
      const auto opened = handshake::open_datagram(keys_.to_responder, false, datagram->datagram);
      CHECK(opened.has_value());
      message1_.insert(message1_.end(), opened->piece.begin(), opened->piece.end());
    }
  }

  // A new handshake: the two datagrams of a message 1 that opens, is true, and was never seen.
  std::vector<Bytes> message1(UnixTime wall_clock, const wire::Cookie& cookie = {}) {
    wire::SealedHeader header;
    header.type = wire::SealedType::message1;
    header.suite = kSuite;
    header.time = static_cast<std::uint32_t>(wall_clock.count());
    header.sender_index = kIndex;
    header.message_id = random_.u32();
    header.cookie = cookie;
    return handshake::seal_message(keys_.to_responder, std::nullopt, header, message1_, random_);
  }

  // The cookie in a datagram from the target; nothing if there is none.
  std::optional<wire::Cookie> cookie_in(BytesView datagram) const {
    const auto opened = handshake::open_datagram(keys_.to_initiator, true, datagram);
    if (!opened || opened->header.type != wire::SealedType::cookie) return std::nullopt;
    return opened->header.cookie;
  }

 private:
  static constexpr std::uint8_t kSuite = 1;
  static constexpr std::uint32_t kIndex = 0x5712a6e1;

  RandomSource& random_;
  handshake::Credentials credentials_;
  handshake::OuterKeys keys_;
  Bytes message1_;
};

}  // namespace quantumgate::sim
