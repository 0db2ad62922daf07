// SPDX-License-Identifier: MIT
// What a node in the foreground prints about files that it takes.
#pragma once

#include "apps/qgate/settings.hpp"
#include "extenders/files/types.hpp"

namespace quantumgate::qgate {

// Prints one line for each transfer that ends, on stdout. Called on the node's thread.
files::Observer print_received(const Globals& globals);

}  // namespace quantumgate::qgate
