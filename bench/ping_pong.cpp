// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/check.hpp"
#include "bench/measurements.hpp"

namespace quantumgate::bench {
namespace {

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(descriptor_ >= 0 && ::bind(descriptor_, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void connect_to(const Socket& other) const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    CHECK(::getsockname(other.descriptor_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    CHECK(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  }
  void send(std::size_t size) const {
    CHECK(::send(descriptor_, bytes_.data(), size, 0) == static_cast<ssize_t>(size));
  }
  std::size_t receive() {
    const ssize_t size = ::recv(descriptor_, bytes_.data(), bytes_.size(), 0);
    CHECK(size >= 0);
    return static_cast<std::size_t>(size);
  }

 private:
  int descriptor_;
  std::array<std::byte, 64> bytes_{};
};

}  // namespace

// Blocking calls and nothing else: what the system itself takes for a datagram there and back.
Measured udp_ping_pong_rate() {
  Socket near, far;
  near.connect_to(far);
  far.connect_to(near);
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    while (far.receive() == 64) far.send(64);
    ::_exit(0);
  }
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::duration<double> time{};
  double rounds = 0;
  for (; time.count() < 1; ++rounds) {
    near.send(64);
    near.receive();
    time = std::chrono::steady_clock::now() - begin;
  }
  near.send(1);  // the end
  ::waitpid(child, nullptr, 0);
  return {rounds / time.count(), std::nullopt};
}

}  // namespace quantumgate::bench
