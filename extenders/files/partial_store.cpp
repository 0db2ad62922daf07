// SPDX-License-Identifier: MIT
#include "extenders/files/partial_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <vector>

#include "extenders/files/beneath.hpp"
#include "extenders/files/sha256.hpp"

namespace quantumgate::files {
namespace {

constexpr char kPartEnding[] = ".part";
constexpr char kMadeEnding[] = ".made";

// A file of ours alone: not a link, not a second name of something else, not open to others.
bool is_ours(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid() && info.st_nlink == 1 &&
         (info.st_mode & 0077) == 0;
}

struct Kept {
  std::string name;
  std::int64_t time;
  std::uint64_t size;
};

// The parts and marks in the hidden folder `folder`.
std::vector<Kept> list(int folder) {
  std::vector<Kept> kept;
  // The stream of entries closes the descriptor that it is given.
  DIR* entries = ::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entries == nullptr) return kept;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    struct stat info {};
    const bool part = name.ends_with(kPartEnding);
    if (!part && !name.ends_with(kMadeEnding)) continue;
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    kept.push_back({name, info.st_mtim.tv_sec, part ? static_cast<std::uint64_t>(info.st_size) : 0});
  }
  ::closedir(entries);
  return kept;
}

std::string identity_of(const struct stat& info) {
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

}  // namespace

// --- one file ---

int PartialFile::append(BytesView& bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int PartialFile::clear() {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) return errno;
  return 0;
}

int PartialFile::prepare(const Entry& entry) {
  if (entry.kind == Entry::Kind::executable && ::fchmod(file_.get(), 0700) != 0) return errno;
  // A time that this file system does not know is no reason to refuse the file.
  const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime_s, entry.mtime_ns}};
  (void)::futimens(file_.get(), times);
  (void)::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return 0;
}

int PartialFile::sync() { return ::fsync(file_.get()) == 0 ? 0 : errno; }

int PartialFile::commit(int parent, const std::string& name) {
  if (::renameat2(folder_.get(), name_.c_str(), parent, name.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // A file system without that flag: a link never replaces either.
    if (::linkat(folder_.get(), name_.c_str(), parent, name.c_str(), 0) != 0) return errno;
    ::unlinkat(folder_.get(), name_.c_str(), 0);
  }
  file_ = Descriptor();
  return 0;
}

void PartialFile::remove() {
  if (file_) ::unlinkat(folder_.get(), name_.c_str(), 0);
  file_ = Descriptor();
}

// --- all of them ---

PartialStore::PartialStore(std::shared_ptr<const Descriptor> folder, const PeerUuid& peer)
    : folder_(std::move(folder)), peer_(peer) {}

Descriptor PartialStore::hidden(bool create, int& error) const {
  if (create && ::mkdirat(folder_->get(), kHiddenFolder, 0700) != 0 && errno != EEXIST) {
    error = errno;
    return {};
  }
  Descriptor hidden = open_folder(folder_->get(), kHiddenFolder);
  struct stat info {};
  error = hidden ? 0 : errno;
  if (hidden && (::fstat(hidden.get(), &info) != 0 || info.st_uid != ::geteuid() || (info.st_mode & 0077) != 0)) {
    error = EPERM;  // somebody else could exchange what lies there
    return {};
  }
  return hidden;
}

std::string PartialStore::name_of(std::string_view path, std::string_view ending) const {
  Sha256 hash;
  hash.update(peer_.bytes);
  hash.update(as_bytes(ending));
  hash.update(as_bytes(path));
  const auto digest = hash.finish();
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (const std::byte byte : BytesView(digest).first(16)) {
    name += kDigits[std::to_integer<unsigned>(byte) >> 4];
    name += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return name += ending;
}

std::uint64_t PartialStore::size_of(std::string_view path) const {
  int error = 0;
  const Descriptor folder = hidden(false, error);
  struct stat info {};
  if (!folder || ::fstatat(folder.get(), name_of(path, kPartEnding).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
}

PartialFile PartialStore::open(std::string_view path, bool create, int& error) const {
  // The hidden folder goes when it is empty, perhaps just now.
  for (int attempt = 0; attempt < 3; ++attempt) {
    PartialFile partial;
    partial.folder_ = hidden(create, error);
    if (!partial.folder_) return {};
    partial.name_ = name_of(path, kPartEnding);
    const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | (create ? O_CREAT : 0);
    partial.file_ = Descriptor(::openat(partial.folder_.get(), partial.name_.c_str(), flags, 0600));
    error = partial.file_ ? 0 : errno;
    if (!partial.file_) {
      if (error == ENOENT && create) continue;
      return {};
    }
    if (::flock(partial.file_.get(), LOCK_EX | LOCK_NB) != 0) {
      error = errno;
      return {};
    }
    // Named or cleaned away between opening and locking? Then this is not it any more.
    struct stat opened {
    }, named{};
    if (::fstat(partial.file_.get(), &opened) != 0 ||
        ::fstatat(partial.folder_.get(), partial.name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        opened.st_ino != named.st_ino || opened.st_dev != named.st_dev) {
      error = ENOENT;
      if (create) continue;
      return {};
    }
    if (!is_ours(partial.file_.get())) {
      error = EPERM;
      return {};
    }
    return partial;
  }
  return {};
}

void PartialStore::mark_made(const std::string& root) const {
  int error = 0;
  const Descriptor folder = hidden(true, error);
  struct stat info {};
  if (!folder || ::fstatat(folder_->get(), root.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  const Descriptor mark(::openat(folder.get(), name_of(root, kMadeEnding).c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  const std::string text = identity_of(info);
  if (mark) (void)!::write(mark.get(), text.data(), text.size());
}

bool PartialStore::has_made(const std::string& root) const {
  int error = 0;
  const Descriptor folder = hidden(false, error);
  struct stat info {};
  if (!folder || ::fstatat(folder_->get(), root.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
  const Descriptor mark = open_regular(folder.get(), name_of(root, kMadeEnding));
  std::array<char, 64> text{};
  if (!mark || !is_ours(mark.get())) return false;
  const long size = read_at(mark.get(), text.data(), text.size(), 0);
  return size > 0 && std::string_view(text.data(), static_cast<std::size_t>(size)) == identity_of(info);
}

std::uint64_t PartialStore::bytes_kept(int root) {
  const Descriptor folder = open_folder(root, kHiddenFolder);
  std::uint64_t bytes = 0;
  if (!folder) return 0;
  for (const Kept& file : list(folder.get())) bytes += file.size;
  return bytes;
}

void PartialStore::clean(int root, const PartialLimits& limits) {
  const Descriptor folder = open_folder(root, kHiddenFolder);
  if (!folder) return;
  std::vector<Kept> kept = list(folder.get());
  std::ranges::sort(kept, {}, [](const Kept& file) { return -file.time; });  // newest first
  const std::int64_t oldest = static_cast<std::int64_t>(std::time(nullptr)) - limits.age.count();
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const Kept& file : kept) {
    const Descriptor opened(::openat(folder.get(), file.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (opened && ::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) continue;  // being written
    const bool too_old = limits.age.count() == 0 || file.time < oldest;
    if (!too_old && count < limits.count && bytes + file.size <= limits.bytes) {
      ++count;
      bytes += file.size;
    } else {
      ::unlinkat(folder.get(), file.name.c_str(), 0);
    }
  }
  ::unlinkat(root, kHiddenFolder, AT_REMOVEDIR);  // only if it is empty
}

}  // namespace quantumgate::files
