// SPDX-License-Identifier: MIT
// The only file of the data path that sees Boost.Asio. It waits for descriptors and times with it; datagrams themselves
// go through UdpSocket, because Asio knows neither batches nor segmentation.
#include "platform/system_environment.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.hpp"
#include "crypto/system_random.hpp"
#include "platform/udp_socket.hpp"

namespace quantumgate::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReceivedPerTurn = 256;
constexpr std::size_t kSendMax = 1024;
constexpr std::size_t kResolvesMax = 64;
constexpr std::size_t kResolvedMax = 8;
constexpr std::size_t kHostNameMax = 253;  // RFC 1035, in text

Endpoint from_asio(const asio::ip::address& address, std::uint16_t port) {
  if (address.is_v4()) {
    const auto ip = address.to_v4().to_bytes();
    return Endpoint::v4(ip[0], ip[1], ip[2], ip[3], port);
  }
  Endpoint endpoint;
  std::ranges::transform(address.to_v6().to_bytes(), endpoint.ip.begin(),
                         [](unsigned char b) { return static_cast<std::byte>(b); });
  endpoint.port = port;
  return endpoint;
}

// An Endpoint has no scope, so an address that means nothing without one is of no use.
bool has_scope(const asio::ip::address& address) { return address.is_v6() && address.to_v6().scope_id() != 0; }

}  // namespace

struct SystemEnvironment::Loop {
  ReceiveBuffer buffer;
  crypto::SystemRandom random;
  std::atomic<std::thread::id> thread;  // that of run()
  std::uint64_t oversize = 0;
  std::size_t resolving = 0;
  std::size_t handles = 0;  // sockets and timers alive
  // Destroyed first, and by hand: what waits in it may own sockets and timers, which use the members above.
  std::optional<asio::io_context> context{std::in_place, 1};
  std::optional<asio::ip::udp::resolver> resolver{std::in_place, *context};
  // What a poster() holds: where to post, as long as there is such a place.
  struct Slot {
    std::mutex mutex;
    asio::io_context* context = nullptr;
  };
  std::shared_ptr<Slot> slot = std::make_shared<Slot>();
};

// Handles share their state with the callbacks under way, so that a callback may destroy the handle it came from.
class SystemEnvironment::Socket final : public node::DatagramSocket {
 public:
  static Result<std::unique_ptr<node::DatagramSocket>> open(Loop& loop, const Endpoint& local,
                                                            node::DatagramCallbacks callbacks) {
    auto udp = UdpSocket::open(local);
    if (!udp) return fail(udp.error());
    auto state = std::make_shared<State>(loop, std::move(*udp), std::move(callbacks));
    error_code error;
    state->waiter.assign(state->udp.descriptor(), error);
    if (error) return fail(ErrorCode::system, "watching a UDP socket", error.value());
    wait_readable(state);
    return std::unique_ptr<node::DatagramSocket>(new Socket(std::move(state)));
  }

  ~Socket() override {
    state_->close();
    --state_->loop.handles;
  }

  Endpoint local_endpoint() const override { return state_->udp.local_endpoint(); }

  std::size_t send(std::span<const node::OutgoingDatagram> batch) override {
    const std::size_t sent = state_->udp.send(batch.first(std::min(batch.size(), kSendMax)));
    if (sent < batch.size() && !std::exchange(state_->waits_writable, true)) wait_writable(state_);
    return sent;
  }

 private:
  struct State {
    State(Loop& its_loop, UdpSocket the_udp, node::DatagramCallbacks the_callbacks)
        : loop(its_loop), udp(std::move(the_udp)), waiter(*loop.context), callbacks(std::move(the_callbacks)) {}
    ~State() { close(); }
    void close() {
      open = false;
      if (waiter.is_open()) waiter.release();  // ends the waits
      udp.close();
    }

    Loop& loop;
    UdpSocket udp;
    asio::posix::stream_descriptor waiter;  // borrows the descriptor of `udp`
    const node::DatagramCallbacks callbacks;
    bool open = true;
    bool waits_writable = false;
  };

  explicit Socket(std::shared_ptr<State> state) : state_(std::move(state)) { ++state_->loop.handles; }

  static void wait_readable(const std::shared_ptr<State>& state) {
    state->waiter.async_wait(asio::posix::stream_descriptor::wait_read, [state](const error_code& error) {
      if (error || !state->open) return;
      read(*state);
      if (state->open) wait_readable(state);
    });
  }

  static void read(State& state) {
    for (std::size_t count = 0; count < kReceivedPerTurn;) {
      const auto received = state.udp.receive(state.loop.buffer);
      count += std::max<std::size_t>(received.datagrams.size(), 1);
      state.loop.oversize += received.oversize;
      for (auto left = received.datagrams; !left.empty() && state.callbacks.on_receive;) {
        const auto batch = left.first(std::min(left.size(), node::kReceiveBatchMax));
        left = left.subspan(batch.size());
        state.callbacks.on_receive(batch);
        if (!state.open) return;
      }
      if (!received.maybe_more) return;
    }
  }

  static void wait_writable(const std::shared_ptr<State>& state) {
    state->waiter.async_wait(asio::posix::stream_descriptor::wait_write, [state](const error_code& error) {
      if (error || !state->open) return;
      state->waits_writable = false;
      if (state->callbacks.on_writable) state->callbacks.on_writable();
    });
  }

  const std::shared_ptr<State> state_;
};

// A deadline that moves later, as most do with each packet, costs two assignments: the wait under way goes on, and
// finds out when it ends. Only an earlier deadline starts a new wait.
class SystemEnvironment::Alarm final : public node::Timer {
 public:
  Alarm(Loop& loop, std::function<void()> on_deadline) : state_(std::make_shared<State>(loop, std::move(on_deadline))) {
    ++loop.handles;
  }
  ~Alarm() override {
    state_->deadline.reset();
    state_->timer.cancel();
    --state_->loop.handles;
  }

  void set(TimePoint deadline) override {
    state_->deadline = deadline;
    if (!state_->waits_until || deadline < *state_->waits_until) wait(state_);
  }
  void cancel() override { state_->deadline.reset(); }

 private:
  struct State {
    State(Loop& its_loop, std::function<void()> callback)
        : loop(its_loop), timer(*loop.context), on_deadline(std::move(callback)) {}
    Loop& loop;
    asio::steady_timer timer;
    const std::function<void()> on_deadline;
    std::optional<TimePoint> deadline;     // as set by the user
    std::optional<TimePoint> waits_until;  // of the wait under way
    std::uint64_t wait_number = 0;         // tells it from earlier ones that were replaced
  };

  static void wait(const std::shared_ptr<State>& state) {
    state->waits_until = *state->deadline;
    const std::chrono::steady_clock::time_point until(state->deadline->time_since_epoch());
    const auto number = ++state->wait_number;
    if (until <= std::chrono::steady_clock::now()) {  // a timer of the system would cost two calls
      return asio::post(*state->loop.context, [state, number] { end_wait(state, number); });
    }
    state->timer.expires_at(until);
    state->timer.async_wait([state, number](const error_code&) { end_wait(state, number); });
  }

  static void end_wait(const std::shared_ptr<State>& state, std::uint64_t number) {
    if (number != state->wait_number) return;
    const auto waited_until = std::exchange(state->waits_until, std::nullopt);
    if (!state->deadline) return;
    if (*state->deadline > *waited_until) return wait(state);
    state->deadline.reset();
    state->on_deadline();
  }

  const std::shared_ptr<State> state_;
};

SystemEnvironment::SystemEnvironment() : loop_(std::make_unique<Loop>()) { loop_->slot->context = &*loop_->context; }

SystemEnvironment::~SystemEnvironment() {
  {
    const std::lock_guard guard(loop_->slot->mutex);
    loop_->slot->context = nullptr;
  }
  loop_->resolver.reset();
  loop_->context.reset();
  CHECK(loop_->handles == 0);  // a socket or timer outlives its environment
}

void SystemEnvironment::run() {
  auto& context = *loop_->context;
  const auto work = asio::make_work_guard(context);
  loop_->thread = std::this_thread::get_id();
  context.run();
  loop_->thread = std::thread::id();
  context.restart();
}

bool SystemEnvironment::on_thread() const noexcept { return loop_->thread == std::this_thread::get_id(); }

void SystemEnvironment::stop() { loop_->context->stop(); }

std::uint64_t SystemEnvironment::oversize_datagrams() const noexcept { return loop_->oversize; }

TimePoint SystemEnvironment::now() const { return TimePoint(std::chrono::steady_clock::now().time_since_epoch()); }

UnixTime SystemEnvironment::wall_clock() const {
  return std::chrono::floor<UnixTime>(std::chrono::system_clock::now().time_since_epoch());
}

RandomSource& SystemEnvironment::random() { return loop_->random; }

Result<std::unique_ptr<node::DatagramSocket>> SystemEnvironment::open_datagram_socket(
    const Endpoint& local, node::DatagramCallbacks callbacks) {
  return Socket::open(*loop_, local, std::move(callbacks));
}

std::unique_ptr<node::Timer> SystemEnvironment::make_timer(std::function<void()> on_deadline) {
  return std::make_unique<Alarm>(*loop_, std::move(on_deadline));
}

void SystemEnvironment::resolve(std::string host, std::uint16_t port,
                                std::function<void(Result<std::vector<Endpoint>>)> done) {
  constexpr const char* kDoing = "resolving a host name";
  const auto answer = [&](Result<std::vector<Endpoint>> result) {
    post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  };
  // The system would read an empty name as "this machine", and any name only up to a zero byte.
  if (host.empty() || host.size() > kHostNameMax || host.find('\0') != std::string::npos) {
    return answer(fail(ErrorCode::not_found, kDoing));
  }
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) {
    if (has_scope(address)) return answer(fail(ErrorCode::not_found, kDoing));
    return answer(std::vector<Endpoint>{from_asio(address, port)});
  }
  if (loop_->resolving == kResolvesMax) return answer(fail(ErrorCode::limit, kDoing));
  ++loop_->resolving;
  loop_->resolver->async_resolve(
      host, "", [&loop = *loop_, port, done = std::move(done)](const error_code& failure, const auto& results) {
        --loop.resolving;
        std::vector<Endpoint> endpoints;
        for (const auto& result : results) {
          if (endpoints.size() == kResolvedMax) break;
          const auto& found = result.endpoint().address();
          if (!has_scope(found)) endpoints.push_back(from_asio(found, port));
        }
        if (failure || endpoints.empty()) return done(fail(ErrorCode::not_found, kDoing));
        done(std::move(endpoints));
      });
}

void SystemEnvironment::post(std::function<void()> work) { asio::post(*loop_->context, std::move(work)); }

std::function<void(std::function<void()>)> SystemEnvironment::poster() {
  return [slot = loop_->slot](std::function<void()> work) {
    const std::lock_guard guard(slot->mutex);
    if (slot->context != nullptr) asio::post(*slot->context, std::move(work));
  };
}

}  // namespace quantumgate::platform
