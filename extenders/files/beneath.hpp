// SPDX-License-Identifier: MIT
// Opens what lies below a folder, never through a symbolic link: a link in the way can not lead out of the folder.
// Threads: any; blocks on the disk.
#pragma once

#include <string>
#include <string_view>

#include "extenders/files/descriptor.hpp"

namespace quantumgate::files {

struct Place {
  Descriptor parent;  // the folder that holds it
  std::string name;   // in that folder
};

// The place of `path` ("a/b/c", valid as a manifest has it) below the folder `root`. On failure `parent` is closed and
// errno says why: ENOENT, ENOTDIR (also for a link), or another.
Place find_beneath(int root, std::string_view path);

// The folder `name` in `parent`, if it is one. Sets errno.
Descriptor open_folder(int parent, const std::string& name);

// A regular file for reading; never waits, never follows a link. Sets errno; EINVAL: not a regular file.
Descriptor open_regular(int parent, const std::string& name);

// Fills as much of `size` bytes at `data` from `offset` on as the file has. Returns the number, or -1 and errno.
long read_at(int file, void* data, std::size_t size, unsigned long long offset);

}  // namespace quantumgate::files
