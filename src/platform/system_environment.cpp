// SPDX-License-Identifier: MIT
// The only file of the data path that sees Boost.Asio. It waits for descriptors and times with it; datagrams themselves
// go through UdpSocket, because Asio knows neither batches nor segmentation, and bytes of TCP through TcpSocket.
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
#include "platform/tcp_socket.hpp"
#include "platform/udp_socket.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReceivedPerTurn = 256;
constexpr std::size_t kSendMax = 1024;
constexpr std::size_t kTcpReadsPerTurn = 4;
constexpr std::size_t kTcpAcceptedPerTurn = 64;
constexpr auto kTcpAcceptPause = std::chrono::milliseconds(100);  // while the system has no descriptor left
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
  ~Loop() { wipe(tcp_buffer); }

  ReceiveBuffer buffer;
  std::vector<std::byte> tcp_buffer = std::vector<std::byte>(node::kTcpReceiveMax);
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

class SystemEnvironment::Tcp final : public node::TcpConnection {
 public:
  // `open`: it was accepted; else it is on its way.
  static std::unique_ptr<Tcp> make(Loop& loop, TcpSocket socket, bool open) {
    return std::unique_ptr<Tcp>(new Tcp(std::make_shared<State>(loop, std::move(socket), open)));
  }
  ~Tcp() override {
    state_->close();
    --state_->loop.handles;
  }

  Endpoint remote_endpoint() const override { return state_->socket.endpoint(); }

  std::size_t write(BytesView bytes) override {
    if (!state_->open) return 0;
    const std::size_t taken = state_->socket.write(bytes);
    if (taken < bytes.size()) wait_writable(state_);
    return taken;
  }

  // To be called once, also if the handle is gone by then: begins to wait for what happens.
  std::function<void(node::TcpCallbacks)> starter() {
    return [state = state_](node::TcpCallbacks callbacks) {
      if (!state->held) return;
      state->callbacks = std::move(callbacks);
      error_code error;
      if (state->socket.descriptor() >= 0) state->waiter.assign(state->socket.descriptor(), error);
      if (!state->waiter.is_open()) return asio::post(*state->loop.context, [state] { end(*state); });
      if (state->open) {
        wait_readable(state);
      } else {
        wait_writable(state);
      }
    };
  }

 private:
  struct State {
    State(Loop& its_loop, TcpSocket the_socket, bool is_open)
        : loop(its_loop), socket(std::move(the_socket)), waiter(*loop.context), open(is_open) {}
    ~State() { close(); }
    void close() {
      held = open = false;
      if (waiter.is_open()) waiter.release();  // ends the waits
      socket.close();
    }

    Loop& loop;
    TcpSocket socket;
    asio::posix::stream_descriptor waiter;  // borrows the descriptor of `socket`
    node::TcpCallbacks callbacks;
    bool held = true;  // the handle lives, and the connection is not over
    bool open;         // connected
    bool waits_writable = false;
  };

  explicit Tcp(std::shared_ptr<State> state) : state_(std::move(state)) { ++state_->loop.handles; }

  static void end(State& state) {
    if (!state.held) return;
    state.close();
    if (state.callbacks.on_closed) state.callbacks.on_closed();
  }

  static void wait_readable(const std::shared_ptr<State>& state) {
    state->waiter.async_wait(asio::posix::stream_descriptor::wait_read, [state](const error_code& error) {
      if (error || !state->held) return;
      read(*state);
      if (state->held) wait_readable(state);
    });
  }

  static void read(State& state) {
    for (std::size_t i = 0; i < kTcpReadsPerTurn && state.held; ++i) {
      const auto size = state.socket.read(state.loop.tcp_buffer);
      if (!size) return end(state);
      if (*size == 0) return;
      if (state.callbacks.on_receive) state.callbacks.on_receive(MutableBytesView(state.loop.tcp_buffer).first(*size));
    }
  }

  static void wait_writable(const std::shared_ptr<State>& state) {
    if (std::exchange(state->waits_writable, true)) return;
    state->waiter.async_wait(asio::posix::stream_descriptor::wait_write, [state](const error_code& error) {
      if (error || !state->held) return;
      state->waits_writable = false;
      if (state->open) {
        if (state->callbacks.on_writable) state->callbacks.on_writable();
        return;
      }
      if (!state->socket.connected()) return end(*state);
      state->open = true;
      wait_readable(state);
      if (state->callbacks.on_open) state->callbacks.on_open();
    });
  }

  const std::shared_ptr<State> state_;
};

class SystemEnvironment::TcpDoor final : public node::TcpListener {
 public:
  static Result<std::unique_ptr<node::TcpListener>> open(Loop& loop, const Endpoint& local, node::TcpAccept on_accept) {
    auto socket = TcpSocket::listen(local);
    if (!socket) return fail(socket.error());
    auto state = std::make_shared<State>(loop, std::move(*socket), std::move(on_accept));
    error_code error;
    state->waiter.assign(state->socket.descriptor(), error);
    if (error) return fail(ErrorCode::system, "watching a TCP socket", error.value());
    wait(state);
    return std::unique_ptr<node::TcpListener>(new TcpDoor(std::move(state)));
  }
  ~TcpDoor() override {
    state_->close();
    --state_->loop.handles;
  }
  Endpoint local_endpoint() const override { return state_->socket.endpoint(); }

 private:
  struct State {
    State(Loop& its_loop, TcpSocket the_socket, node::TcpAccept accept)
        : loop(its_loop),
          socket(std::move(the_socket)),
          waiter(*loop.context),
          pause(*loop.context),
          on_accept(std::move(accept)) {}
    ~State() { close(); }
    void close() {
      open = false;
      pause.cancel();
      if (waiter.is_open()) waiter.release();  // ends the wait
      socket.close();
    }

    Loop& loop;
    TcpSocket socket;
    asio::posix::stream_descriptor waiter;  // borrows the descriptor of `socket`
    asio::steady_timer pause;
    const node::TcpAccept on_accept;
    bool open = true;
  };

  explicit TcpDoor(std::shared_ptr<State> state) : state_(std::move(state)) { ++state_->loop.handles; }

  static void wait(const std::shared_ptr<State>& state) {
    state->waiter.async_wait(asio::posix::stream_descriptor::wait_read, [state](const error_code& error) {
      if (error || !state->open) return;
      for (std::size_t i = 0; i < kTcpAcceptedPerTurn && state->open; ++i) {
        auto accepted = state->socket.accept();
        if (!accepted) return wait_for_room(state);
        if (!*accepted) break;
        auto connection = Tcp::make(state->loop, std::move(**accepted), true);
        const auto start = connection->starter();  // its owner may let go of it at once
        start(state->on_accept(std::move(connection)));
      }
      if (state->open) wait(state);
    });
  }

  // The connection that could not be accepted still waits: without a pause the loop would do nothing else.
  static void wait_for_room(const std::shared_ptr<State>& state) {
    state->pause.expires_after(kTcpAcceptPause);
    state->pause.async_wait([state](const error_code& error) {
      if (!error && state->open) wait(state);
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

Result<std::unique_ptr<node::TcpListener>> SystemEnvironment::open_tcp_listener(const Endpoint& local,
                                                                                node::TcpAccept on_accept) {
  return TcpDoor::open(*loop_, local, std::move(on_accept));
}

std::unique_ptr<node::TcpConnection> SystemEnvironment::open_tcp(const Endpoint& remote, node::TcpCallbacks callbacks) {
  auto connection = Tcp::make(*loop_, TcpSocket::connect(remote), false);
  connection->starter()(std::move(callbacks));
  return connection;
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
