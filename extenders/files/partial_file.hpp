// SPDX-License-Identifier: MIT
// A file that is being received: nameless, or under a hidden temporary name, until commit() gives it its own.
// Threads: one at a time.   Ownership: owns the descriptor and the temporary name; borrows the folder's descriptor.
#pragma once

#include <string>
#include <string_view>

#include "quantumgate/bytes.h"

namespace quantumgate::files {

class PartialFile {
 public:
  enum class Kind { nameless, temporary_name };

  // Makes an empty file of mode 0600 in `folder`. Nameless where the file system can (then not even a killed process
  // leaves anything behind), unless `kind` asks for the other. Returns 0 or errno.
  int create(int folder, Kind kind = Kind::nameless);
  int append(BytesView bytes);  // 0 or errno; all or nothing of use
  // Syncs, and names the file `name` without replacing anything. Returns 0, EEXIST, or another errno.
  int commit(const std::string& name);

  PartialFile() = default;
  ~PartialFile();  // removes what was not committed
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

 private:
  int folder_ = -1;
  int file_ = -1;
  std::string temporary_;  // empty: nameless, or committed
};

}  // namespace quantumgate::files
