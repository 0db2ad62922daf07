// SPDX-License-Identifier: MIT
#include "extenders/files/beneath.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace quantumgate::files {

Descriptor open_folder(int parent, const std::string& name) {
  return Descriptor(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

Place find_beneath(int root, std::string_view path) {
  Place place{Descriptor(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), {}};
  while (place.parent) {
    const std::size_t slash = path.find('/');
    place.name = path.substr(0, slash);
    if (slash == std::string_view::npos) break;
    place.parent = open_folder(place.parent.get(), place.name);
    path.remove_prefix(slash + 1);
  }
  return place;
}

Descriptor open_regular(int parent, const std::string& name) {
  // Not blocking: the name may be that of a pipe.
  Descriptor file(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return file;
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return {};
  if (S_ISREG(info.st_mode)) return file;
  errno = EINVAL;
  return {};
}

long read_at(int file, void* data, std::size_t size, unsigned long long offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(file, static_cast<char*>(data) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<long>(done);
}

}  // namespace quantumgate::files
