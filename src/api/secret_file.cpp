// SPDX-License-Identifier: MIT
#include "api/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include "crypto/system_random.hpp"
#include "wire/hex.hpp"

namespace quantumgate::api {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  bool valid() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

// A name that is taken back unless `keep` is called.
class TemporaryName {
 public:
  explicit TemporaryName(fs::path path) : path_(std::move(path)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const fs::path& path() const noexcept { return path_; }
  void keep() noexcept { path_.clear(); }

 private:
  fs::path path_;
};

tl::unexpected<Error> system_failure(const char* doing) {
  const int error = errno;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::not_found, doing, error);
    case EACCES:
    case EPERM:
    case EROFS:
      return fail(ErrorCode::permission_denied, doing, error);
    case EEXIST:
      return fail(ErrorCode::exists, doing, error);
    case ENOSPC:
    case EDQUOT:
      return fail(ErrorCode::no_space, doing, error);
    case ENXIO:  // a socket
      return fail(ErrorCode::malformed, doing, error);
    default:
      return fail(ErrorCode::system, doing, error);
  }
}

bool write_all(int descriptor, BytesView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

// Gives the file `from` the name `to`, failing with EEXIST where that is taken. Leaves `from` or not.
bool publish(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  // FAT, common on removable media, has no second names; its driver knows a rename that never overwrites.
  if (errno != EPERM && errno != EOPNOTSUPP) return false;
#ifdef RENAME_NOREPLACE
  const int link_error = errno;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS) errno = link_error;
#endif
  return false;
}

}  // namespace

Result<void> read_secret_file(const fs::path& file, MutableBytesView out, const char* doing) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer. It changes nothing for a regular file.
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!opened.valid()) return system_failure(doing);
  struct stat status {};
  if (::fstat(opened.number(), &status) != 0) return system_failure(doing);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::malformed, doing);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return fail(ErrorCode::too_open, doing);
  if (!std::in_range<std::size_t>(status.st_size) || static_cast<std::size_t>(status.st_size) != out.size()) {
    return fail(ErrorCode::malformed, doing);
  }
  while (!out.empty()) {
    const auto count = ::read(opened.number(), out.data(), out.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(doing);
    if (count == 0) return fail(ErrorCode::malformed, doing);  // became shorter while it was read
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_secret_file(const fs::path& file, BytesView contents, const char* doing) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::array<std::byte, 8> random;
  crypto::SystemRandom().fill(random);
  const fs::path temporary_path = folder / (".qg-" + wire::to_hex(random) + ".new");
  const Descriptor opened(::open(temporary_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!opened.valid()) return system_failure(doing);
  const TemporaryName temporary(temporary_path);
  // A umask may have taken more away than is good for reading it again.
  if (::fchmod(opened.number(), S_IRUSR | S_IWUSR) != 0 || !write_all(opened.number(), contents) ||
      ::fsync(opened.number()) != 0) {
    return system_failure(doing);
  }

  if (!publish(temporary.path(), file)) return system_failure(doing);
  TemporaryName published(file);
  // Without this the name could be lost in a power cut although the contents are safe.
  const Descriptor opened_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened_folder.valid()) return system_failure(doing);
  // EINVAL: this file system has nothing to sync for a folder.
  if (::fsync(opened_folder.number()) != 0 && errno != EINVAL) return system_failure(doing);
  published.keep();
  return {};
}

}  // namespace quantumgate::api
