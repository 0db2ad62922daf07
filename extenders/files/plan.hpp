// SPDX-License-Identifier: MIT
// What will be sent: walks the named files and folders and makes the manifest. Links are not followed (but a path named
// by the user may be one); what can not be sent is listed with the reason.
// Threads: any; blocks on the disk.   Bounds: as a manifest's; 256 paths; 1,000 skipped items are named, more counted.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "extenders/files/descriptor.hpp"
#include "extenders/files/manifest.hpp"

namespace quantumgate::files {

inline constexpr std::size_t kRootsMax = 256;
inline constexpr std::size_t kSkippedNamedMax = 1000;

class Plan {
 public:
  // Looks at `paths`; `name` replaces the name of a single one, unless it is empty. Fails with what is wrong with one
  // of the paths themselves: not_a_file, read_failed, bad_name, same_name, too_many, too_large.
  static tl::expected<Plan, Failure> make(const std::vector<std::filesystem::path>& paths, const std::string& name);

  const Manifest& manifest() const noexcept { return manifest_; }
  const std::vector<Item>& skipped() const noexcept { return skipped_; }  // How::skipped, each with its failure
  Transfer totals() const;  // name, roots, files, folders, size, failed, skipped

  // Opens entry `index`, a file, for reading; it must be as it was when the plan was made. Sets errno.
  tl::expected<Descriptor, Failure> open(std::size_t index) const;

 private:
  struct Root {
    std::filesystem::path path;
    std::size_t first_entry;
  };
  std::optional<Failure> add_root(const std::filesystem::path& path, std::string name);
  std::optional<Failure> walk(int folder, const std::string& path, std::size_t depth);
  void skip(std::string path, Reason reason, int error);

  Manifest manifest_;
  std::vector<Root> roots_;  // in the order of the entries
  std::vector<Item> skipped_;
  std::uint64_t links_ = 0;   // skipped links and special files
  std::uint64_t missed_ = 0;  // skipped for another reason
};

}  // namespace quantumgate::files
