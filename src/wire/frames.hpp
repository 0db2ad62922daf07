// SPDX-License-Identifier: MIT
// Frames: the typed parts of a packet's content.
// Spec: docs/spec/03-session.md, sections 2, 3, 5, 9 and 10.   Layer: wire (pure functions).   Ownership: borrows the
// content.
#pragma once

#include <optional>

#include "quantumgate/peer.h"
#include "quantumgate/privacy.h"
#include "wire/schema.hpp"

namespace quantumgate::wire {

enum class FrameKind : std::uint8_t {
  padding = 0,
  stream = 1,
  control = 2,
  close = 3,
  rekey = 4,
  path = 5,
  datagram = 8
};
inline constexpr std::size_t kDatagramIdSize = 4;  // at the front of a DATAGRAM frame's body
inline constexpr std::uint8_t kFrameMustUnderstand = 0x80;
inline constexpr std::uint8_t kFrameHasLength = 0x40;
inline constexpr std::uint8_t kFrameKindMask = 0x3f;

struct Frame {
  std::uint8_t kind;  // a FrameKind if it is a known one
  bool must_understand;
  BytesView body;  // borrowed from the content
};

// Walks over the frames of a packet's content.
class FrameReader {
 public:
  explicit FrameReader(BytesView content) noexcept : in_(content) {}
  // The next frame; nothing at the end or when the content does not parse: then malformed() is true.
  std::optional<Frame> next() noexcept;
  bool malformed() const noexcept { return in_.failed(); }

 private:
  Reader in_;
};

// Type byte of a frame that fills the rest of its packet.
constexpr std::byte frame_type(FrameKind kind) noexcept {
  // Every frame of version 1 but PADDING must be understood: a receiver that skips one would lose data silently.
  return static_cast<std::byte>(static_cast<std::uint8_t>(kind) |
                                (kind == FrameKind::padding ? 0 : kFrameMustUnderstand));
}

struct CloseFrame {
  CloseReason reason{};
  static constexpr auto kFields = fields(field("reason", &CloseFrame::reason));
};

enum class ControlWhat : std::uint8_t { request = 0, answer = 1 };
inline constexpr std::size_t kControlBodyMax = 256;

struct ControlHeader {
  ControlWhat what{};
  std::uint32_t id = 0;
  std::uint8_t method = 0;
  static constexpr auto kFields = fields(field("what", &ControlHeader::what), field("id", &ControlHeader::id),
                                         field("method", &ControlHeader::method));
  static constexpr std::size_t kSize = 6;
};

// A PATH frame: is somebody with our keys there? An answer brings back the token of the challenge.
enum class PathWhat : std::uint8_t { challenge = 0, answer = 1 };

struct PathFrame {
  PathWhat what{};
  std::uint64_t token = 0;
  static constexpr auto kFields = fields(field("what", &PathFrame::what), field("token", &PathFrame::token));
  static constexpr std::size_t kSize = 9;
};

// Writes the content of a packet that carries `frame` alone, filled up to `size` bytes; its size.
std::size_t write_path_frame(const PathFrame& frame, MutableBytesView content, std::size_t size);

// The body of control method 7: how the peer is to shape its packets.
struct PrivacyRequest {
  Padding padding{};
  Cover cover{};
  std::uint32_t interval_us = 0;
  std::uint16_t delay_ms = 0;
  static constexpr auto kFields =
      fields(field("padding", &PrivacyRequest::padding), field("cover", &PrivacyRequest::cover),
             field("interval", &PrivacyRequest::interval_us), field("delay", &PrivacyRequest::delay_ms));
};

// A REKEY frame: half a message of a key update. The half follows the header.
enum class RekeyPart : std::uint8_t { message1_first, message1_second, message2_first, message2_second };

struct RekeyHeader {
  RekeyPart part{};
  std::uint32_t epoch = 0;
  static constexpr auto kFields = fields(field("part", &RekeyHeader::part), field("epoch", &RekeyHeader::epoch));
  static constexpr std::size_t kSize = 5;
};

// The payload of both messages of a key update.
struct RekeyPayload {
  std::uint32_t index = 0;  // under which its sender receives packets that are sealed with the new keys
  static constexpr auto kFields = fields(field("index", &RekeyPayload::index));
  static constexpr std::size_t kSize = 4;
};

}  // namespace quantumgate::wire
