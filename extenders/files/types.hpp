// SPDX-License-Identifier: MIT
// What the parts of the file service say to each other and to its user: transfers, items, reasons.
// Spec: docs/spec/extenders/files.md.   Threads: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "quantumgate/uuid.h"

namespace quantumgate::files {

// Why a transfer, or one item of it, ended. As stream error codes they travel as 256 + the value (spec, section 6).
enum class Reason : std::uint8_t {
  malformed = 0,       // the peer did not follow the spec
  not_accepting = 1,   // the receiver takes no files now
  bad_name = 2,        // a name that could lead out of the folder or deceive
  exists = 3,          // something else of that name is there already
  too_large = 4,       // larger than the receiver takes
  no_space = 5,        // disk or quota full
  write_failed = 6,    // the receiver can not write
  digest_differs = 7,  // what arrived is not what was sent
  cancelled = 8,       // a user stopped it
  source_changed = 9,  // the file was changed while it was sent
  busy = 10,           // too many transfers, or another one writes the same file
  read_failed = 11,    // the sender can not read
  stopping = 12,       // the node of one side stops
  too_many = 13,       // more files and folders than the receiver takes, or nested too deeply
  // Never sent, only reported:
  not_connected = 100,  // no session with the peer
  lost = 101,           // the session ended: the peer is gone or not reachable
  no_service = 102,     // the peer runs no file service
  not_a_file = 103,     // the path names no regular file or folder
  symbolic_link = 104,  // found in a folder; not followed
  special_file = 105,   // found in a folder: a device, socket or pipe
  same_name = 106,      // two of the paths to send end in the same name
};
inline constexpr Reason kLastSent = Reason::too_many;
const char* describe(Reason reason) noexcept;

struct Failure {
  Reason reason;
  int os = 0;        // errno where the operating system refused, else 0
  std::string path;  // of the item that it is about, where it is about one
};

using Digest = std::array<std::byte, 32>;  // SHA-256

// One file or folder of a transfer, when it is over.
struct Item {
  enum class How : std::uint8_t {
    stored,   // arrived now, whole or in its last part
    present,  // was there before, equal
    failed,   // `failure` says why; nothing has its name that had not before
    skipped,  // never offered: `failure` says why
  };
  std::string path;  // relative, '/' between names
  bool folder = false;
  How how = How::stored;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // how much was there from an earlier transfer
  Digest digest{};           // of a file that is there now
  std::optional<Failure> failure;
};

// A transfer: what one call of send() sends.
struct Transfer {
  std::uint64_t id = 0;
  PeerUuid peer;
  std::string name;              // of the file or folder; of the first, if there are several
  std::uint64_t roots = 0;       // how many files and folders were named to be sent
  std::uint64_t files = 0;       // in all of them
  std::uint64_t folders = 0;     //
  std::uint64_t size = 0;        // bytes of all files
  std::uint64_t done_bytes = 0;  // of `size`: sent or received, and what was there before
  std::uint64_t kept_bytes = 0;  // of `done_bytes`: what was there before
  std::uint64_t files_done = 0;  // files that are over, one way or another
  std::uint64_t failed = 0;      // items that failed, and skipped ones that someone will miss
  std::uint64_t skipped = 0;     // links and special files
  std::string current;           // path of the file that is on its way
};

// What a user is told; any of them may be empty.
struct Observer {
  std::function<void(const Transfer&)> on_begin;  // the receiver has accepted; once
  std::function<void(const Transfer&)> on_progress;
  std::function<void(const Transfer&, const Item&)> on_item;
  // Only sending: the connection broke, and it will be tried again.
  std::function<void(const Transfer&, const Failure&)> on_pause;
  // Once, last, if anything else came or send() was called. No failure: every item is over; see Transfer::failed.
  std::function<void(const Transfer&, const std::optional<Failure>&)> on_end;
};

}  // namespace quantumgate::files
