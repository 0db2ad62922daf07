// SPDX-License-Identifier: MIT
#include "wire/stream_header.hpp"

#include <algorithm>

#include "base/byte_order.hpp"

namespace quantumgate::wire {
namespace {
constexpr const char* kDoing = "reading a stream header";
constexpr std::uint32_t kCompressed = std::uint32_t{1} << 31;
}  // namespace

bool valid_extender_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= kExtenderNameSizeMax && std::all_of(name.begin(), name.end(), allowed);
}

Bytes StreamHeader::encode() const {
  Bytes bytes(2 + name.size());
  bytes[0] = static_cast<std::byte>(kind);
  bytes[1] = static_cast<std::byte>(name.size());
  std::ranges::copy(as_bytes(name), bytes.begin() + 2);
  return bytes;
}

Result<std::size_t> StreamHeader::size(BytesView front) noexcept {
  if (!front.empty() && front[0] > static_cast<std::byte>(StreamKind::messages_delayed)) {
    return fail(ErrorCode::malformed, kDoing);
  }
  if (front.size() < 2) return 2;
  const std::size_t name_size = std::to_integer<std::size_t>(front[1]);
  if (name_size == 0 || name_size > kExtenderNameSizeMax) return fail(ErrorCode::malformed, kDoing);
  return 2 + name_size;
}

Result<StreamHeader> StreamHeader::decode(BytesView bytes) {
  const auto wanted = size(bytes);
  if (!wanted || *wanted != bytes.size()) return fail(ErrorCode::malformed, kDoing);
  StreamHeader header{static_cast<StreamKind>(bytes[0]), std::string(as_text(bytes.subspan(2)))};
  if (!valid_extender_name(header.name)) return fail(ErrorCode::malformed, kDoing);
  return header;
}

std::array<std::byte, BlockHead::kSize> BlockHead::encode() const noexcept {
  std::array<std::byte, kSize> bytes;
  store_be(size | (compressed ? kCompressed : 0), std::span(bytes));
  return bytes;
}

BlockHead BlockHead::decode(std::span<const std::byte, kSize> bytes) noexcept {
  const auto word = load_be<std::uint32_t>(bytes);
  return {word & ~kCompressed, (word & kCompressed) != 0};
}

}  // namespace quantumgate::wire
