// SPDX-License-Identifier: MIT
// One TCP socket of the operating system, listening or connected; never blocks. Knows no event loop.
// Layer: platform.   Threads: one object, one thread.
#pragma once

#include <cstddef>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/result.h"

namespace quantumgate::platform {

class TcpSocket {
 public:
  // One address family. Errors: as UdpSocket::open.
  static Result<TcpSocket> listen(const Endpoint& local);
  // Begins to connect; when the socket becomes writable, connected() tells how it ended. Without a descriptor if that
  // could not even begin.
  static TcpSocket connect(const Endpoint& remote);
  TcpSocket(TcpSocket&& other) noexcept;
  TcpSocket& operator=(TcpSocket&&) = delete;
  ~TcpSocket() { close(); }
  void close() noexcept;  // nothing else may be called then

  int descriptor() const noexcept { return descriptor_; }  // negative: there is none
  // Of a listening socket its own endpoint, else the other side's.
  const Endpoint& endpoint() const noexcept { return endpoint_; }

  // The next connection that waits at a listening socket; nothing if there is none. Errors: limit (no descriptor or
  // memory for it now: it waits on).
  Result<std::optional<TcpSocket>> accept();

  bool connected() const;
  // How many bytes came, 0 if there are none now; nothing once the connection is over.
  std::optional<std::size_t> read(MutableBytesView out);
  // How many bytes were taken. Takes none if node::kTcpUnsentMax wait to be sent, or if the connection is over, which
  // read() tells.
  std::size_t write(BytesView bytes);

 private:
  TcpSocket(int descriptor, const Endpoint& endpoint) : descriptor_(descriptor), endpoint_(endpoint) {}
  void prepare() const;
  int descriptor_;
  Endpoint endpoint_;
};

}  // namespace quantumgate::platform
