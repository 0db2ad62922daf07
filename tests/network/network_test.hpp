// SPDX-License-Identifier: MIT
// Nodes in a simulated network, for tests: a node with its host, an extender that counts and checks a transfer.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/local_node.hpp"
#include "sim/environment.hpp"
#include "sim/faults.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::network_test {

using namespace std::chrono_literals;

// Byte `at` of the test data: cheap, and different for any shift that a stream could suffer.
inline std::byte data_byte(std::uint64_t at) {
  const std::uint64_t block = at / 8 * 0x9e3779b97f4a7c15;
  return static_cast<std::byte>((block ^ block >> 29) >> at % 8 * 8);
}

// Takes streams, checks every byte, and answers the end with one byte: 1 for "all right".
class Sink final : public Extender {
 public:
  Sink() : Extender("test.sink") {}
  void on_stream(std::shared_ptr<Stream> stream) override;

  std::uint64_t received = 0;
  std::uint64_t wrong = 0;
  std::uint64_t ended = 0;
  std::vector<Error> errors;
};

// Writes `size` bytes of the test data to the peer's Sink and waits for its answer.
class Source {
 public:
  Source(Node& node, const PeerUuid& peer, std::uint64_t size);
  bool done() const { return answered_ && closed_; }
  bool failed() const { return error_.has_value(); }
  std::uint64_t written() const { return written_; }

 private:
  void write();
  std::shared_ptr<Stream> stream_;
  std::uint64_t size_;
  std::uint64_t written_ = 0;
  bool answered_ = false;
  bool closed_ = false;
  std::optional<Error> error_;
};

// Notes who came and went.
class Observer final : public Extender {
 public:
  Observer() : Extender("test.observer") {}
  void on_stream(std::shared_ptr<Stream>) override {}
  void on_peer_up(const Peer& peer) override { ups.push_back(peer); }
  void on_peer_down(const Peer&, CloseReason reason) override { downs.push_back(reason); }
  std::vector<Peer> ups;
  std::vector<CloseReason> downs;
};

// A node on a simulated host, with a Sink and an Observer.
struct TestNode {
  struct Options {
    std::string network = "test";
    std::uint8_t shared_secret = 0;  // 0: none, else a secret made of this byte
    std::uint32_t sessions_max = 4096;
    bool v6 = false;
    bool anywhere = false;                             // listens on 0.0.0.0: the host may get another address
    std::vector<std::shared_ptr<Extender>> extenders;  // beside the Sink and the Observer
    std::vector<std::string> suites = suite_names();
    Privacy privacy{};
    std::uint64_t cover_for_peers_max = NodeOptions().cover_for_peers_max;
    std::uint32_t packet_size_max = NodeOptions().packet_size_max;
    bool tcp = true;
  };
  TestNode(sim::Simulator& network, std::uint8_t seed) : TestNode(network, seed, Options()) {}
  TestNode(sim::Simulator& network, std::uint8_t seed, const Options& options);
  void restart();  // as a process that was killed and started again: nobody is told
  void kill();

  Address address() const;
  // Dials and runs the simulator until there is an answer.
  Result<Peer> connect(const Address& to, std::chrono::milliseconds time_limit = 10s) {
    return connect(to, ConnectOptions{time_limit});
  }
  Result<Peer> connect(const Address& to, const ConnectOptions& options);
  std::uint64_t dropped() const;

  sim::Simulator& simulator;
  sim::Host& host;
  Identity identity;
  Options options;
  std::shared_ptr<Sink> sink;
  std::shared_ptr<Observer> observer;
  std::vector<std::string> log;
  std::unique_ptr<Node> node;
};

// What tests of transfers share: a network, and what is sent in it. A base of the fixture, so that it goes last:
// callbacks of the sources come until the nodes are gone.
class Transfers {
 protected:
  explicit Transfers(std::uint64_t seed = 1) : simulator(seed) {}

  // `size` bytes from one node to the Sink of another.
  Source& start(TestNode& from, const TestNode& to, std::uint64_t size);
  // Whether all has arrived within `limit`.
  bool ends(const Source& source, Duration limit);
  // Neither has noticed anything but the session that was there at first.
  static void one_session(const TestNode& a, const TestNode& b);

 private:
  std::vector<std::unique_ptr<Source>> sources_;

 protected:
  sim::Simulator simulator;
};

}  // namespace quantumgate::network_test
