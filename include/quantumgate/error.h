// SPDX-License-Identifier: MIT
/// \file
/// What went wrong and what was being done. Small, copyable, allocates nothing; a program turns it into a sentence.
#pragma once

#include <cstdint>

#include "quantumgate/export.h"

namespace quantumgate {

/// Local error codes. They never travel to a peer; those that do are `CloseReason` (docs/spec/03-session.md) and stream
/// error codes (docs/spec/04-streams.md).
enum class ErrorCode : std::uint16_t {
  invalid_argument = 1,  ///< the caller broke a documented precondition that can be checked
  malformed,             ///< bytes or text that do not follow their format
  bad_check_group,       ///< an address whose two check characters do not match: a typing error
  not_authentic,         ///< a tag, signature or hash does not match
  wrong_pass_phrase,     ///< the key file opens with another pass phrase, or is damaged
  too_open,              ///< a secret file that others may read
  exists,                ///< would overwrite something
  not_found,             ///< the named thing does not exist
  permission_denied,     ///< the system refused
  address_in_use,        ///< the port belongs to another program
  no_space,              ///< disk or quota is full
  would_block,           ///< a bounded queue is full; try again when it has drained
  limit,                 ///< a stated bound was reached
  timed_out,             ///< no answer within the time limit
  no_answer,             ///< a dialled peer did not answer: absent, or network name, UUID or shared secret differ
  closed,                ///< the thing was closed by us
  closed_by_peer,        ///< the peer closed it
  reset,                 ///< the peer broke off the stream
  unsupported,           ///< not built in, or not on this system
  would_deadlock,        ///< a blocking call on the thread that must do the work
  integrity,             ///< data arrived but its digest differs
  system,                ///< any other error of the operating system; `os` holds errno
};

/// An error and what was being done when it came up.
struct Error {
  ErrorCode code;          ///< what went wrong
  const char* doing = "";  ///< what was being done, e.g. "reading the key file"; a string with static lifetime
  int os = 0;              ///< errno where the operating system refused, else 0
  /// Which rule the caller broke, and what would be right: a sentence or two without the last full stop. Empty where
  /// the code says enough. Static lifetime.
  const char* why = "";

  /// Whether the codes are the same; the rest is for people.
  friend bool operator==(const Error& a, const Error& b) noexcept { return a.code == b.code; }
};

/// A short English name of `code`, e.g. "no space left". Static lifetime.
QG_EXPORT const char* describe(ErrorCode code) noexcept;

}  // namespace quantumgate
