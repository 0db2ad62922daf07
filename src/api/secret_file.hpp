// SPDX-License-Identifier: MIT
// Small files that hold secrets: read only when nobody else may read them, written once and never overwritten.
// Spec: docs/spec/01-identity.md, sections 3 and 6.   Layer: api.   Threads: any; blocks on the disk.
#pragma once

#include <filesystem>

#include "quantumgate/bytes.h"
#include "quantumgate/result.h"

namespace quantumgate::api {

// Fills `out` with a file of exactly that size. Symbolic links are followed (keys may lie on removable media); type,
// mode and size are those of the file that was opened, so nothing can be exchanged in between. Never waits: a FIFO or a
// device is malformed.
// Errors: not_found, permission_denied, too_open (group or others have any permission), malformed (no regular file or
// another size), system. `out` then holds anything. `doing` has static lifetime.
Result<void> read_secret_file(const std::filesystem::path& file, MutableBytesView out, const char* doing);

// Writes a new file of mode 0600, whatever the umask, and returns when it and its folder are on the disk. It appears
// under its name complete or not at all. An error leaves nothing behind; a crash may leave a file ".qg-*.new".
// Errors: exists, not_found (no such folder), permission_denied, no_space, system.
Result<void> write_secret_file(const std::filesystem::path& file, BytesView contents, const char* doing);

// The same, but takes the place of the existing regular file `file`, whose owner it gets, in one step. A symbolic link
// is followed: the file it leads to is replaced. Errors: not_found, malformed (no regular file), permission_denied,
// no_space, system.
Result<void> replace_secret_file(const std::filesystem::path& file, BytesView contents, const char* doing);

}  // namespace quantumgate::api
