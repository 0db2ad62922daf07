// SPDX-License-Identifier: MIT
// libsodium, initialised. Private to the .cpp files of this folder.   Layer: crypto.   Threads: any.
#pragma once

namespace quantumgate::crypto {
// Call before any function of libsodium; cheap after the first time. It picks the fastest code for this CPU.
void need_sodium();
}  // namespace quantumgate::crypto
