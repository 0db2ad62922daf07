// SPDX-License-Identifier: MIT
/// \file
/// The global shared secret of a private network, and the file that holds it.
/// Spec: docs/spec/01-identity.md, section 3.   Threads: any; the calls block on the disk.
#pragma once

#include <string>

#include "quantumgate/export.h"
#include "quantumgate/result.h"
#include "quantumgate/secret.h"

namespace quantumgate {

/// 32 bytes that every node of a private network holds; who does not know them can not talk to it.
using SharedSecret = Secret<32>;

/// A fresh random shared secret.
QG_EXPORT SharedSecret generate_shared_secret();

/// Reads a file of 64 hexadecimal digits, either case, and a line feed.
/// Errors: not_found, permission_denied, too_open (mode allows group or others anything), malformed, system.
QG_EXPORT Result<SharedSecret> load_shared_secret(const std::string& file);

/// Writes a new file, mode 0600, synced; never overwrites. An error leaves nothing behind.
/// Errors: exists, not_found (no such folder), permission_denied, no_space, system.
QG_EXPORT Result<void> save_shared_secret(const std::string& file, const SharedSecret& secret);

}  // namespace quantumgate
