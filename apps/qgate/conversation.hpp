// SPDX-License-Identifier: MIT
// A conversation with one peer on a terminal: what is being typed stays whole below what is said.
#pragma once

#include "apps/qgate/settings.hpp"
#include "quantumgate/uuid.h"

namespace quantumgate::qgate {

// Shows the last lines, then what comes, and sends what is typed, until Ctrl-D or Ctrl-C. Stdin and stdout are
// terminals.
Outcome<void> converse_on_terminal(const Globals& globals, const PeerUuid& peer);

}  // namespace quantumgate::qgate
