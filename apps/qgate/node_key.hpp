// SPDX-License-Identifier: MIT
// The key of a node that runs: where it came from, whether that is still there, and whether it has come back. With the
// setting key_gone = "lock" the node has its key only as long as the medium with the key file is there.
// Threads: one.   Ownership: keeps the pass phrase if it is to open the file again, in the memory for secrets.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "apps/qgate/outcome.hpp"
#include "apps/qgate/settings.hpp"
#include "quantumgate/identity.h"
#include "quantumgate/log.h"

namespace quantumgate::qgate {

// Which file lies under a name, on which medium. Two equal ones: the same file, not changed since.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t file = 0;  // its inode, where the file system keeps those
  std::uint64_t size = 0;
  std::int64_t changed_s = 0;
  std::uint32_t changed_ns = 0;
  bool plugged_in = false;  // the block device below is there; a stick pulled out may stay mounted

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
// Nothing if there is no such file, or it can not be reached.
std::optional<FileStamp> stamp_of(const std::filesystem::path& file);

class NodeKey {
 public:
  explicit NodeKey(const Settings& settings);

  // The first time, as load_identity().
  Outcome<Identity> load();
  // Whether the file is still as it was when the key was read. Always true unless the node is to lock.
  bool there() const;
  bool is_watched() const noexcept { return locks_; }  // whether there() may ever be false
  // The identity, once the file with the same key has come back. Whatever else lies there is refused, and `log` told
  // why, once for each such file.
  std::optional<Identity> returned(const LogSink& log);

 private:
  Outcome<Identity> open(bool may_ask);

  const std::filesystem::path file_;
  const std::string pass_phrase_file_;
  const bool locks_;
  SecretBytes pass_phrase_;
  std::optional<Fingerprint> fingerprint_;
  std::optional<FileStamp> stamp_;
  std::optional<FileStamp> refused_;
};

}  // namespace quantumgate::qgate
