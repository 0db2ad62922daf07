// SPDX-License-Identifier: MIT
#include "wire/tcp_framing.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::wire {
namespace {

std::array<std::byte, kTcpSaltSize> draw_salt(RandomSource& random) {
  constexpr std::string_view kCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<std::byte, kTcpSaltSize> salt;
  random.fill(salt);
  for (std::byte& b : salt) b = static_cast<std::byte>(kCharacters[std::to_integer<std::size_t>(b) % 64]);
  return salt;
}

std::size_t length_of(BytesView frame) { return load_be<std::uint16_t>(frame.first<kTcpLengthSize>()); }

}  // namespace

TcpFrameWriter::TcpFrameWriter(const Secret<32>& key, RandomSource& random)
    : salt_(draw_salt(random)), stream_(key, salt_) {}

void TcpFrameWriter::append(BytesView datagram, Bytes& out) {
  CHECK(!datagram.empty() && datagram.size() <= kTcpDatagramMax);
  if (!std::exchange(begun_, true)) out.insert(out.end(), salt_.begin(), salt_.end());
  const std::size_t at = out.size();
  out.resize(at + kTcpLengthSize);
  store_be(static_cast<std::uint16_t>(datagram.size()), MutableBytesView(out).subspan(at).first<kTcpLengthSize>());
  out.insert(out.end(), datagram.begin(), datagram.end());
  stream_.apply(MutableBytesView(out).subspan(at));
}

MutableBytesView TcpFrameReader::take_salt(MutableBytesView bytes) {
  const std::size_t size = std::min(bytes.size(), kTcpSaltSize - salt_read_);
  std::copy_n(bytes.begin(), size, salt_.begin() + static_cast<std::ptrdiff_t>(salt_read_));
  salt_read_ += size;
  if (salt_read_ == kTcpSaltSize) {
    stream_.emplace(key_, salt_);
    key_.clear();
  }
  return bytes.subspan(size);
}

void TcpFrameReader::read(MutableBytesView bytes, std::vector<MutableBytesView>& datagrams) {
  completed_ = {};
  if (broken_) return;
  if (!stream_) bytes = take_salt(bytes);
  if (!stream_) return;
  stream_->apply(bytes);
  while (!bytes.empty()) {
    // A frame that lies in `bytes` as a whole is used where it is.
    const bool starts_here = partial_.empty() && bytes.size() >= kTcpLengthSize;
    if (!starts_here && partial_.size() < kTcpLengthSize) {
      partial_.push_back(bytes.front());
      bytes = bytes.subspan(1);
      if (partial_.size() < kTcpLengthSize) continue;
    }
    const std::size_t length = length_of(starts_here ? BytesView(bytes) : BytesView(partial_));
    if (length == 0 || length > kTcpDatagramMax) {
      broken_ = true;
      partial_ = {};
      return;
    }
    const std::size_t size = kTcpLengthSize + length;
    if (starts_here && bytes.size() >= size) {
      datagrams.push_back(bytes.subspan(kTcpLengthSize, length));
      bytes = bytes.subspan(size);
      continue;
    }
    const auto more = bytes.first(std::min(bytes.size(), size - partial_.size()));
    partial_.insert(partial_.end(), more.begin(), more.end());
    bytes = bytes.subspan(more.size());
    if (partial_.size() < size) continue;
    completed_ = std::exchange(partial_, {});  // only the first datagram of a call can have begun before it
    datagrams.push_back(MutableBytesView(completed_).subspan(kTcpLengthSize));
  }
}

}  // namespace quantumgate::wire
