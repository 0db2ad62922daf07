// SPDX-License-Identifier: MIT
// One UDP socket of the operating system, in batches: a whole batch costs one system call, and where the kernel can do
// it, runs of equal-sized datagrams cross it as one (UDP_SEGMENT, UDP_GRO). Knows no event loop.
// Layer: platform.   Threads: one object, one thread; a ReceiveBuffer may serve many sockets of that thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "node/environment.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/result.h"

namespace quantumgate::platform {

// What recvmmsg writes into. Memory: 4 MiB of address space, of which only the pages that datagrams reach become real:
// 256 KiB as long as the kernel merges none.
class ReceiveBuffer {
 public:
  ReceiveBuffer();
  ~ReceiveBuffer();
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;

 private:
  friend class UdpSocket;
  struct Headers;
  std::unique_ptr<std::byte[]> bytes_;
  std::unique_ptr<Headers> headers_;
  std::vector<node::IncomingDatagram> datagrams_;
};

class UdpSocket {
 public:
  // What the system does with runs of datagrams.
  struct Offload {
    bool segments = false;  // UDP_SEGMENT cuts them
    bool merges = false;    // UDP_GRO puts them together
    friend bool operator==(const Offload&, const Offload&) = default;
  };
  // Sends runs over loopback and looks at every byte that arrives: some kernels have the options and a fault in them.
  // Takes well under a millisecond where all is well; any failure counts as "does not work".
  static Offload test_offload();

  // Non-blocking, one address family, datagrams are never fragmented (the path MTU is the sender's business), buffers
  // of 4 MiB as far as the system allows, runs of datagrams as test_offload(), asked once, said. Errors:
  // address_in_use, permission_denied, invalid_argument (not an address of this machine), system.
  static Result<UdpSocket> open(const Endpoint& local);
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&&) = delete;
  ~UdpSocket() { close(); }
  void close() noexcept;  // nothing else may be called then

  int descriptor() const noexcept { return descriptor_; }
  const Endpoint& local_endpoint() const noexcept { return local_; }

  // Sends in order until the system takes no more at once, and returns how many. What can not be sent at all
  // (unreachable, other family, longer than the path) counts as sent.
  std::size_t send(std::span<const node::OutgoingDatagram> batch);

  // What one system call yields, cut into datagrams; empty when nothing waits. More than kReceiveBatchMax are possible
  // if the kernel merged some. Valid until the buffer's next use. Datagrams over kDatagramSizeMax are left out.
  struct Received {
    std::span<const node::IncomingDatagram> datagrams;
    bool maybe_more;           // the system call was filled to its limit
    std::size_t oversize = 0;  // left out
  };
  Received receive(ReceiveBuffer& buffer);

 private:
  static Result<UdpSocket> open(const Endpoint& local, Offload offload);
  // Whether a few runs reach `receiver` as they were.
  static bool passes(UdpSocket& sender, UdpSocket& receiver);
  UdpSocket(int descriptor, const Endpoint& local) : descriptor_(descriptor), local_(local) {}
  int descriptor_;
  Endpoint local_;
  bool segments_ = false;  // UDP_SEGMENT works here
};

}  // namespace quantumgate::platform
