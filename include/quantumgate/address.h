// SPDX-License-Identifier: MIT
/// \file
/// Where and who a peer is, as people write it: `qg://<uuid>-<check>@host:port[,host:port...]`.
/// Spec: docs/spec/01-identity.md, section 4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quantumgate/export.h"
#include "quantumgate/result.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

/// One place where a node may be reached.
struct HostPort {
  std::string host;        ///< a name, an IPv4 address, or an IPv6 address without brackets; at most 253 characters
  std::uint16_t port = 0;  ///< UDP port

  /// Whether both say the same, letter for letter.
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Who a peer is, and where. The UUID proves itself: who answers must hold its key.
struct QG_EXPORT Address {
  PeerUuid uuid;                ///< who
  std::vector<HostPort> hosts;  ///< at most 8; empty: to be looked up

  /// Reads the text form. Errors: `malformed`; `bad_check_group` when only the two check characters differ, which means
  /// a typing error.
  static Result<Address> parse(std::string_view text);

  /// The text form, with check characters. parse() reads it back to the same address.
  std::string to_string() const;

  /// Whether UUID and hosts are the same, hosts in the same order.
  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace quantumgate
