// SPDX-License-Identifier: MIT
/// \file
/// Peer UUID: the self-certifying id of a peer, an RFC 9562 version 8 UUID made of the first 122 bits of its
/// fingerprint. Spec: docs/spec/01-identity.md, section 2.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "quantumgate/export.h"
#include "quantumgate/result.h"

namespace quantumgate {

/// SHA-256("QuantumGate peer v1" ‖ algorithm id ‖ public key): what is pinned where 122 bits are too few.
struct Fingerprint {
  std::array<std::byte, 32> bytes{};  ///< in the order of the hash

  /// Byte by byte.
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

/// The id of a peer. It follows from the peer's key, so nobody else can have it.
struct QG_EXPORT PeerUuid {
  std::array<std::byte, 16> bytes{};  ///< in the order in which they are written

  /// The UUID of `fingerprint`: its first 122 bits in order, version 8 and variant 10 in their fixed places.
  static PeerUuid of(const Fingerprint& fingerprint) noexcept;

  /// Reads the 36-character form, either case. `malformed` for anything that is not a version 8 UUID.
  static Result<PeerUuid> parse(std::string_view text);

  /// Lower case, 36 characters.
  std::string to_string() const;

  /// Byte by byte.
  friend auto operator<=>(const PeerUuid&, const PeerUuid&) = default;
};

}  // namespace quantumgate
