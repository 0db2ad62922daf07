// SPDX-License-Identifier: MIT
// Where and who a peer is, as people write it: qg://<uuid>-<check>@host:port[,host:port...].
// Spec: docs/spec/01-identity.md, section 4.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quantumgate/export.h"
#include "quantumgate/result.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

struct HostPort {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without brackets; at most 253 characters
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

struct QG_EXPORT Address {
  PeerUuid uuid;
  std::vector<HostPort> hosts;  // at most 8; empty: to be looked up

  // Errors: `malformed`; `bad_check_group` when only the two check characters differ, which means a typing error.
  static Result<Address> parse(std::string_view text);

  std::string to_string() const;

  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace quantumgate
