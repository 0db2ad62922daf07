// SPDX-License-Identifier: MIT
// Datagrams on their way out, collected so that the system is asked once for many.
// They lie one behind the other, so that a run of them can cross into the system as one piece.
// Layer: node.   Threads: one object, one thread.   Memory: kSlots x 1,472 bytes, fixed.
#pragma once

#include <array>
#include <vector>

#include "handshake/transmit.hpp"
#include "node/environment.hpp"
#include "quantumgate/secret.h"
#include "session/constants.hpp"

namespace quantumgate::node {

using handshake::Path;

class PacketBatch {
 public:
  static constexpr std::size_t kSlots = 96;  // two segmented sends of the usual packets

  // The sockets, by the numbers that Path uses, and that of Path::kTcp. Borrowed.
  PacketBatch(const std::vector<std::unique_ptr<DatagramSocket>>& sockets, DatagramSocket& tcp);
  ~PacketBatch() { wipe(slab_); }
  PacketBatch(const PacketBatch&) = delete;
  PacketBatch& operator=(const PacketBatch&) = delete;

  // Room for the next datagram, kPacketSizeMax bytes; empty while the system takes no more: then wait for on_writable.
  MutableBytesView next();
  // The bytes just written into next() are a datagram of `size` bytes for `path`. `alone`: never part of a segmented
  // send.
  void add(const Path& path, std::size_t size, bool alone = false);
  // A copy, sent alone: a handshake must get through wherever anything does. Dropped if the system takes no more.
  void add(const Path& path, BytesView datagram);
  // Hands everything collected to the system. What it does not take stays, and blocked() becomes true.
  void flush();
  void unblock() noexcept { blocked_ = false; }
  bool blocked() const noexcept { return blocked_; }

  // By UDP.
  std::uint64_t datagrams_sent() const noexcept { return datagrams_sent_; }
  std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  struct Slot {
    Path path;
    std::size_t at = 0;  // in slab_
    std::size_t size = 0;
    bool alone = false;
  };
  const std::vector<std::unique_ptr<DatagramSocket>>& sockets_;
  DatagramSocket& tcp_;
  std::vector<std::byte> slab_;
  std::array<Slot, kSlots> slots_;
  std::array<OutgoingDatagram, kSlots> out_;
  std::size_t used_ = 0;        // slots filled, from 0
  std::size_t used_bytes_ = 0;  // of slab_, from 0
  bool blocked_ = false;
  std::uint64_t datagrams_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace quantumgate::node
