// SPDX-License-Identifier: MIT
#include "extenders/files/manifest.hpp"

#include <algorithm>
#include <unordered_set>

#include "extenders/common/utf8.hpp"

namespace quantumgate::files {
namespace {

constexpr std::byte kFlagResume{1};
constexpr std::size_t kEntryBytesMin = 1 + 2 + 1 + 8 + 4;

template <class T>
void put(Bytes& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift & 0xFF));
  }
}

// Takes `size` bytes from the front; nothing if there are fewer.
std::optional<BytesView> take(BytesView& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  const BytesView taken = bytes.first(size);
  bytes = bytes.subspan(size);
  return taken;
}

std::optional<std::uint64_t> take_number(BytesView& bytes, std::size_t size) {
  const auto taken = take(bytes, size);
  if (!taken) return std::nullopt;
  std::uint64_t value = 0;
  for (const std::byte byte : *taken) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

std::optional<Reason> fault_of_path(std::string_view path) {
  if (path.size() > kPathBytesMax) return Reason::bad_name;
  std::size_t depth = 0;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    if (!(depth == 0 ? is_safe_root(name) : is_safe_name(name))) return Reason::bad_name;
    if (++depth > kDepthMax) return Reason::too_many;
    start = end + 1;
  }
  return std::nullopt;
}

}  // namespace

bool is_safe_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
         name.find_first_of("/\\") == std::string_view::npos && !text::has_control(name);
}

bool is_safe_root(std::string_view name) noexcept { return is_safe_name(name) && name.front() != '.'; }

std::optional<Reason> fault_of(const Manifest& manifest) {
  if (manifest.entries.empty()) return Reason::malformed;
  if (manifest.entries.size() > kEntriesMax) return Reason::too_many;
  std::unordered_set<std::string_view> seen, folders;
  std::uint64_t size = 0;
  for (const Entry& entry : manifest.entries) {
    if (const auto fault = fault_of_path(entry.path)) return fault;
    if (entry.mtime_ns >= 1'000'000'000) return Reason::malformed;
    if (!seen.insert(entry.path).second) return Reason::malformed;
    const std::string_view path = entry.path;
    if (!entry.is_root() && !folders.contains(path.substr(0, path.rfind('/')))) return Reason::malformed;
    if (entry.is_folder()) {
      folders.insert(path);
    } else if (entry.size > kSizeMax || (size += entry.size) > kSizeMax) {
      return Reason::too_large;
    }
  }
  return std::nullopt;
}

Bytes encode(const Manifest& manifest) {
  Bytes body;
  for (const Entry& entry : manifest.entries) {
    put(body, static_cast<std::uint8_t>(entry.kind));
    put(body, static_cast<std::uint16_t>(entry.path.size()));
    const BytesView path = as_bytes(entry.path);
    body.insert(body.end(), path.begin(), path.end());
    if (!entry.is_folder()) put(body, entry.size);
    put(body, entry.mtime_s);
    put(body, entry.mtime_ns);
  }
  Bytes out{manifest.resume ? kFlagResume : std::byte{0}};
  put(out, static_cast<std::uint32_t>(manifest.entries.size()));
  put(out, static_cast<std::uint32_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

tl::expected<std::size_t, Reason> manifest_body_size(BytesView head) {
  head = head.subspan(1);
  const auto count = take_number(head, 4).value_or(0);
  const auto size = take_number(head, 4).value_or(0);
  if (count > kEntriesMax || size > kManifestBytesMax) return tl::unexpected(Reason::too_many);
  if (count == 0 || size < count * kEntryBytesMin) return tl::unexpected(Reason::malformed);
  return static_cast<std::size_t>(size);
}

tl::expected<Manifest, Reason> decode_manifest(BytesView bytes) {
  if (bytes.size() < kManifestHeadBytes) return tl::unexpected(Reason::malformed);
  const auto size = manifest_body_size(bytes.first(kManifestHeadBytes));
  if (!size) return tl::unexpected(size.error());
  Manifest manifest;
  const std::byte flags = bytes[0];
  if ((flags & ~kFlagResume) != std::byte{0}) return tl::unexpected(Reason::malformed);
  manifest.resume = flags == kFlagResume;
  bytes = bytes.subspan(1);
  const auto count = *take_number(bytes, 4);
  bytes = bytes.subspan(4);
  if (bytes.size() != *size) return tl::unexpected(Reason::malformed);
  manifest.entries.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    Entry entry;
    const auto kind = take_number(bytes, 1);
    const auto path_size = take_number(bytes, 2);
    if (!kind || *kind < 1 || *kind > 3 || !path_size) return tl::unexpected(Reason::malformed);
    entry.kind = static_cast<Entry::Kind>(*kind);
    const auto path = take(bytes, static_cast<std::size_t>(*path_size));
    const auto entry_size = entry.is_folder() ? std::optional<std::uint64_t>(0) : take_number(bytes, 8);
    const auto seconds = take_number(bytes, 8);
    const auto nanoseconds = take_number(bytes, 4);
    if (!path || !entry_size || !seconds || !nanoseconds) return tl::unexpected(Reason::malformed);
    entry.path = as_text(*path);
    entry.size = *entry_size;
    entry.mtime_s = static_cast<std::int64_t>(*seconds);
    entry.mtime_ns = static_cast<std::uint32_t>(*nanoseconds);
    manifest.entries.push_back(std::move(entry));
  }
  if (!bytes.empty()) return tl::unexpected(Reason::malformed);
  if (const auto fault = fault_of(manifest)) return tl::unexpected(*fault);
  return manifest;
}

}  // namespace quantumgate::files
