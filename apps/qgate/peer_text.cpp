// SPDX-License-Identifier: MIT
#include "apps/qgate/peer_text.hpp"

#include <algorithm>
#include <cctype>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {

bool is_invitation(std::string_view text) {
  constexpr std::string_view kScheme = "qginvite:";
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return std::ranges::equal(text.substr(0, kScheme.size()), kScheme,
                            [](unsigned char c, unsigned char wanted) { return std::tolower(c) == wanted; });
}

Outcome<Invitation> parse_invitation(std::string_view text) {
  auto invitation = Invitation::parse(text);
  if (invitation) return std::move(*invitation);
  switch (invitation.error().code) {
    case ErrorCode::bad_check_group:
      return failed(ExitCode::address,
                    "the invitation was mistyped or cut off: its check does not match. Copy the whole line again.");
    case ErrorCode::unsupported:
      return failed(ExitCode::address, "the invitation is of a later version of QuantumGate. Update this program.");
    default:
      return failed(ExitCode::address,
                    "this is not an invitation, or not a whole one. It is one line that begins with qginvite: and "
                    "comes from 'qgate invite'.");
  }
}

Outcome<Address> parse_address(const std::string& text) {
  auto address = Address::parse(text);
  if (address) return std::move(*address);
  if (address.error().code == ErrorCode::bad_check_group) {
    return failed(
        ExitCode::address,
        "the address has a typing error: its two check characters do not match. Compare it with the original.");
  }
  return failed(ExitCode::address, "'" + text::shortened(text::printable(text), 60) +
                                       "' is not an address. It looks like qg://<uuid>-<check>@host:port.");
}

Outcome<Address> address_in(const std::string& text) {
  if (!is_invitation(text)) return parse_address(text);
  auto invitation = parse_invitation(text);
  if (!invitation) return tl::unexpected(invitation.error());
  return std::move(invitation->address);
}

}  // namespace quantumgate::qgate
