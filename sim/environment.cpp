// SPDX-License-Identifier: MIT
#include "sim/environment.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "node/segmentation.hpp"

namespace quantumgate::sim {
namespace {

constexpr Duration kNameLookupTime = std::chrono::milliseconds(1);
constexpr std::size_t kResolvedMax = 8;

const auto kAnyV4 = Endpoint::v4(0, 0, 0, 0, 0);
const auto kAnyV6 = Endpoint{};

Endpoint with_port(Endpoint endpoint, std::uint16_t port) {
  endpoint.port = port;
  return endpoint;
}

}  // namespace

// Kept alive by whoever runs its callbacks, so that a callback may destroy the handle.
struct SocketState {
  Endpoint local;
  node::DatagramCallbacks callbacks;
  bool open = true;
  bool wants_writable = false;
};

struct TimerState : std::enable_shared_from_this<TimerState> {
  using Armed = std::map<std::pair<TimePoint, std::uint64_t>, TimerState*>;

  TimerState(Host& owner, std::uint64_t the_number, std::function<void()> callback)
      : host(owner), number(the_number), on_deadline(std::move(callback)) {}

  Host& host;
  const std::uint64_t number;
  std::function<void()> on_deadline;
  bool armed = false;
  Armed::iterator place;   // while armed
  Armed::node_type spare;  // while not: the map's node, so that setting a timer again allocates nothing
};

class Host::Socket final : public node::DatagramSocket {
 public:
  Socket(Host& host, std::shared_ptr<SocketState> state) : host_(host), state_(std::move(state)) {
    ++host_.simulator_.handles_;
  }
  ~Socket() override {
    state_->open = false;
    host_.sockets_.erase(state_->local);
    --host_.simulator_.handles_;
  }
  Endpoint local_endpoint() const override { return state_->local; }
  std::size_t send(std::span<const node::OutgoingDatagram> batch) override { return host_.send(state_, batch); }

 private:
  Host& host_;
  const std::shared_ptr<SocketState> state_;
};

class Host::Alarm final : public node::Timer {
 public:
  explicit Alarm(std::shared_ptr<TimerState> state) : state_(std::move(state)) { ++state_->host.simulator_.handles_; }
  ~Alarm() override {
    cancel();
    --state_->host.simulator_.handles_;
  }

  void set(TimePoint deadline) override {
    cancel();
    Simulator& simulator = state_->host.simulator_;
    const auto moment = simulator.moment_at(std::max(deadline, simulator.now_));
    if (state_->spare.empty()) {
      state_->place = simulator.timers_.emplace(moment, state_.get()).first;
    } else {
      state_->spare.key() = moment;
      state_->place = simulator.timers_.insert(std::move(state_->spare)).position;
    }
    state_->armed = true;
  }

  void cancel() override {
    if (!std::exchange(state_->armed, false)) return;
    state_->spare = state_->host.simulator_.timers_.extract(state_->place);
  }

 private:
  const std::shared_ptr<TimerState> state_;
};

Host::Host(Simulator& simulator, std::uint32_t id, std::vector<Endpoint> addresses)
    : simulator_(simulator), id_(id), random_(simulator.seed(), std::uint64_t{id} + 1), next_port_(kFirstFreePort) {
  set_addresses(std::move(addresses));
}

Host::~Host() = default;

void Host::set_addresses(std::vector<Endpoint> addresses) {
  for (const auto& old : addresses_) simulator_.addresses_.erase(old.ip);
  addresses_ = std::move(addresses);
  for (auto& address : addresses_) {
    address.port = 0;
    CHECK(!Simulator::is_any(address));
    CHECK(simulator_.addresses_.emplace(address.ip, this).second);  // each address belongs to one host
  }
}

void Host::limit_sends(std::size_t count, Duration interval) {
  CHECK(count > 0 && interval > Duration::zero());
  send_limit_ = count;
  send_interval_ = interval;
  send_window_end_ = {};
}

bool Host::owns(const Endpoint& endpoint) const {
  return std::any_of(addresses_.begin(), addresses_.end(), [&](const Endpoint& own) { return own.ip == endpoint.ip; });
}

const Endpoint* Host::address_like(const Endpoint& other) const {
  const auto found = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const Endpoint& own) { return own.is_v4() == other.is_v4(); });
  return found == addresses_.end() ? nullptr : &*found;
}

Endpoint Host::v4(std::uint16_t port) const {
  const Endpoint* const own = address_like(kAnyV4);
  CHECK(own != nullptr);
  return with_port(*own, port);
}

Endpoint Host::v6(std::uint16_t port) const {
  const Endpoint* const own = address_like(kAnyV6);
  CHECK(own != nullptr);
  return with_port(*own, port);
}

TimePoint Host::now() const { return simulator_.now(); }
UnixTime Host::wall_clock() const { return simulator_.wall_clock() + wall_clock_offset_; }
void Host::post(std::function<void()> work) { simulator_.schedule(simulator_.now_, std::move(work)); }

std::function<void(std::function<void()>)> Host::poster() {
  return [this, alive = std::weak_ptr(alive_)](std::function<void()> work) {
    if (!alive.expired()) post(std::move(work));
  };
}

// As Linux does it: a socket bound to every address of its family conflicts with those bound to a single one.
bool Host::port_taken(const Endpoint& local) const {
  const auto taken = [&](const Endpoint& own) { return sockets_.contains(with_port(own, local.port)); };
  const bool v4 = local.is_v4();
  if (taken(local) || taken(v4 ? kAnyV4 : kAnyV6)) return true;
  if (!Simulator::is_any(local)) return false;
  return std::any_of(sockets_.begin(), sockets_.end(),
                     [&](const auto& entry) { return entry.first.port == local.port && entry.first.is_v4() == v4; });
}

Result<std::unique_ptr<node::DatagramSocket>> Host::open_datagram_socket(const Endpoint& local,
                                                                         node::DatagramCallbacks callbacks) {
  constexpr const char* kDoing = "opening a simulated UDP socket";
  if (!Simulator::is_any(local) && !owns(local) && !Simulator::is_loopback(local))
    return fail(ErrorCode::invalid_argument, kDoing);

  Endpoint bound = local;
  if (local.port == 0) {
    for (std::uint32_t tries = 0; bound.port == 0; ++tries) {
      if (tries > UINT16_MAX - kFirstFreePort) return fail(ErrorCode::address_in_use, kDoing);
      const std::uint16_t port = next_port_;
      next_port_ = port == UINT16_MAX ? kFirstFreePort : static_cast<std::uint16_t>(port + 1);
      if (!port_taken(with_port(local, port))) bound.port = port;
    }
  } else if (port_taken(local)) {
    return fail(ErrorCode::address_in_use, kDoing);
  }
  auto state = std::make_shared<SocketState>(SocketState{bound, std::move(callbacks)});
  sockets_.emplace(bound, state);
  return std::unique_ptr<node::DatagramSocket>(new Socket(*this, std::move(state)));
}

std::shared_ptr<SocketState> Host::listener(const Endpoint& to) const {
  auto found = sockets_.find(to);
  if (found == sockets_.end()) found = sockets_.find(with_port(to.is_v4() ? kAnyV4 : kAnyV6, to.port));
  return found == sockets_.end() ? nullptr : found->second;
}

std::size_t Host::send(const std::shared_ptr<SocketState>& socket, std::span<const node::OutgoingDatagram> batch) {
  std::size_t taken = batch.size();
  if (send_limit_ > 0) {
    if (simulator_.now_ >= send_window_end_) {
      send_window_end_ = simulator_.now_ + send_interval_;
      sends_left_ = send_limit_;
    }
    taken = std::min(taken, sends_left_);
    sends_left_ -= taken;
  }
  Simulator::Route route{};
  const Endpoint* routed = nullptr;  // what `route` leads to
  std::size_t run_end = 0;
  bool segmented = false;
  for (std::size_t i = 0; i < taken; ++i) {
    const auto& datagram = batch[i];
    if (routed == nullptr || *routed != datagram.to) route = simulator_.route(*this, socket->local, datagram.to);
    routed = &datagram.to;
    if (i == run_end) {
      const std::size_t run = node::segmented_run(batch.first(taken).subspan(i));
      run_end += run;
      segmented = run > 1;
    }
    simulator_.transmit(route, datagram, segmented);
  }
  if (taken < batch.size() && !std::exchange(socket->wants_writable, true)) {
    simulator_.schedule(send_window_end_, [socket] {
      socket->wants_writable = false;
      if (socket->open && socket->callbacks.on_writable) socket->callbacks.on_writable();
    });
  }
  return taken;
}

void Host::receive(const std::shared_ptr<SocketState>& socket, std::span<const node::IncomingDatagram> batch) {
  if (socket->callbacks.on_receive) socket->callbacks.on_receive(batch);
}

std::unique_ptr<node::Timer> Host::make_timer(std::function<void()> on_deadline) {
  return std::make_unique<Alarm>(std::make_shared<TimerState>(*this, next_timer_++, std::move(on_deadline)));
}

void Host::fire(TimerState& timer) {
  const auto alive = timer.shared_from_this();
  Simulator& simulator = timer.host.simulator_;
  timer.armed = false;
  timer.spare = simulator.timers_.extract(timer.place);
  simulator.log_.add(simulator.now_, Event::timer_fired, timer.host.id_, timer.number);
  timer.on_deadline();
}

void Host::resolve(std::string host, std::uint16_t port, std::function<void(Result<std::vector<Endpoint>>)> done) {
  const bool v6 = host.find(':') != std::string::npos;
  const auto numeric = Endpoint::parse((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
  if (numeric) return post([done = std::move(done), found = *numeric] { done(std::vector<Endpoint>{found}); });

  simulator_.schedule(simulator_.now_ + kNameLookupTime, [this, host = std::move(host), port, done = std::move(done)] {
    const auto found = simulator_.names_.find(host);
    if (found == simulator_.names_.end() || found->second.empty()) {
      return done(fail(ErrorCode::not_found, "resolving a simulated name"));
    }
    std::vector<Endpoint> endpoints = found->second;
    if (endpoints.size() > kResolvedMax) endpoints.resize(kResolvedMax);
    for (auto& endpoint : endpoints) endpoint.port = port;
    done(std::move(endpoints));
  });
}

}  // namespace quantumgate::sim
