// SPDX-License-Identifier: MIT
// Unfinished files of a folder for received files: in the hidden folder ".qgate" below it, under names that follow from
// the sending peer and the path, so that only that peer can go on with them. Nothing is written down about them beside
// their bytes: what they hold is proven anew each time.
// Spec: docs/spec/extenders/files.md, section 5.   Threads: any; blocks on the disk.
// Ownership: shares the folder's descriptor; a PartialFile owns its own.   Bounds: PartialLimits.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "extenders/files/descriptor.hpp"
#include "extenders/files/manifest.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/uuid.h"

namespace quantumgate::files {

inline constexpr char kHiddenFolder[] = ".qgate";

// What is kept of broken transfers; beyond it the oldest go first. Those being written do not count.
struct PartialLimits {
  std::chrono::seconds age = std::chrono::hours(7 * 24);  // since the last byte; 0: nothing is kept
  std::size_t count = 1000;
  std::uint64_t bytes = std::uint64_t{64} << 30;
};

// A file that is being received. It is locked: two transfers, or two nodes, never write the same one.
class PartialFile {
 public:
  PartialFile() = default;
  PartialFile(PartialFile&&) noexcept = default;
  PartialFile& operator=(PartialFile&&) noexcept = default;
  explicit operator bool() const noexcept { return static_cast<bool>(file_); }

  int descriptor() const noexcept { return file_.get(); }
  int append(BytesView& bytes);  // 0, or errno and `bytes` is what was not written
  int clear();                   // 0 or errno: from now on it is empty
  // The end comes in three steps, so that of many files the disk writes as much as it can in one go:
  int prepare(const Entry& entry);                  // stamps mode and time, lets the disk begin; 0 or errno
  int sync();                                       // waits until it is on the disk; 0 or errno
  int commit(int parent, const std::string& name);  // names it without replacing anything; 0, EEXIST or another errno
  void remove();                                    // it will not be continued

 private:
  friend class PartialStore;
  Descriptor folder_;  // the hidden one
  Descriptor file_;
  std::string name_;
};

class PartialStore {
 public:
  // `folder`: a descriptor of the folder for received files.
  PartialStore(std::shared_ptr<const Descriptor> folder, const PeerUuid& peer);

  // Whether something is kept of `path`, and how much.
  std::uint64_t size_of(std::string_view path) const;
  // Opens what is kept of `path`, positioned at its end; makes it if `create`. `error`: 0, ENOENT, EWOULDBLOCK (another
  // transfer writes it), or another errno.
  PartialFile open(std::string_view path, bool create, int& error) const;

  // Remembers that this peer made the folder `root` (one name), and finds out whether it did: only then may it add to
  // it. Known as long as partial files are kept.
  void mark_made(const std::string& root) const;
  bool has_made(const std::string& root) const;

  // Bytes that all parts take, of all peers.
  static std::uint64_t bytes_kept(int folder);
  // Removes what is beyond `limits`, of all peers, and the hidden folder once it is empty. Marks have no size here.
  static void clean(int folder, const PartialLimits& limits);

 private:
  Descriptor hidden(bool create, int& error) const;
  std::string name_of(std::string_view path, std::string_view ending) const;

  std::shared_ptr<const Descriptor> folder_;
  PeerUuid peer_;
};

}  // namespace quantumgate::files
