// SPDX-License-Identifier: MIT
// The real world: a node::Environment made of the operating system's clocks, sockets, timers and resolver.
//
//   platform::SystemEnvironment environment;
//   environment.post([&] { ... start a node on it ... });
//   environment.run();  // until somebody calls stop()
//
// Layer: platform.
// Threads: post() and stop() from any. run() makes its caller the environment's thread; all else is for that thread, or
// for any one thread while run() is not active.
// Ownership: sockets and timers must be destroyed before the environment; those inside waiting work go with it.
// Bounds: a turn of the loop receives at most 4 batches of each socket and 256 KiB of each TCP connection, accepts at
// most 64 connections, and a send takes at most 1,024 datagrams (then it falls short), so that no socket starves the
// others; at most 64 names are being resolved (more: ErrorCode::limit). Posted work is not bounded here: whoever posts
// for strangers has to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/environment.hpp"

namespace quantumgate::platform {

class SystemEnvironment final : public node::Environment {
 public:
  SystemEnvironment();
  // Drops the work that still waits. May wait for a name lookup that the system is busy with.
  ~SystemEnvironment() override;
  SystemEnvironment(const SystemEnvironment&) = delete;
  SystemEnvironment& operator=(const SystemEnvironment&) = delete;

  // Serves callbacks until stop(). May be called again; what was waiting goes on.
  void run();
  // Makes run() return after the current callback; if it is not active, the next run() returns at once.
  void stop();

  // Datagrams dropped because they were longer than node::kDatagramSizeMax.
  std::uint64_t oversize_datagrams() const noexcept;

  TimePoint now() const override;
  UnixTime wall_clock() const override;
  RandomSource& random() override;  // crypto::SystemRandom
  Result<std::unique_ptr<node::DatagramSocket>> open_datagram_socket(const Endpoint& local,
                                                                     node::DatagramCallbacks callbacks) override;
  Result<std::unique_ptr<node::TcpListener>> open_tcp_listener(const Endpoint& local,
                                                               node::TcpAccept on_accept) override;
  std::unique_ptr<node::TcpConnection> open_tcp(const Endpoint& remote, node::TcpCallbacks callbacks) override;
  std::unique_ptr<node::Timer> make_timer(std::function<void()> on_deadline) override;
  void resolve(std::string host, std::uint16_t port, std::function<void(Result<std::vector<Endpoint>>)> done) override;
  void post(std::function<void()> work) override;
  std::function<void(std::function<void()>)> poster() override;
  bool on_thread() const noexcept override;  // while run() is active

 private:
  struct Loop;
  class Socket;
  class Tcp;
  class TcpDoor;
  class Alarm;
  const std::unique_ptr<Loop> loop_;
};

}  // namespace quantumgate::platform
