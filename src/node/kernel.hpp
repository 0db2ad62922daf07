// SPDX-License-Identifier: MIT
// The kernel: sockets, handshakes, sessions and streams of one node, joined. It sees the world through Environment
// only. Layer: node.   Threads: the environment's thread.   Ownership: borrows Environment and KernelEvents, which
// outlive it. Bounds: sockets 10; dials 256; sessions as configured; handshakes: handshake/constants.hpp.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"
#include "node/connection.hpp"
#include "node/cover_budget.hpp"
#include "node/delayed_sends.hpp"
#include "node/environment.hpp"
#include "node/index_table.hpp"
#include "node/packet_batch.hpp"
#include "node/prefix_shares.hpp"
#include "node/rival_sessions.hpp"
#include "node/tcp_links.hpp"
#include "quantumgate/node.h"

namespace quantumgate::node {

inline constexpr std::size_t kListenMax = 8;
inline constexpr std::size_t kDialsMax = 256;
inline constexpr Duration kDialTcpAfter = std::chrono::seconds(2);  // docs/spec/05-tcp.md, section 3

class KernelEvents {
 public:
  virtual ~KernelEvents() = default;
  virtual void on_peer_up(const Peer& peer) = 0;
  virtual void on_peer_down(const Peer& peer, CloseReason reason) = 0;
  // False if there is no extender of that name.
  virtual bool on_stream(const std::string& extender, std::shared_ptr<Stream> stream) = 0;
  virtual void on_message(const std::string& extender, Message message) = 0;
  virtual void on_message_room(const PeerUuid& peer, const std::string& extender) = 0;
  // False if no extender takes datagrams of that id.
  virtual bool on_datagram(const PeerUuid& peer, const DatagramId& id, BytesView content) = 0;
  // Null if there is no extender of that name.
  virtual const ExtenderOptions* extender_options(const std::string& extender) const = 0;
};

// One dial: the name resolution before it, the handshake, and who waits for it.
struct Dial {
  PeerUuid uuid;
  std::size_t names_open = 0;  // host names still being resolved
  std::vector<Path> paths;
  TimePoint end;
  std::uint8_t suite = 0;
  std::vector<std::function<void(Result<Peer>)>> waiting;
  std::uint32_t handshake_index = 0;
  std::uint32_t session_index = 0;
  std::optional<handshake::Initiator> initiator;
  std::optional<TimePoint> tcp_at;          // when TCP is tried as well, unless there was an answer
  std::optional<std::uint64_t> connection;  // its number, once message 2 was read
  std::optional<Privacy> privacy;           // asked for
};

class Kernel final : public ConnectionHost, private RivalSessions<Connection>::Host {
 public:
  // `options` were checked.
  Kernel(Environment& environment, const Identity& identity, const NodeOptions& options, KernelEvents& events);
  ~Kernel() override;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Binds the endpoints, UDP and TCP. On an error nothing is bound; where only TCP can not be had, it goes without.
  Result<void> listen(const std::vector<Endpoint>& endpoints);
  std::vector<Endpoint> local_endpoints() const;

  void connect(const Address& address, const ConnectOptions& options, std::function<void(Result<Peer>)> done);
  Result<void> disconnect(const PeerUuid& peer);
  Result<std::shared_ptr<Stream>> open_stream(const PeerUuid& peer, const std::string& extender,
                                              const StreamOptions& options);
  Result<void> send_message(const PeerUuid& peer, const std::string& extender, BytesView message,
                            const SendOptions& options, MessageDone done);
  Result<void> send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram);
  std::size_t datagram_size_max(const PeerUuid& peer) const;
  Result<void> set_privacy(const Privacy& privacy);
  Result<void> set_privacy(const PeerUuid& peer, const Privacy& privacy);
  const Privacy& privacy() const noexcept { return privacy_; }
  std::vector<Peer> peers() const;
  std::size_t peers_up() const noexcept { return rivals_.all_serving().size(); }
  NodeCounters counters() const;

  // Everything that calls into the kernel or into streams from outside of its own callbacks ends with this: delivers
  // events and sends what there is to send.
  void end_turn();
  // Closes all sessions and dials. Afterwards the kernel does nothing more.
  void stop();

 private:
  using Number = std::uint64_t;  // of a connection; counts up, so that every order in here is that of creation
  struct Entry {
    std::unique_ptr<Connection> connection;
    std::optional<TimePoint> deadline;  // as registered in deadlines_
    std::uint32_t key_updates = 0;      // as counted
    bool ended = false;                 // its streams are over; it lingers to repeat CLOSE
  };

  // ConnectionHost
  bool on_stream(Connection& connection, const std::string& name, std::shared_ptr<Stream> stream) override;
  void on_message(const std::string& name, Message message) override;
  void on_message_room(Connection& connection, const std::string& name) override;
  void on_datagram(Connection& connection, const DatagramId& id, BytesView content) override;
  const ExtenderOptions* extender_options(const std::string& name) const override;
  std::uint32_t new_index(Connection& connection) override;
  void retire_index(std::uint32_t index) override;
  void on_touched(Connection& connection) override;
  void on_moved(Connection& connection) override;
  void on_segments_lost(Connection& connection) override;
  bool grant_cover(Connection& connection, std::uint64_t bytes_per_second) override;
  bool open_tcp(Connection& connection) override;
  std::optional<Path> udp_path(const Endpoint& remote) override;
  std::function<void(std::function<void()>)> poster(Number number) override;

  // RivalSessions::Host
  void on_peer_up(TimePoint now, Connection& connection) override;
  void on_outlived(TimePoint now, Connection& connection) override;
  void on_settled(TimePoint now, Connection& stays, Connection& loses) override;
  void touch(Connection& connection) override;

  void on_receive(std::uint8_t socket, std::span<const IncomingDatagram> batch);
  void receive(TimePoint now, UnixTime wall, const Path& from, MutableBytesView datagram);
  void receive_for_connection(TimePoint now, const Path& from, Connection& connection, MutableBytesView datagram);
  // An open session with `peer`: the one that serves it, and the one for new streams; null if there is none.
  Connection* serving(const PeerUuid& peer) const;
  Connection* usable(const PeerUuid& peer) const;
  void log_stranger(TimePoint now, const Path& from);
  void on_timer();

  Result<void> listen_once(const Endpoint& local);
  Result<std::uint8_t> open_socket(const Endpoint& local);
  Result<std::uint8_t> socket_for(const Endpoint& remote);

  void resolve(Dial& dial, const std::vector<HostPort>& hosts);
  void start_dial(Dial& dial);
  void dial_by_tcp(TimePoint now, Dial& dial);
  // A TCP connection that was opened here is there, or is over.
  void on_tcp_link(const Endpoint& remote, bool open);
  void fail_dial(const PeerUuid& uuid, const Error& error);
  void serve_dials(TimePoint now, UnixTime wall);
  void serve_dial(TimePoint now, UnixTime wall, Dial& dial);
  void serve_responder(TimePoint now);

  Connection& add_connection(TimePoint now, handshake::Established established, const std::optional<Privacy>& privacy);
  void set_own_privacy(TimePoint now, Connection& connection, const Privacy& privacy);
  void serve_connection(TimePoint now, Number number);
  void end_connection(TimePoint now, Entry& entry);
  // Whether a session that is begun from there finds a place, be it that another one gives way.
  bool has_place_for(const Endpoint& from);
  bool make_place_for(TimePoint now, const Endpoint& from);
  void remove_connection(Number number);
  void schedule(Number number, Entry& entry);
  void set_timer(TimePoint now);
  // Runs `work` at a later turn, unless the kernel is gone by then.
  void later(std::function<void()> work);
  void answer_later(std::function<void(Result<Peer>)> done, Result<Peer> result);

  Environment& environment_;
  KernelEvents& events_;
  LogSink log_;
  stream::Limits limits_;
  Privacy privacy_;
  CoverBudget cover_for_peers_;
  std::size_t sessions_max_;
  std::size_t packet_size_max_;
  handshake::Credentials credentials_;
  bool tcp_on_;
  TcpLinks tcp_;
  IndexTable indexes_;
  handshake::Responder responder_;

  std::vector<std::unique_ptr<DatagramSocket>> sockets_;  // at most kListenMax + 2
  std::size_t listening_ = 0;                             // the first so many of them were asked for
  PacketBatch batch_;
  DelayedSends delayed_;  // of handshakes
  Compressor compressor_;
  std::unique_ptr<Timer> timer_;
  std::unique_ptr<Timer> again_timer_;  // for the next turn, when there is more to do than belongs into this one

  std::map<PeerUuid, std::unique_ptr<Dial>> dials_;  // at most kDialsMax
  // Those that others have begun find no place when sessions_max_ are open. One more is here while it closes.
  std::map<Number, Entry> connections_;
  std::set<Number> lingering_;          // those of them that have ended
  std::optional<PrefixShares> shares_;  // of those that others have begun, since all places were taken at first
  Number next_number_ = 0;
  std::map<Number, Privacy> own_privacy_;  // of the sessions that were asked for one
  RivalSessions<Connection> rivals_;
  std::set<std::pair<TimePoint, Number>> deadlines_;
  std::vector<Number> touched_;                      // to be served in this turn, in this order; each once
  std::vector<Number> again_;                        // to be served in the next turn
  std::multimap<TimePoint, std::uint32_t> retired_;  // indexes of dead sessions and keys, until they may be used again

  struct {
    std::uint64_t datagrams = 0;
    std::uint64_t bytes = 0;
    std::uint64_t unauthentic = 0;
    std::uint64_t replayed = 0;
    std::uint64_t full = 0;
    std::uint64_t sessions_evicted = 0;
    std::uint64_t completed = 0;  // as initiator
    std::uint64_t segments_lost = 0;
    std::uint64_t moves = 0;
    std::uint64_t key_updates = 0;
    std::uint64_t key_updates_failed = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t datagram_frames_sent = 0;
    std::uint64_t datagram_frames_received = 0;
    std::uint64_t datagram_frames_dropped = 0;
    std::uint64_t cover_bytes = 0;  // these two: of sessions that are over
    std::uint64_t padding_bytes = 0;
  } counted_;
  RateLimitedLog stranger_log_{std::chrono::minutes(1)};
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // what later() looks at
  bool in_turn_ = false;
  bool stopped_ = false;
};

}  // namespace quantumgate::node
