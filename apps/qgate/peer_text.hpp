// SPDX-License-Identifier: MIT
// What a user writes for a peer: an address, or an invitation that holds one.
#pragma once

#include <string>
#include <string_view>

#include "apps/qgate/outcome.hpp"
#include "quantumgate/address.h"
#include "quantumgate/invitation.h"

namespace quantumgate::qgate {

// Whether `text` is meant as an invitation; a mistyped one too.
bool is_invitation(std::string_view text);

// Failures never show the text: it may hold a secret.
Outcome<Invitation> parse_invitation(std::string_view text);

Outcome<Address> parse_address(const std::string& text);

// The address that `text` is, or that the invitation `text` holds.
Outcome<Address> address_in(const std::string& text);

}  // namespace quantumgate::qgate
