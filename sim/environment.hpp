// SPDX-License-Identifier: MIT
// One simulated machine: what a node sees of the simulated world.
// Layer: sim.   Threads: one, the simulator's.   Ownership: belongs to its Simulator and lives as long.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/environment.hpp"
#include "sim/random.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::sim {

class Host final : public node::Environment {
 public:
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() override;

  std::uint32_t id() const noexcept { return id_; }  // 0, 1, 2, ... in the order of add_host
  Simulator& simulator() noexcept { return simulator_; }
  const std::vector<Endpoint>& addresses() const noexcept { return addresses_; }
  // The host's first address of that family, with `port`; it must have one.
  Endpoint v4(std::uint16_t port) const;
  Endpoint v6(std::uint16_t port) const;

  // Moves the host to another network. Sockets bound to no particular address go on from the new one; what is under way
  // to the old one gets lost.
  void set_addresses(std::vector<Endpoint> addresses);
  // A wrong clock. Timers and now() stay right.
  void set_wall_clock_offset(std::chrono::seconds offset) noexcept { wall_clock_offset_ = offset; }
  // All sockets together take at most `count` datagrams (> 0) in each `interval` (> 0), then sends fall short.
  void limit_sends(std::size_t count, Duration interval);

  // node::Environment. Names are found after 1 ms, textual addresses at the next turn.
  TimePoint now() const override;
  UnixTime wall_clock() const override;
  RandomSource& random() override { return random_; }  // repeatable, see sim/random.hpp
  Result<std::unique_ptr<node::DatagramSocket>> open_datagram_socket(const Endpoint& local,
                                                                     node::DatagramCallbacks callbacks) override;
  Result<std::unique_ptr<node::TcpListener>> open_tcp_listener(const Endpoint& local,
                                                               node::TcpAccept on_accept) override;
  std::unique_ptr<node::TcpConnection> open_tcp(const Endpoint& remote, node::TcpCallbacks callbacks) override;
  std::unique_ptr<node::Timer> make_timer(std::function<void()> on_deadline) override;
  void resolve(std::string host, std::uint16_t port, std::function<void(Result<std::vector<Endpoint>>)> done) override;
  void post(std::function<void()> work) override;
  std::function<void(std::function<void()>)> poster() override;
  bool on_thread() const noexcept override { return true; }  // there is no other

 private:
  friend class Simulator;
  class Socket;
  class Alarm;
  class Tcp;
  class TcpSocket;
  static constexpr std::uint16_t kFirstFreePort = 49152;  // the dynamic ports of RFC 6335

  Host(Simulator& simulator, std::uint32_t id, std::vector<Endpoint> addresses);
  bool owns(const Endpoint& endpoint) const;
  const Endpoint* address_like(const Endpoint& other) const;  // of the same family
  bool port_taken(const Endpoint& local) const;
  std::shared_ptr<SocketState> listener(const Endpoint& to) const;
  std::size_t send(const std::shared_ptr<SocketState>& socket, std::span<const node::OutgoingDatagram> batch);
  static void receive(const std::shared_ptr<SocketState>& socket, std::span<const node::IncomingDatagram> batch);
  static void fire(TimerState& timer);
  std::shared_ptr<TcpListening> tcp_listener(const Endpoint& to) const;
  std::uint16_t take_tcp_port();

  Simulator& simulator_;
  const std::uint32_t id_;
  std::vector<Endpoint> addresses_;
  std::map<Endpoint, std::shared_ptr<SocketState>> sockets_;         // by local endpoint
  std::map<Endpoint, std::shared_ptr<TcpListening>> tcp_listeners_;  // likewise
  SeededRandom random_;
  std::chrono::seconds wall_clock_offset_{0};
  std::uint16_t next_port_;
  std::uint16_t next_tcp_port_ = kFirstFreePort;
  std::uint64_t next_timer_ = 0;
  std::size_t send_limit_ = 0;  // 0: none
  Duration send_interval_{};
  TimePoint send_window_end_{};
  std::size_t sends_left_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // what poster() looks at
};

}  // namespace quantumgate::sim
