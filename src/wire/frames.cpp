// SPDX-License-Identifier: MIT
#include "wire/frames.hpp"

#include <algorithm>

#include "base/byte_order.hpp"

namespace quantumgate::wire {

std::optional<Frame> FrameReader::next() noexcept {
  if (in_.left() == 0) return std::nullopt;
  const auto type = in_.integer<std::uint8_t>();
  const BytesView body = (type & kFrameHasLength) ? in_.take(in_.integer<std::uint16_t>()) : in_.take_rest();
  if (in_.failed()) return std::nullopt;
  return Frame{static_cast<std::uint8_t>(type & kFrameKindMask), (type & kFrameMustUnderstand) != 0, body};
}

std::size_t write_path_frame(const PathFrame& frame, MutableBytesView content, std::size_t size) {
  const Bytes body = encode(frame);
  const std::size_t with_length = 1 + sizeof(std::uint16_t) + body.size();
  if (size <= with_length) {
    content[0] = frame_type(FrameKind::path);
    std::ranges::copy(body, content.begin() + 1);
    return 1 + body.size();
  }
  content[0] = frame_type(FrameKind::path) | std::byte{kFrameHasLength};
  store_be(static_cast<std::uint16_t>(body.size()), content.subspan(1).first<sizeof(std::uint16_t)>());
  std::ranges::copy(body, content.begin() + 1 + sizeof(std::uint16_t));
  const MutableBytesView padding = content.first(size).subspan(with_length);
  std::ranges::fill(padding, std::byte{0});
  padding[0] = frame_type(FrameKind::padding);
  return size;
}

}  // namespace quantumgate::wire
