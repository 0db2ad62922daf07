// SPDX-License-Identifier: MIT
// TCP of the simulated network: streams of bytes that arrive whole and in order, or not at all.
//
// Model: a connection opens after one round trip. What is written passes the link of the two hosts in segments: rate
// (shared with the datagrams), delay and jitter; a segment that the link loses comes a round trip later, and what is
// behind it waits. A connection whose host has moved to another address is dead, and nobody is told.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "sim/environment.hpp"

namespace quantumgate::sim {
namespace {

constexpr std::size_t kSegment = 1448;
constexpr std::size_t kSegmentOverhead = 52;  // IPv4, and TCP with its timestamps
constexpr std::uint32_t kCut = 1'000'000;     // losses per million of a link that carries nothing

}  // namespace

// One end of a connection. Kept alive by its handle and by what is under way to it.
struct TcpEnd {
  TcpEnd(Host& its_host, std::uint64_t its_number, const Endpoint& from, const Endpoint& to)
      : host(its_host), number(its_number), local(from), remote(to) {}

  Host& host;
  const std::uint64_t number;  // of the connection
  const Endpoint local;
  const Endpoint remote;
  node::TcpCallbacks callbacks;
  std::weak_ptr<TcpEnd> other;
  bool held = true;          // its handle lives, and nobody has closed the connection
  bool established = false;  // can be written to
  bool dead = false;         // a byte got lost: nothing arrives any more
  bool wants_writable = false;
  std::size_t unsent = 0;    // bytes that wait for the link
  TimePoint last_arrival{};  // of what was sent from here
};

struct TcpListening {
  Endpoint local;
  node::TcpAccept on_accept;
  bool open = true;
};

class Host::Tcp final : public node::TcpConnection {
 public:
  explicit Tcp(std::shared_ptr<TcpEnd> end) : end_(std::move(end)) { ++end_->host.simulator_.handles_; }
  ~Tcp() override {
    --end_->host.simulator_.handles_;
    if (!std::exchange(end_->held, false)) return;
    send(end_, 0, [](const std::shared_ptr<TcpEnd>& other) { close(other); });
  }
  Endpoint remote_endpoint() const override { return end_->remote; }

  std::size_t write(BytesView bytes) override {
    if (!end_->established || !end_->held) return 0;
    std::size_t taken = 0;
    while (taken < bytes.size() && end_->unsent < node::kTcpUnsentMax) {
      const BytesView segment = bytes.subspan(taken, std::min(kSegment, bytes.size() - taken));
      taken += segment.size();
      end_->unsent += segment.size();
      const TimePoint leaves = send(end_, segment.size(),
                                    [data = Bytes(segment.begin(), segment.end()), from = end_->local](
                                        const std::shared_ptr<TcpEnd>& other) mutable { receive(other, from, data); });
      end_->host.simulator_.schedule(leaves, [end = end_, size = segment.size()] { sent(end, size); });
    }
    if (taken < bytes.size()) end_->wants_writable = true;
    return taken;
  }

  // Sends `size` bytes, or a message of TCP itself, which `arrives` at the other end behind all that was sent before.
  // Returns when they have left.
  template <class Arrival>
  static TimePoint send(const std::shared_ptr<TcpEnd>& end, std::size_t size, Arrival arrives) {
    Simulator& simulator = end->host.simulator_;
    const auto route = simulator.route(end->host, end->local, end->remote);
    const bool carried =
        route.to != nullptr && route.link->loss_per_million < kCut && simulator.tcp_ != TcpReach::dropped;
    end->dead |= !carried;
    if (end->dead) return simulator.now_;
    const TimePoint leaves = simulator.pass_rate(route, size + kSegmentOverhead);
    TimePoint arrival = leaves + route.link->delay + simulator.random_.up_to(route.link->jitter);
    while (simulator.random_.chance(route.link->loss_per_million)) arrival += 2 * route.link->delay;
    end->last_arrival = std::max(end->last_arrival, arrival);
    simulator.schedule(end->last_arrival, [other = end->other, arrives = std::move(arrives)]() mutable {
      const auto receiver = other.lock();
      if (receiver == nullptr || !receiver->held || receiver->dead) return;
      const bool there = is_loopback_or_own(*receiver);
      if (there) arrives(receiver);
      receiver->dead |= !there;
    });
    return leaves;
  }

  static void close(const std::shared_ptr<TcpEnd>& end) {
    end->held = false;
    end->established = false;
    end->host.simulator_.log_.add(end->host.simulator_.now_, Event::tcp_closed, end->number, end->host.id());
    if (end->callbacks.on_closed) end->callbacks.on_closed();
  }

  // The request to open a connection has come to `accepted`, which nobody holds yet.
  static void accept(const std::shared_ptr<TcpEnd>& accepted, const std::shared_ptr<TcpEnd>& opener) {
    Simulator& simulator = accepted->host.simulator_;
    const auto listening = accepted->host.tcp_listener(accepted->local);
    accepted->last_arrival = simulator.now_;
    accepted->other = opener;
    if (listening == nullptr || simulator.tcp_ == TcpReach::refused) {
      send(accepted, 0, [](const std::shared_ptr<TcpEnd>& other) { close(other); });
      return;
    }
    ++simulator.traffic_.tcp_accepted;
    simulator.log_.add(simulator.now_, Event::tcp_accepted, accepted->number, accepted->host.id());
    opener->other = accepted;
    accepted->established = true;
    send(accepted, 0, [](const std::shared_ptr<TcpEnd>& other) {
      other->established = true;
      if (other->callbacks.on_open) other->callbacks.on_open();
    });
    auto callbacks = listening->on_accept(std::make_unique<Tcp>(accepted));
    accepted->callbacks = std::move(callbacks);
  }

 private:
  static bool is_loopback_or_own(const TcpEnd& end) {
    return Simulator::is_loopback(end.local) || end.host.owns(end.local);
  }

  static void receive(const std::shared_ptr<TcpEnd>& end, const Endpoint& from, Bytes& data) {
    Simulator& simulator = end->host.simulator_;
    simulator.traffic_.tcp_bytes += data.size();
    simulator.log_.add(simulator.now_, Event::tcp_received, end->number, content_hash(data, end->host.id()));
    for (const auto& tap : simulator.tcp_taps_) tap({from, end->local, data});
    if (end->callbacks.on_receive) end->callbacks.on_receive(data);
  }

  static void sent(const std::shared_ptr<TcpEnd>& end, std::size_t size) {
    end->unsent -= size;
    if (!end->held || end->unsent >= node::kTcpUnsentMax || !std::exchange(end->wants_writable, false)) return;
    if (end->callbacks.on_writable) end->callbacks.on_writable();
  }

  const std::shared_ptr<TcpEnd> end_;
};

class Host::TcpSocket final : public node::TcpListener {
 public:
  TcpSocket(Host& host, std::shared_ptr<TcpListening> listening) : host_(host), listening_(std::move(listening)) {
    ++host_.simulator_.handles_;
  }
  ~TcpSocket() override {
    host_.tcp_listeners_.erase(listening_->local);
    --host_.simulator_.handles_;
  }
  Endpoint local_endpoint() const override { return listening_->local; }

 private:
  Host& host_;
  const std::shared_ptr<TcpListening> listening_;
};

std::shared_ptr<TcpListening> Host::tcp_listener(const Endpoint& to) const {
  auto found = tcp_listeners_.find(to);
  if (found == tcp_listeners_.end()) {
    Endpoint any = to.is_v4() ? Endpoint::v4(0, 0, 0, 0, 0) : Endpoint{};
    any.port = to.port;
    found = tcp_listeners_.find(any);
  }
  return found == tcp_listeners_.end() ? nullptr : found->second;
}

Result<std::unique_ptr<node::TcpListener>> Host::open_tcp_listener(const Endpoint& local, node::TcpAccept on_accept) {
  constexpr const char* kDoing = "opening a simulated TCP listener";
  if (!Simulator::is_any(local) && !owns(local) && !Simulator::is_loopback(local)) {
    return fail(ErrorCode::invalid_argument, kDoing);
  }
  Endpoint bound = local;
  if (bound.port == 0) bound.port = take_tcp_port();
  if (tcp_listener(bound) != nullptr) return fail(ErrorCode::address_in_use, kDoing);
  auto listening = std::make_shared<TcpListening>(TcpListening{bound, std::move(on_accept)});
  tcp_listeners_.emplace(bound, listening);
  return std::unique_ptr<node::TcpListener>(new TcpSocket(*this, std::move(listening)));
}

std::unique_ptr<node::TcpConnection> Host::open_tcp(const Endpoint& remote, node::TcpCallbacks callbacks) {
  const bool loopback = Simulator::is_loopback(remote);
  const Endpoint* const source = loopback ? &remote : address_like(remote);
  Endpoint local = source != nullptr ? *source : remote;
  local.port = take_tcp_port();
  const auto opener = std::make_shared<TcpEnd>(*this, simulator_.next_tcp_++, local, remote);
  opener->callbacks = std::move(callbacks);
  auto handle = std::make_unique<Tcp>(opener);
  Host* const host = loopback ? this : source == nullptr ? nullptr : simulator_.find_host(remote.ip);
  if (host == nullptr) return handle;  // nobody answers
  // Only what arrives keeps the other end alive until it is accepted.
  const auto accepted = std::make_shared<TcpEnd>(*host, opener->number, remote, local);
  opener->other = accepted;
  Tcp::send(opener, 0, [opener, accepted](const std::shared_ptr<TcpEnd>&) { Tcp::accept(accepted, opener); });
  return handle;
}

// Opened connections have ports of their own: nothing else is asked of the system's choice.
std::uint16_t Host::take_tcp_port() {
  const std::uint16_t port = next_tcp_port_;
  next_tcp_port_ = port == UINT16_MAX ? kFirstFreePort : static_cast<std::uint16_t>(port + 1);
  return port;
}

}  // namespace quantumgate::sim
