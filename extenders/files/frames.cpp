// SPDX-License-Identifier: MIT
#include "extenders/files/frames.hpp"

#include <algorithm>

namespace quantumgate::files {
namespace {

// Bytes after the type; 0: no such type.
std::size_t size_of(FrameType type) {
  switch (type) {
    case FrameType::want:
    case FrameType::go:
    case FrameType::file:
      return 4 + 8;
    case FrameType::done:
      return 4 + 1;
    case FrameType::refused:
    case FrameType::abandon:
      return 4 + 2;
    case FrameType::proof:
      return 4 + 32;
    case FrameType::data:
      return 4;
    case FrameType::end:
      return 32;
  }
  return 0;
}

void put(Bytes& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<std::byte>(value >> shift & 0xFF));
}

std::uint64_t number(BytesView bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

}  // namespace

void append(Bytes& out, const Frame& frame) {
  put(out, static_cast<std::uint64_t>(frame.type), 1);
  if (frame.type != FrameType::end) put(out, frame.index, 4);
  switch (frame.type) {
    case FrameType::want:
    case FrameType::go:
    case FrameType::file:
      return put(out, frame.offset, 8);
    case FrameType::done:
      return put(out, frame.present ? 1 : 0, 1);
    case FrameType::refused:
    case FrameType::abandon:
      return put(out, 256 + static_cast<std::uint64_t>(frame.reason), 2);
    case FrameType::proof:
    case FrameType::end:
      out.insert(out.end(), frame.digest.begin(), frame.digest.end());
      return;
    case FrameType::data:
      return;
  }
}

void append_data_head(Bytes& out, std::size_t size) {
  put(out, static_cast<std::uint64_t>(FrameType::data), 1);
  put(out, size, 4);
}

std::optional<Frame> FrameReader::next(BytesView& input) {
  if (broken_ || input.empty()) return std::nullopt;
  Frame frame;
  if (data_left_ != 0) {
    frame.type = FrameType::data;
    frame.data = input.first(std::min(input.size(), data_left_));
    input = input.subspan(frame.data.size());
    data_left_ -= frame.data.size();
    return frame;
  }
  if (head_.empty()) {
    head_.push_back(input.front());
    input = input.subspan(1);
  }
  frame.type = static_cast<FrameType>(head_.front());
  const std::size_t size = size_of(frame.type);
  if (size == 0) {
    broken_ = true;
    return std::nullopt;
  }
  const BytesView taken = input.first(std::min(input.size(), 1 + size - head_.size()));
  head_.insert(head_.end(), taken.begin(), taken.end());
  input = input.subspan(taken.size());
  if (head_.size() < 1 + size) return std::nullopt;

  BytesView fields = BytesView(head_).subspan(1);
  if (frame.type == FrameType::data) {
    data_left_ = static_cast<std::size_t>(number(fields));
    head_.clear();
    broken_ = data_left_ == 0 || data_left_ > kDataBytesMax;
    return next(input);
  }
  if (frame.type != FrameType::end) {
    frame.index = static_cast<std::uint32_t>(number(fields.first(4)));
    fields = fields.subspan(4);
  }
  if (fields.size() == 8) frame.offset = number(fields);
  if (fields.size() == 32) std::ranges::copy(fields, frame.digest.begin());
  if (fields.size() == 1) {
    frame.present = fields[0] == std::byte{1};
    broken_ = fields[0] > std::byte{1};
  }
  if (fields.size() == 2) {
    const std::uint64_t code = number(fields);
    broken_ = code < 256 || code > 256 + static_cast<std::uint64_t>(kLastSent);
    frame.reason = static_cast<Reason>(code - 256);
  }
  head_.clear();
  if (broken_) return std::nullopt;
  return frame;
}

}  // namespace quantumgate::files
