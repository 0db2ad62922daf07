// SPDX-License-Identifier: MIT
// What stands at the front of each stream, and in front of each block or message in it.
// Spec: docs/spec/04-streams.md, sections 7 and 8.   Layer: wire (pure functions).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "quantumgate/send_options.h"

namespace quantumgate::wire {

inline constexpr std::size_t kExtenderNameSizeMax = 64;
bool valid_extender_name(std::string_view name) noexcept;

enum class StreamKind : std::uint8_t {
  bytes = 0,   // the extender's bytes as they are, both ways
  blocks = 1,  // in blocks, each of which may be compressed, both ways
  messages_expedited = 2,
  messages_normal = 3,
  messages_delayed = 4,
};
constexpr bool carries_messages(StreamKind kind) noexcept { return kind >= StreamKind::messages_expedited; }
constexpr StreamKind messages_of(Priority priority) noexcept {
  return static_cast<StreamKind>(static_cast<std::uint8_t>(StreamKind::messages_expedited) +
                                 static_cast<std::uint8_t>(priority));
}
// `kind` carries messages.
constexpr Priority priority_of(StreamKind kind) noexcept {
  return static_cast<Priority>(static_cast<std::uint8_t>(kind) -
                               static_cast<std::uint8_t>(StreamKind::messages_expedited));
}

// kind(1) ‖ length(1) ‖ name.
struct StreamHeader {
  StreamKind kind{};
  std::string name;

  Bytes encode() const;
  // How many bytes the header has, as far as `front`, its first bytes, tells: more than front.size() until the header
  // is complete. `malformed` as soon as that is sure.
  static Result<std::size_t> size(BytesView front) noexcept;
  // `bytes`: as many as size() said.
  static Result<StreamHeader> decode(BytesView bytes);
};

// In front of each block and each message: size(4), the top bit of which says that a zstd frame follows.
struct BlockHead {
  static constexpr std::size_t kSize = 4;
  std::uint32_t size = 0;  // of what follows; below 2^31
  bool compressed = false;

  std::array<std::byte, kSize> encode() const noexcept;
  static BlockHead decode(std::span<const std::byte, kSize> bytes) noexcept;
};

}  // namespace quantumgate::wire
