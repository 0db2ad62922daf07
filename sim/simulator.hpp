// SPDX-License-Identifier: MIT
// A network of many hosts in virtual time, in one thread, from one seed: the same seed gives the same run, datagram by
// datagram, and the same fingerprint. It runs as fast as the machine allows; nothing in it waits.
//
//   sim::Simulator simulator(seed);
//   sim::Host& a = simulator.add_host();        // a node::Environment, see sim/environment.hpp
//   sim::Host& b = simulator.add_host();
//   simulator.set_links(a, b, {.delay = 20ms, .loss_per_million = 10'000});
//   ... give a and b to two nodes ...
//   EXPECT_TRUE(simulator.run_until([&] { return connected; }, 5s));
//
// Model: a datagram leaves its host at once, passes the link of the two hosts (MTU, queue and rate, loss, duplication,
// delay and jitter, in this order), then the taps, and reaches the socket that listens at that moment. Datagrams that
// arrive together, one right after the other, at one socket are received as one batch. Datagrams are never fragmented.
// Handling an event takes no virtual time. Events of one instant happen in the order in which they were caused.
//
// Layer: sim.   Threads: one; unlike platform/, post() too is for the simulator's thread only.
// Ownership: owns its hosts. Sockets and timers of the hosts must be destroyed before the simulator.
// Memory: about 2 KiB for each datagram in flight, at most kInFlightMax of them; buffers are kept and used again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "node/environment.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/sim.h"
#include "sim/event_log.hpp"
#include "sim/random.hpp"

namespace quantumgate::sim {

class Host;
struct SocketState;
struct TimerState;
struct TcpListening;

// One direction of the path between two hosts.
using Link = SimulatedLink;

struct InjectedDatagram {
  Endpoint from;  // need not exist
  Endpoint to;
  Bytes data;
  Duration delay{};
};

// What a tap sees: a datagram that would now be delivered.
struct PassingDatagram {
  Endpoint from;
  Endpoint to;
  BytesView data;
};

struct Verdict {
  bool deliver = true;
  std::optional<Bytes> replacement;      // delivered in place of what was sent
  std::vector<InjectedDatagram> before;  // arrive ahead of it (their delay is not looked at)
  std::vector<InjectedDatagram> after;   // arrive `delay` later
};

// An attacker or a fault on the way. Injected datagrams pass no tap and no link.
using Tap = std::function<Verdict(const PassingDatagram&)>;

// What a tap of TCP sees: a piece of a stream that now arrives.
struct PassingSegment {
  Endpoint from;
  Endpoint to;
  BytesView data;
};
using TcpTap = std::function<void(const PassingSegment&)>;

// What becomes of TCP. Taps of datagrams do not see it: one that drops everything leaves a network where only TCP gets
// through.
enum class TcpReach : std::uint8_t {
  passes,
  refused,  // new connections are; those that are open live on
  dropped,  // nothing that is sent arrives
};

// Of the whole network. Once nothing is in flight: sent + duplicated + injected = delivered + all drops.
struct Traffic {
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;  // of UDP payload
  std::uint64_t duplicated = 0;
  std::uint64_t injected = 0;
  std::uint64_t replaced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t delivered_bytes = 0;
  // Drops; see the Event of the same name.
  std::uint64_t lost = 0;
  std::uint64_t queue_full = 0;
  std::uint64_t too_large = 0;
  std::uint64_t unreachable = 0;
  std::uint64_t not_listening = 0;
  std::uint64_t dropped_by_tap = 0;
  // Apart from datagrams.
  std::uint64_t tcp_accepted = 0;  // connections
  std::uint64_t tcp_bytes = 0;     // received
};

class Simulator {
 public:
  static constexpr std::size_t kInFlightMax = std::size_t{1} << 19;  // 1 GiB; further datagrams count as queue_full
  // So many events without progress of the clock are an endless loop in the code under test: the program stops.
  static constexpr std::uint64_t kEventsPerInstantMax = 20'000'000;

  explicit Simulator(std::uint64_t seed);
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  std::uint64_t seed() const noexcept { return seed_; }
  TimePoint now() const noexcept { return now_; }
  UnixTime wall_clock() const noexcept;  // the true one; hosts may be given wrong ones
  const Traffic& traffic() const noexcept { return traffic_; }
  Fingerprint fingerprint() const { return log_.fingerprint(); }
  std::uint64_t events_logged() const noexcept { return log_.size(); }

  // The n-th host without addresses of its own (n from 1) gets 10.x.y.z and fd00::x:y:z, where x.y.z is n.
  Host& add_host();
  Host& add_host(std::vector<Endpoint> addresses);  // ports are not looked at; no two hosts share an address
  Host& host(std::size_t index) { return *hosts_[index]; }
  std::size_t host_count() const noexcept { return hosts_.size(); }

  void set_default_link(const Link& link);  // for every pair without one of its own; also between a host and itself
  void set_link(const Host& from, const Host& to, const Link& link);  // one direction
  void set_links(const Host& a, const Host& b, const Link& link);     // both directions
  const Link& link(const Host& from, const Host& to) const;

  // Taps see each datagram in the order in which they were added; one that drops it ends the row.
  // Neither of these two is to be called from a tap.
  void add_tap(Tap tap) { taps_.push_back(std::move(tap)); }
  void clear_taps() { taps_.clear(); }
  void inject(const InjectedDatagram& datagram);
  void add_tcp_tap(TcpTap tap) { tcp_taps_.push_back(std::move(tap)); }
  void set_tcp(TcpReach reach) noexcept { tcp_ = reach; }

  // What `resolve` finds under `name`; ports are not looked at.
  void add_name(std::string name, std::vector<Endpoint> addresses);

  // Handles the next event, if there is one. Not to be called from a callback, nor are the next three.
  bool step();
  void run_until(TimePoint time);  // all events up to and including `time`; then that is the time
  void run_for(Duration duration) { run_until(now_ + duration); }
  // Runs until `done()`, which is asked before the first and after each event, but no longer than `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit);

 private:
  friend class Host;

  using Ip = std::array<std::byte, 16>;
  using Moment = std::pair<TimePoint, std::uint64_t>;  // time and running number: a total order of all events
  struct IpHash {
    std::size_t operator()(const Ip& ip) const noexcept { return content_hash(ip); }
  };
  struct Datagram;
  // How datagrams from one socket to one endpoint travel at this moment.
  struct Route {
    Endpoint from;
    Host* to;  // null: unreachable
    bool loopback;
    std::size_t overhead;
    const Link* link;
    TimePoint* busy_until;  // of rate-limited links
  };
  struct Entry {
    Moment moment;
    std::uint32_t slot;
    bool is_work;
  };

  static bool is_any(const Endpoint& endpoint);
  static bool is_loopback(const Endpoint& endpoint);
  Route route(Host& host, const Endpoint& local, const Endpoint& to);
  // `segmented`: it is part of what a system would send as one piece.
  void transmit(const Route& route, const node::OutgoingDatagram& outgoing, bool segmented);
  // When `bytes` (headers included) that are sent now have left; the link is busy until then.
  TimePoint pass_rate(const Route& route, std::size_t bytes);
  void schedule(TimePoint time, std::function<void()> work);
  void enqueue(const Entry& entry);
  Entry dequeue();
  std::optional<Moment> next_moment() const;
  void turn(const Moment& moment);
  void arrive();
  bool pass_taps(std::uint32_t slot);
  void deliver_arrived();
  Host* find_host(const Ip& ip) const;
  std::uint32_t new_datagram(Event event, const Endpoint& from, const Endpoint& to, BytesView data);
  std::uint32_t take_slot();
  bool room() const noexcept;
  Datagram& datagram(std::uint32_t slot) const;
  Moment moment_at(TimePoint time) { return {time, next_event_++}; }
  void drop(Event event, std::uint64_t number, std::uint64_t& counter);

  const std::uint64_t seed_;
  TimePoint now_;
  bool turning_ = false;
  std::uint64_t events_this_instant_ = 0;
  std::uint64_t next_event_ = 0;
  std::uint64_t next_datagram_ = 0;
  SeededRandom random_;
  EventLog log_;
  Traffic traffic_;

  std::vector<Entry> queue_;                            // a heap: datagrams in flight and posted work
  std::map<Moment, TimerState*> timers_;                // the armed ones
  std::vector<std::unique_ptr<Datagram[]>> datagrams_;  // chunks of kChunk buffers
  std::vector<std::uint32_t> free_datagrams_;           // used again last in, first out: they are still in the cache
  std::vector<std::function<void()>> works_;
  std::vector<std::uint32_t> free_works_;
  std::vector<std::uint32_t> arrived_;  // the batch being delivered
  std::vector<node::IncomingDatagram> incoming_;

  std::vector<std::unique_ptr<Host>> hosts_;
  std::unordered_map<Ip, Host*, IpHash> addresses_;  // looked up only, never walked through
  std::map<std::string, std::vector<Endpoint>> names_;
  Link default_link_;
  std::unordered_map<std::uint64_t, Link> links_;            // by from ‖ to; looked up only
  std::unordered_map<std::uint64_t, TimePoint> busy_until_;  // rate-limited links by from ‖ to; looked up only
  std::vector<Tap> taps_;
  std::vector<TcpTap> tcp_taps_;
  TcpReach tcp_ = TcpReach::passes;
  std::uint64_t next_tcp_ = 0;  // number of a connection
  std::size_t handles_ = 0;     // sockets and timers alive
};

}  // namespace quantumgate::sim
