// SPDX-License-Identifier: MIT
#include "extenders/files/types.hpp"

namespace quantumgate::files {

const char* describe(Reason reason) noexcept {
  switch (reason) {
    case Reason::malformed:
      return "the other side did not follow the protocol";
    case Reason::not_accepting:
      return "the receiver takes no files now";
    case Reason::bad_name:
      return "the receiver does not take such a file name";
    case Reason::exists:
      return "the receiver has something else of that name already";
    case Reason::too_large:
      return "larger than the receiver takes";
    case Reason::no_space:
      return "no space left at the receiver";
    case Reason::write_failed:
      return "the receiver can not write the file";
    case Reason::digest_differs:
      return "what arrived is not what was sent";
    case Reason::cancelled:
      return "cancelled";
    case Reason::source_changed:
      return "the file was changed while it was sent";
    case Reason::busy:
      return "too many transfers at the same time";
    case Reason::read_failed:
      return "the sender can not read the file";
    case Reason::stopping:
      return "the node of one side stopped";
    case Reason::too_many:
      return "more files and folders than the receiver takes at once, or nested too deeply";
    case Reason::not_connected:
      return "not connected to the peer";
    case Reason::lost:
      return "the peer is gone";
    case Reason::no_service:
      return "the peer runs no file service";
    case Reason::not_a_file:
      return "not a regular file or folder";
    case Reason::symbolic_link:
      return "a symbolic link, not followed";
    case Reason::special_file:
      return "neither a file nor a folder";
    case Reason::same_name:
      return "two of the paths end in the same name";
  }
  return "unknown reason";
}

}  // namespace quantumgate::files
