// SPDX-License-Identifier: MIT
// Files of this node, as the system has them: a descriptor that closes itself, and the system's errors in our words.
// Layer: api.   Threads: any; the calls block on the disk.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "quantumgate/bytes.h"
#include "quantumgate/result.h"

namespace quantumgate::api {

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  bool valid() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }

 private:
  int number_;
};

// What errno says about a call that has just failed.
inline tl::unexpected<Error> system_failure(const char* doing) {
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
    case EFBIG:
      return fail(ErrorCode::no_space, doing, error);
    case EWOULDBLOCK:
      return fail(ErrorCode::would_block, doing, error);
    case ELOOP:
    case ENXIO:  // a socket
    case EISDIR:
      return fail(ErrorCode::malformed, doing, error);
    default:
      return fail(ErrorCode::system, doing, error);
  }
}

// False leaves errno.
inline bool write_all(int descriptor, BytesView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace quantumgate::api
