// SPDX-License-Identifier: MIT
// TCP as one more datagram socket: each connection stands for its remote endpoint, and carries the datagrams that go
// there. Strangers may open connections; those that bring nothing authentic soon are closed.
// Spec: docs/spec/05-tcp.md.   Layer: node.   Threads: one object, one thread.   Ownership: borrows Environment and
// Credentials, which outlive it.
// Bounds: kTcpLinksMax connections; of each at most one datagram that is not complete and kTcpHeldMax bytes, and one
// frame more, on their way out: 10 MiB in all, and what the system keeps for as many sockets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "handshake/credentials.hpp"
#include "handshake/prefix.hpp"
#include "handshake/sealed_datagram.hpp"
#include "node/environment.hpp"
#include "wire/tcp_framing.hpp"

namespace quantumgate::node {

inline constexpr std::size_t kTcpLinksMax = 512;
inline constexpr std::size_t kTcpLinksPerPrefixMax = 64;  // accepted from one IPv4 /24 or IPv6 /48
inline constexpr Duration kTcpProofTime = std::chrono::seconds(10);
inline constexpr Duration kTcpIdleMax = std::chrono::seconds(60);
inline constexpr std::size_t kTcpHeldMax = 16 * 1024;  // while it opens, or takes no more

class TcpLinks final : public DatagramSocket {
 public:
  struct Callbacks {
    std::function<void(std::span<const IncomingDatagram>)> on_receive;
    // A connection that was opened here is open, or is over, or could not be opened. Never inside open().
    std::function<void(const Endpoint& remote, bool open)> on_link;
  };
  struct Counters {
    std::uint64_t received = 0, sent = 0;  // datagrams
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;   // a bound was reached
    std::uint64_t unproven = 0;  // closed: nothing authentic came
    std::uint64_t dropped = 0;   // datagrams that found no room, or no connection
  };

  TcpLinks(Environment& environment, const handshake::Credentials& credentials, Callbacks callbacks);

  Result<void> listen(const Endpoint& local);
  void stop_listening() noexcept { listeners_.clear(); }
  // Opens a connection to a node `acceptor`, unless there is one. `anew`: also in place of one that is open. Datagrams
  // may be sent at once. False if there is no room, or the connection is to another node.
  bool open(TimePoint now, const Endpoint& remote, const PeerUuid& acceptor, bool anew);
  bool is_open(const Endpoint& remote) const;
  // Something authentic came from there.
  void heard(TimePoint now, const Endpoint& from);

  // Closes everything; nothing is opened or accepted afterwards.
  void stop();

  // DatagramSocket. Takes everything: what finds no room is lost, as it would be on the way.
  Endpoint local_endpoint() const override { return {}; }
  std::size_t send(std::span<const OutgoingDatagram> batch) override;

  const Counters& counters() const noexcept { return counters_; }
  std::size_t size() const noexcept { return links_.size(); }

 private:
  struct Link {
    Link(const Secret<32>& in, const Secret<32>& out, RandomSource& random) : reader(in), writer(out, random) {}
    std::unique_ptr<TcpConnection> connection;
    wire::TcpFrameReader reader;
    wire::TcpFrameWriter writer;
    std::optional<PeerUuid> acceptor;  // of one that was opened here
    bool open = false;
    bool proven = false;
    TimePoint closes;  // unless something authentic comes
    Bytes held;        // frames on their way out
  };

  TcpCallbacks accept(std::unique_ptr<TcpConnection> connection);
  bool make_room(const Endpoint& from);
  TcpCallbacks callbacks_of(const Endpoint& remote);
  void on_open(const Endpoint& remote);
  void on_receive(const Endpoint& remote, MutableBytesView bytes);
  void on_closed(const Endpoint& remote);
  void remove(const Endpoint& remote);
  void expire_at(TimePoint time);
  void on_timer();
  static void write(Link& link);

  Environment& environment_;
  const handshake::Credentials& credentials_;
  const Callbacks callbacks_;
  struct Keys {
    Secret<32> in, out;
  };
  Guarded<Keys> accepting_keys_;
  std::vector<std::unique_ptr<TcpListener>> listeners_;
  std::map<Endpoint, std::shared_ptr<Link>> links_;         // at most kTcpLinksMax
  std::map<handshake::Prefix, std::size_t> accepted_from_;  // how many of them were accepted from there
  std::unique_ptr<Timer> timer_;
  std::optional<TimePoint> next_check_;  // of the timer; may be earlier than need be, never later
  Counters counters_;
  bool stopped_ = false;
};

}  // namespace quantumgate::node
