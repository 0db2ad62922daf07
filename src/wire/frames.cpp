// SPDX-License-Identifier: MIT
#include "wire/frames.hpp"

namespace quantumgate::wire {

std::optional<Frame> FrameReader::next() noexcept {
  if (in_.left() == 0) return std::nullopt;
  const auto type = in_.integer<std::uint8_t>();
  const BytesView body = (type & kFrameHasLength) ? in_.take(in_.integer<std::uint16_t>()) : in_.take_rest();
  if (in_.failed()) return std::nullopt;
  return Frame{static_cast<std::uint8_t>(type & kFrameKindMask), (type & kFrameMustUnderstand) != 0, body};
}

}  // namespace quantumgate::wire
