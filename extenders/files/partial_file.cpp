// SPDX-License-Identifier: MIT
#include "extenders/files/partial_file.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace quantumgate::files {
namespace {

std::string random_name() {
  std::array<std::uint8_t, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) < 0) return {};
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name = ".qgate-";
  for (const std::uint8_t byte : bytes) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 15];
  }
  return name + ".part";
}

}  // namespace

int PartialFile::create(int folder, Kind kind) {
  folder_ = folder;
  if (kind == Kind::nameless) {
    file_ = ::openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (file_ >= 0) return 0;
    // EISDIR and ENOENT come from kernels, EOPNOTSUPP from file systems that do not know O_TMPFILE.
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) return errno;
  }
  temporary_ = random_name();
  file_ = ::openat(folder, temporary_.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
  if (file_ >= 0) return 0;
  temporary_.clear();
  return errno;
}

int PartialFile::append(BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

int PartialFile::commit(const std::string& name) {
  if (::fsync(file_) != 0) return errno;
  if (temporary_.empty()) {
    const std::string self = "/proc/self/fd/" + std::to_string(file_);
    if (::linkat(AT_FDCWD, self.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW) != 0) return errno;
  } else if (::renameat2(folder_, temporary_.c_str(), folder_, name.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_.clear();
  } else {
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // A file system without that flag: a link never replaces either.
    if (::linkat(folder_, temporary_.c_str(), folder_, name.c_str(), 0) != 0) return errno;
    ::unlinkat(folder_, std::exchange(temporary_, {}).c_str(), 0);
  }
  ::fsync(folder_);  // the name is there; that it survives a power cut too is best effort
  return 0;
}

PartialFile::~PartialFile() {
  if (!temporary_.empty()) ::unlinkat(folder_, temporary_.c_str(), 0);
  if (file_ >= 0) ::close(file_);
}

}  // namespace quantumgate::files
