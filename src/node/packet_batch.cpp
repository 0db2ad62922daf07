// SPDX-License-Identifier: MIT
#include "node/packet_batch.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::node {

using session::kPacketSizeMax;

PacketBatch::PacketBatch(const std::vector<std::unique_ptr<DatagramSocket>>& sockets)
    : sockets_(sockets), slab_(kSlots * kPacketSizeMax) {}

MutableBytesView PacketBatch::next() {
  if (used_ == kSlots) flush();
  if (used_ == kSlots) return {};
  return MutableBytesView(slab_).subspan(used_ * kPacketSizeMax, kPacketSizeMax);
}

void PacketBatch::add(const Path& path, std::size_t size) {
  CHECK(used_ < kSlots && size <= kPacketSizeMax);
  slots_[used_++] = {path, size};
}

void PacketBatch::add(const Path& path, BytesView datagram) {
  const MutableBytesView room = next();
  if (room.empty()) return;
  std::copy(datagram.begin(), datagram.end(), room.begin());
  add(path, datagram.size());
}

void PacketBatch::flush() {
  if (blocked_) return;
  std::size_t done = 0;
  while (done < used_) {
    // A run of datagrams for one socket.
    const std::uint8_t socket = slots_[done].path.socket;
    std::size_t count = 0;
    while (done + count < used_ && slots_[done + count].path.socket == socket) {
      const std::size_t at = done + count;
      out_[count++] = {slots_[at].path.remote, BytesView(slab_).subspan(at * kPacketSizeMax, slots_[at].size)};
    }
    const std::size_t sent = sockets_[socket]->send(std::span(out_).first(count));
    datagrams_sent_ += sent;
    for (std::size_t i = 0; i < sent; ++i) bytes_sent_ += slots_[done + i].size;
    done += sent;
    if (sent < count) {
      blocked_ = true;
      break;
    }
  }
  // What is left moves to the front; this happens only when the system is full.
  for (std::size_t i = done; i < used_; ++i) {
    std::copy_n(slab_.begin() + static_cast<std::ptrdiff_t>(i * kPacketSizeMax), slots_[i].size,
                slab_.begin() + static_cast<std::ptrdiff_t>((i - done) * kPacketSizeMax));
    slots_[i - done] = slots_[i];
  }
  used_ -= done;
}

}  // namespace quantumgate::node
