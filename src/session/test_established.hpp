// SPDX-License-Identifier: MIT
// What a handshake leaves behind, for tests and fuzz targets that begin with a session.
#pragma once

#include "handshake/established.hpp"

namespace quantumgate::session {

inline handshake::Established established_for_test(bool initiator, std::uint8_t suite = 1) {
  handshake::Established e;
  e.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
  e.suite = handshake::find_suite(suite);
  std::array<std::byte, 32> one{}, two{};
  one.fill(std::byte{1});
  two.fill(std::byte{2});
  e.secrets = {Secret<32>(initiator ? one : two), Secret<32>(initiator ? two : one)};
  e.handshake_hash = Bytes(crypto::hash_size(e.suite->algorithms.hash), std::byte{3});
  e.local_index = initiator ? 100 : 200;
  e.remote_index = initiator ? 200 : 100;
  return e;
}

}  // namespace quantumgate::session
