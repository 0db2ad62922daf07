// SPDX-License-Identifier: MIT
#include "node/packet_batch.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace quantumgate::node {

using session::kPacketSizeMax;

PacketBatch::PacketBatch(const std::vector<std::unique_ptr<DatagramSocket>>& sockets, DatagramSocket& tcp)
    : sockets_(sockets), tcp_(tcp), slab_(kSlots * kPacketSizeMax) {}

MutableBytesView PacketBatch::next() {
  if (used_ == kSlots) flush();
  if (used_ == kSlots) return {};
  return MutableBytesView(slab_).subspan(used_bytes_, kPacketSizeMax);
}

void PacketBatch::add(const Path& path, std::size_t size, bool alone) {
  CHECK(used_ < kSlots && size <= kPacketSizeMax);
  slots_[used_++] = {path, used_bytes_, size, alone};
  used_bytes_ += size;
}

void PacketBatch::add(const Path& path, BytesView datagram) {
  const MutableBytesView room = next();
  if (room.empty()) return;
  std::copy(datagram.begin(), datagram.end(), room.begin());
  add(path, datagram.size(), true);
}

void PacketBatch::flush() {
  if (blocked_) return;
  std::size_t done = 0;
  while (done < used_) {
    // A run of datagrams for one socket.
    const std::uint8_t socket = slots_[done].path.socket;
    std::size_t count = 0;
    for (; done + count < used_ && slots_[done + count].path.socket == socket; ++count) {
      const Slot& slot = slots_[done + count];
      out_[count] = {slot.path.remote, BytesView(slab_).subspan(slot.at, slot.size), slot.alone};
    }
    DatagramSocket& to = socket == Path::kTcp ? tcp_ : *sockets_[socket];
    const std::size_t sent = to.send(std::span(out_).first(count));
    if (socket != Path::kTcp) {
      datagrams_sent_ += sent;
      for (std::size_t i = 0; i < sent; ++i) bytes_sent_ += slots_[done + i].size;
    }
    done += sent;
    if (sent < count) {
      blocked_ = true;
      break;
    }
  }
  // What is left moves to the front; this happens only when the system is full.
  const std::size_t from = done < used_ ? slots_[done].at : used_bytes_;
  std::copy(slab_.begin() + static_cast<std::ptrdiff_t>(from), slab_.begin() + static_cast<std::ptrdiff_t>(used_bytes_),
            slab_.begin());
  std::copy(slots_.begin() + static_cast<std::ptrdiff_t>(done), slots_.begin() + static_cast<std::ptrdiff_t>(used_),
            slots_.begin());
  used_ -= done;
  used_bytes_ -= from;
  for (Slot& slot : std::span(slots_).first(used_)) slot.at -= from;
}

}  // namespace quantumgate::node
