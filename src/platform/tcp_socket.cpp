// SPDX-License-Identifier: MIT
#include "platform/tcp_socket.hpp"

#include <netinet/tcp.h>
#include <unistd.h>

#include <utility>

#include "node/environment.hpp"
#include "platform/socket_address.hpp"

namespace quantumgate::platform {
namespace {

constexpr int kWaitingMax = 128;  // connections that the system holds until they are accepted

int new_socket(const Endpoint& endpoint) {
  const int family = endpoint.is_v4() ? AF_INET : AF_INET6;
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

}  // namespace

Result<TcpSocket> TcpSocket::listen(const Endpoint& local) {
  constexpr const char* kDoing = "listening on TCP";
  const int descriptor = new_socket(local);
  if (descriptor < 0) return fail(code_of(errno), kDoing, errno);
  TcpSocket socket(descriptor, local);
  if (!local.is_v4() && !set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
    return fail(ErrorCode::system, kDoing, errno);
  }
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);  // connections of before that linger do not matter
  Address address = to_system(local);
  const bool listens = ::bind(descriptor, &address.any, address.size) == 0 && ::listen(descriptor, kWaitingMax) == 0;
  if (!listens) return fail(code_of(errno), kDoing, errno);
  if (::getsockname(descriptor, &address.any, &address.size) != 0) return fail(ErrorCode::system, kDoing, errno);
  socket.endpoint_ = from_system(address);
  return socket;
}

TcpSocket TcpSocket::connect(const Endpoint& remote) {
  TcpSocket socket(new_socket(remote), remote);
  if (socket.descriptor_ < 0) return socket;
  socket.prepare();
  const Address address = to_system(remote);
  if (::connect(socket.descriptor_, &address.any, address.size) != 0 && errno != EINPROGRESS) socket.close();
  return socket;
}

TcpSocket::TcpSocket(TcpSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), endpoint_(other.endpoint_) {}

void TcpSocket::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

// Datagrams are to leave at once, and what waits unsent is to be short: it is a queue in front of all others.
void TcpSocket::prepare() const {
  set_option(descriptor_, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(node::kTcpUnsentMax));
}

Result<std::optional<TcpSocket>> TcpSocket::accept() {
  for (;;) {
    Address address;
    address.size = sizeof address.v6;
    const int descriptor = ::accept4(descriptor_, &address.any, &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      TcpSocket socket(descriptor, from_system(address));
      socket.prepare();
      return std::optional(std::move(socket));
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<TcpSocket>();
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return fail(ErrorCode::limit, "accepting a TCP connection", errno);
    }
    // Anything else concerns one connection, which is gone from the queue.
  }
}

bool TcpSocket::connected() const {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

std::optional<std::size_t> TcpSocket::read(MutableBytesView out) {
  for (;;) {
    const ssize_t size = ::recv(descriptor_, out.data(), out.size(), MSG_DONTWAIT);
    if (size > 0) return static_cast<std::size_t>(size);
    if (size == 0) return std::nullopt;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return std::nullopt;
  }
}

std::size_t TcpSocket::write(BytesView bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ssize_t size = ::send(descriptor_, bytes.data() + taken, bytes.size() - taken, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) {
      taken += static_cast<std::size_t>(size);
    } else if (size == 0 || errno != EINTR) {
      break;
    }
  }
  return taken;
}

}  // namespace quantumgate::platform
