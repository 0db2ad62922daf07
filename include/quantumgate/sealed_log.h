// SPDX-License-Identifier: MIT
/// \file
/// A file of records that only the holder of an identity can read: appended one by one, sealed at rest.
/// Spec: docs/spec/01-identity.md, section 8.
/// Threads: one object, one thread at a time; the calls block on the disk.   Ownership: owns the file, locked.
/// What it does not hide: how many records there are, how large, and when the file changed. Somebody who may write the
/// file can cut records off its end, or put an older copy in its place; any other change is noticed.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "quantumgate/bytes.h"
#include "quantumgate/export.h"
#include "quantumgate/identity.h"
#include "quantumgate/result.h"

namespace quantumgate {

/// An append-only file of sealed records.
class QG_EXPORT SealedLog {
 public:
  static constexpr std::size_t kRecordBytesMax = 64 * 1024;  ///< of one record

  /// Opens `file`, or makes it with mode 0600, and hands each record to `each`, the oldest first. `purpose` separates
  /// the keys of different uses: a log can only be opened for the purpose that it was made for. A record that a crash
  /// has left unfinished at the end is cut off. Errors: not_found (no such folder), permission_denied, too_open (mode
  /// allows others), would_block (another program has it open), malformed (no such file), not_authentic (another
  /// identity's or purpose's, or damaged), no_space, system. An error changes nothing in the file; records before a
  /// damaged one have been handed out then.
  static Result<SealedLog> open(const std::string& file, const Identity& identity, std::string_view purpose,
                                const std::function<void(BytesView)>& each);

  SealedLog(SealedLog&&) noexcept;             ///< `other` may only be destroyed then.
  SealedLog& operator=(SealedLog&&) noexcept;  ///< `other` may only be destroyed then.
  ~SealedLog();                                ///< Closes the file; what was added stays.

  /// Adds one record, 1 to kRecordBytesMax bytes. It survives this program at once, a power cut within seconds: nothing
  /// is synced. Errors: invalid_argument, no_space, system; the record is then not in the file.
  Result<void> append(BytesView record);

  /// Puts `records` in place of all that is there, in one step. Errors: as append() and open(); all is then as it was.
  Result<void> replace(std::span<const Bytes> records);

  std::uint64_t size_bytes() const noexcept;  ///< of the file

 private:
  struct QG_HIDDEN State;
  explicit SealedLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quantumgate
