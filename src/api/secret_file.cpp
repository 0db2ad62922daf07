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

#include "api/descriptor.hpp"
#include "crypto/system_random.hpp"
#include "wire/hex.hpp"

namespace quantumgate::api {
namespace {

namespace fs = std::filesystem;

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

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

fs::path temporary_name(const fs::path& folder) {
  std::array<std::byte, 8> random;
  crypto::SystemRandom().fill(random);
  return folder / (".qg-" + wire::to_hex(random) + ".new");
}

Descriptor create(const fs::path& path) {
  return Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
}

// Writes a new file to the disk. A umask may have taken more of its mode away than is good for reading it again.
bool fill(const Descriptor& file, BytesView contents) {
  return ::fchmod(file.number(), S_IRUSR | S_IWUSR) == 0 && write_all(file.number(), contents) &&
         ::fsync(file.number()) == 0;
}

// Without this a name could be lost in a power cut although the contents are safe.
bool sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: this file system has nothing to sync for a folder.
  return opened.valid() && (::fsync(opened.number()) == 0 || errno == EINVAL);
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
  const fs::path new_name = temporary_name(folder_of(file));
  const Descriptor opened = create(new_name);
  if (!opened.valid()) return system_failure(doing);
  const TemporaryName temporary(new_name);
  if (!fill(opened, contents)) return system_failure(doing);
  if (!publish(temporary.path(), file)) return system_failure(doing);
  TemporaryName published(file);
  if (!sync_folder(folder_of(file))) return system_failure(doing);
  published.keep();
  return {};
}

Result<void> replace_secret_file(const fs::path& name, BytesView contents, const char* doing) {
  std::error_code error;
  const fs::path file = fs::canonical(name, error);
  struct stat old {};
  if (error) {
    errno = error.value();
    return system_failure(doing);
  }
  if (::stat(file.c_str(), &old) != 0) return system_failure(doing);
  if (!S_ISREG(old.st_mode)) return fail(ErrorCode::malformed, doing);
  const fs::path new_name = temporary_name(folder_of(file));
  const Descriptor opened = create(new_name);
  if (!opened.valid()) return system_failure(doing);
  TemporaryName temporary(new_name);
  const bool other_owner = old.st_uid != ::geteuid() || old.st_gid != ::getegid();
  if (other_owner && ::fchown(opened.number(), old.st_uid, old.st_gid) != 0) return system_failure(doing);
  if (!fill(opened, contents)) return system_failure(doing);
  if (::rename(temporary.path().c_str(), file.c_str()) != 0) return system_failure(doing);
  temporary.keep();
  // The new file is there. Where this fails a power cut may bring the old one back, which is whole too.
  (void)sync_folder(folder_of(file));
  return {};
}

}  // namespace quantumgate::api
