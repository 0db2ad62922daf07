// SPDX-License-Identifier: MIT
// All memory of a program, to be searched: operator new, OpenSSL's allocator and the slabs of SecretArena are replaced.
// What a block holds when it is freed is searched, too.
// Threads: one at a time.
#pragma once

#include "quantumgate/bytes.h"

namespace quantumgate::watched {

// Further bytes to search for: 12 of each 16. At most 16 such pieces.
void look_for(BytesView secret);
// Nothing is searched for any more, and nothing has been found.
void forget();
// How often what is searched for is in memory now; and how often it was in what has been freed.
std::size_t places();
std::size_t freed_places();
// False if OpenSSL was used before its allocator could be replaced.
bool openssl_is_watched();

}  // namespace quantumgate::watched
