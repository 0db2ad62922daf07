// SPDX-License-Identifier: MIT
#include "node/blocks.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::node {

using wire::BlockHead;

namespace {
// With less room than this, a long write waits rather than be cut into crumbs.
constexpr std::size_t kCrumb = 4096;
}  // namespace

std::size_t BlockWriter::write(stream::Streams& streams, stream::StreamId id, Compressor& compressor, BytesView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const BytesView rest = bytes.subspan(taken);
    const std::size_t room = streams.room(id);
    if (room < BlockHead::kSize + std::min(rest.size(), kCrumb)) {
      streams.want_room(id);
      break;
    }
    const BytesView plain = rest.first(std::min({rest.size(), kBlockMax, room - BlockHead::kSize}));
    const bool tried = compress_ && gauge_.worthwhile(streams.delivery_rate());
    const BytesView packed = tried ? compressor.compress(plain) : BytesView();
    const BytesView body = packed.empty() ? plain : packed;
    CHECK(streams.write(id, BlockHead{static_cast<std::uint32_t>(body.size()), !packed.empty()}.encode()) ==
          BlockHead::kSize);
    CHECK(streams.write(id, body) == body.size());
    gauge_.note(plain.size(), body.size(), tried);
    taken += plain.size();
  }
  return taken;
}

bool BlockReader::advance(stream::Streams& streams, stream::StreamId id, Compressor& compressor) {
  if (!plain_.empty()) return true;
  if (left_ == 0) {
    head_size_ += streams.read(id, MutableBytesView(head_).subspan(head_size_));
    if (head_size_ < head_.size()) return head_size_ == 0 || !streams.at_end(id);
    const BlockHead head = BlockHead::decode(head_);
    if (head.size == 0 || head.size > kBlockMax) return false;
    head_size_ = 0;
    left_ = head.size;
    compressed_ = head.compressed;
  }
  if (compressed_) {
    const std::size_t had = packed_.size();
    packed_.resize(had + std::min(left_, streams.readable(id)));
    const std::size_t moved = streams.read(id, MutableBytesView(packed_).subspan(had));
    CHECK(moved == packed_.size() - had);
    left_ -= moved;
    if (left_ == 0) {
      if (!compressor.decompress(packed_, kBlockMax, plain_) || plain_.empty()) return false;
      packed_ = WipedBytes();
      plain_at_ = 0;
      compressed_ = false;
      return true;
    }
  }
  return left_ == 0 || !streams.at_end(id);
}

std::size_t BlockReader::read(stream::Streams& streams, stream::StreamId id, MutableBytesView out) {
  if (!plain_.empty()) {
    const std::size_t count = std::min(out.size(), plain_.size() - plain_at_);
    std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(plain_at_), count, out.begin());
    plain_at_ += count;
    if (plain_at_ == plain_.size()) {
      wipe(plain_);
      plain_ = Bytes();
    }
    return count;
  }
  if (compressed_) return 0;
  const std::size_t count = streams.read(id, out.first(std::min(out.size(), left_)));
  left_ -= count;
  return count;
}

std::size_t BlockReader::readable(const stream::Streams& streams, stream::StreamId id) const {
  if (!plain_.empty()) return plain_.size() - plain_at_;
  return compressed_ ? 0 : std::min(left_, streams.readable(id));
}

}  // namespace quantumgate::node
