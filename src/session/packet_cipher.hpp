// SPDX-License-Identifier: MIT
// Seals and opens the packets of one direction, in place.
// Spec: docs/spec/03-session.md, section 1; keys: 02-handshake.md, section 7.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Ownership: owns its keys and wipes them.
#pragma once

#include <optional>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/header_mask.hpp"
#include "session/constants.hpp"

namespace quantumgate::session {

// What is derived from one secret of Noise Split().
struct PacketKeys {
  Secret<32> key;
  Secret<12> iv;
  Secret<32> mask;

  static PacketKeys derive(crypto::HashAlgorithm hash, const Secret<32>& secret);
};

// The value nearest to `expected` whose low 32 bits are `low`; of two equally near ones the greater; never negative.
constexpr std::uint64_t restore_counter(std::uint64_t expected, std::uint32_t low) noexcept {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 31;
  const std::uint64_t candidate = (expected & ~std::uint64_t{0xffffffff}) | low;
  if (candidate + kHalf <= expected) return candidate + 2 * kHalf;
  if (candidate > expected + kHalf && candidate >= 2 * kHalf) return candidate - 2 * kHalf;
  return candidate;
}

class PacketCipher {
 public:
  PacketCipher(crypto::AeadAlgorithm aead, PacketKeys keys);

  // `buffer` holds `content_size` bytes of content from offset kHeaderSize on and has room for kPacketOverhead more
  // than that. Afterwards its first content_size + kPacketOverhead bytes are the packet.
  void seal(std::uint32_t index, std::uint64_t counter, MutableBytesView buffer, std::size_t content_size);

  struct Opened {
    std::uint64_t counter;
    MutableBytesView content;  // inside the packet
  };
  // `expected`: highest authentic counter plus one. Nothing if the packet is not authentic; it is then spoilt.
  std::optional<Opened> open(std::uint64_t expected, MutableBytesView packet);

 private:
  crypto::AeadKey aead_;
  Secret<16> iv_;  // padded with zeros
  crypto::HeaderMask mask_;
};

}  // namespace quantumgate::session
