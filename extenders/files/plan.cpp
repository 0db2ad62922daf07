// SPDX-License-Identifier: MIT
#include "extenders/files/plan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "extenders/files/beneath.hpp"

namespace quantumgate::files {
namespace {

namespace fs = std::filesystem;

Entry entry_of(std::string path, const struct stat& info) {
  Entry entry;
  entry.path = std::move(path);
  entry.kind = S_ISDIR(info.st_mode)           ? Entry::Kind::folder
               : (info.st_mode & S_IXUSR) != 0 ? Entry::Kind::executable
                                               : Entry::Kind::file;
  entry.size = entry.is_folder() ? 0 : static_cast<std::uint64_t>(info.st_size);
  entry.mtime_s = info.st_mtim.tv_sec;
  entry.mtime_ns = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
  return entry;
}

// The name that the user sees at the end of `path`: also of "folder/" and ".".
std::string name_of(const fs::path& path) {
  std::error_code error;
  fs::path full = fs::absolute(path, error).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();
  return full.filename().string();
}

}  // namespace

tl::expected<Plan, Failure> Plan::make(const std::vector<fs::path>& paths, const std::string& name) {
  Plan plan;
  if (paths.size() > kRootsMax) return tl::unexpected(Failure{Reason::too_many, 0, {}});
  for (const fs::path& path : paths) {
    const std::string root = name.empty() || paths.size() != 1 ? name_of(path) : name;
    if (auto failure = plan.add_root(path, root)) {
      if (failure->path.empty()) failure->path = path.string();
      return tl::unexpected(std::move(*failure));
    }
  }
  if (const auto fault = fault_of(plan.manifest_)) return tl::unexpected(Failure{*fault, 0, {}});
  if (encode(plan.manifest_).size() > kManifestHeadBytes + kManifestBytesMax) {
    return tl::unexpected(Failure{Reason::too_many, 0, {}});
  }
  return plan;
}

std::optional<Failure> Plan::add_root(const fs::path& path, std::string name) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!opened) {
    const bool absent = errno == ENOENT || errno == ENOTDIR || errno == ENXIO;  // ENXIO: a socket
    return Failure{absent ? Reason::not_a_file : Reason::read_failed, errno, {}};
  }
  struct stat info {};
  if (::fstat(opened.get(), &info) != 0) return Failure{Reason::read_failed, errno, {}};
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) return Failure{Reason::not_a_file, 0, {}};
  if (!is_safe_root(name)) return Failure{Reason::bad_name, 0, {}};
  for (const Root& other : roots_) {
    if (manifest_.entries[other.first_entry].path == name) return Failure{Reason::same_name, 0, {}};
  }
  roots_.push_back({path, manifest_.entries.size()});
  manifest_.entries.push_back(entry_of(name, info));
  return S_ISDIR(info.st_mode) ? walk(opened.get(), name, 1) : std::nullopt;
}

std::optional<Failure> Plan::walk(int folder, const std::string& path, std::size_t depth) {
  DIR* stream = ::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stream == nullptr) {
    skip(path, Reason::read_failed, errno);
    return std::nullopt;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    if (names.size() > kEntriesMax) break;
  }
  ::closedir(stream);
  std::ranges::sort(names);  // the same each time, whatever the file system does
  for (const std::string& name : names) {
    if (manifest_.entries.size() >= kEntriesMax) return Failure{Reason::too_many, 0, {}};
    const std::string full = path + "/" + name;
    struct stat info {};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      skip(full, Reason::read_failed, errno);
    } else if (S_ISLNK(info.st_mode)) {
      skip(full, Reason::symbolic_link, 0);
    } else if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      skip(full, Reason::special_file, 0);
    } else if (!is_safe_name(name) || full.size() > kPathBytesMax || depth + 1 > kDepthMax) {
      skip(full, Reason::bad_name, 0);
    } else if (S_ISREG(info.st_mode)) {
      if (::faccessat(folder, name.c_str(), R_OK, AT_EACCESS) != 0) {
        skip(full, Reason::read_failed, errno);
      } else {
        manifest_.entries.push_back(entry_of(full, info));
      }
    } else if (const Descriptor inner = open_folder(folder, name); !inner) {
      skip(full, Reason::read_failed, errno);
    } else {
      manifest_.entries.push_back(entry_of(full, info));
      if (auto failure = walk(inner.get(), full, depth + 1)) return failure;
    }
  }
  return std::nullopt;
}

void Plan::skip(std::string path, Reason reason, int error) {
  const bool link = reason == Reason::symbolic_link || reason == Reason::special_file;
  ++(link ? links_ : missed_);
  if (skipped_.size() >= kSkippedNamedMax) return;
  Item item;
  item.how = Item::How::skipped;
  item.failure = Failure{reason, error, path};
  item.path = std::move(path);
  skipped_.push_back(std::move(item));
}

Transfer Plan::totals() const {
  Transfer totals;
  totals.name = manifest_.entries.front().path;
  totals.roots = roots_.size();
  for (const Entry& entry : manifest_.entries) {
    ++(entry.is_folder() ? totals.folders : totals.files);
    totals.size += entry.size;
  }
  totals.skipped = links_;
  totals.failed = missed_;
  return totals;
}

tl::expected<Descriptor, Failure> Plan::open(std::size_t index) const {
  const Entry& entry = manifest_.entries[index];
  const auto after = std::ranges::upper_bound(roots_, index, {}, &Root::first_entry);
  const fs::path& root = std::prev(after)->path;
  Descriptor file;
  if (entry.is_root()) {
    file = Descriptor(::open(root.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  } else {
    const Descriptor folder(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string_view path = entry.path;
    if (folder) {
      const Place place = find_beneath(folder.get(), path.substr(path.find('/') + 1));
      if (place.parent) file = open_regular(place.parent.get(), place.name);
    }
  }
  if (!file) {
    const bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EINVAL;
    return tl::unexpected(Failure{gone ? Reason::source_changed : Reason::read_failed, errno, entry.path});
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return tl::unexpected(Failure{Reason::read_failed, errno, entry.path});
  if (!S_ISREG(info.st_mode) || entry_of(entry.path, info) != entry) {
    return tl::unexpected(Failure{Reason::source_changed, 0, entry.path});
  }
  return file;
}

}  // namespace quantumgate::files
