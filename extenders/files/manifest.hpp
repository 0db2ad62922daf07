// SPDX-License-Identifier: MIT
// What a transfer consists of, said before anything of it is sent; and which names may travel.
// Spec: docs/spec/extenders/files.md, sections 2 and 3.   Threads: plain values.
// Bounds: 100,000 entries, 8 MiB of text, 64 names in a path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "extenders/files/types.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/result.h"

namespace quantumgate::files {

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kPathBytesMax = 4000;  // below PATH_MAX with room for the folder it comes into
inline constexpr std::size_t kDepthMax = 64;
inline constexpr std::size_t kEntriesMax = 100'000;
inline constexpr std::size_t kManifestBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kManifestHeadBytes = 9;
inline constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 62;  // of all files together

struct Entry {
  enum class Kind : std::uint8_t { folder = 1, file = 2, executable = 3 };
  Kind kind = Kind::file;
  std::string path;            // relative, '/' between names
  std::uint64_t size = 0;      // of a file
  std::int64_t mtime_s = 0;    // since 1970, UTC
  std::uint32_t mtime_ns = 0;  // below 10^9

  bool is_folder() const noexcept { return kind == Kind::folder; }
  bool is_root() const noexcept { return path.find('/') == std::string::npos; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct Manifest {
  bool resume = true;  // false: what the receiver has of these files from before is to be thrown away
  std::vector<Entry> entries;
};

// Whether `name` may become a name here: 1 to 255 bytes of UTF-8, no '/', '\', control or direction-changing character;
// not "." or "..".
bool is_safe_name(std::string_view name) noexcept;
// ... and the name of a whole transfer, which lies in the receiver's folder itself: no dot in front either.
bool is_safe_root(std::string_view name) noexcept;

// What is wrong with `manifest`, if anything: bad_name, too_many, too_large, or malformed (a path twice, below no
// folder that came before it, a time out of range, or nothing at all).
std::optional<Reason> fault_of(const Manifest& manifest);

Bytes encode(const Manifest& manifest);

// How many bytes follow the head. Too large ones are refused with too_many before any of them has come.
tl::expected<std::size_t, Reason> manifest_body_size(BytesView head);
// The manifest in `bytes`, head and body, if it follows the spec in every point.
tl::expected<Manifest, Reason> decode_manifest(BytesView bytes);

}  // namespace quantumgate::files
