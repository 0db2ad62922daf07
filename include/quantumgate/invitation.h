// SPDX-License-Identifier: MIT
/// \file
/// All that a newcomer needs to connect, in one line that can be sent or shown as a QR code.
/// Spec: docs/spec/01-identity.md, section 7.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "quantumgate/address.h"
#include "quantumgate/export.h"
#include "quantumgate/result.h"
#include "quantumgate/shared_secret.h"

namespace quantumgate {

/// Address, network name and, if the network has one, its shared secret. With a secret inside, the text is as secret as
/// that: who reads it can join the network.
struct QG_EXPORT Invitation {
  Address address{};                            ///< whom to dial
  std::string network = "quantumgate";          ///< NodeOptions::network of that node; 1 to 64 bytes
  std::optional<SharedSecret> shared_secret{};  ///< NodeOptions::shared_secret of that node

  /// Reads the text form; spaces and line feeds around it are ignored. Errors: `malformed`; `bad_check_group` when its
  /// check characters do not match, which means a typing error or a part that is missing; `unsupported` for a later
  /// version of the form.
  static Result<Invitation> parse(std::string_view text);

  /// One line of letters, digits, '-' and '_' behind "qginvite:".
  std::string to_string() const;
};

}  // namespace quantumgate
