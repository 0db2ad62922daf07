// SPDX-License-Identifier: MIT
// No core files of this program, and no other process of the user reads its memory: keys and pass phrases live in it.
#pragma once

namespace quantumgate::qgate {

// First thing in main(), whatever the command.
void forbid_dumps();

}  // namespace quantumgate::qgate
