// SPDX-License-Identifier: MIT
// Many peers of one node, each sending messages at a steady rate for a long time: prints every so often what the node
// uses and how late messages are, and fails if its memory grows after the warm-up or a queue was found full.
// Method: the node has its own thread, as Node::start gives it; its peers are nodes that share one more thread, so that
// a thousand of them fit one machine. All on loopback; a message carries the time at which it was made.
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "node/local_node.hpp"
#include "platform/system_environment.hpp"

namespace {

using namespace quantumgate;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "bench.soak/1";
constexpr std::size_t kMessageSize = 64;

struct Options {
  std::size_t peers = 1000;
  double rate = 100;  // messages per second of each peer
  std::chrono::seconds time = 600s;
  std::chrono::seconds warm_up = 30s;
  std::chrono::seconds interval = 30s;
};

// Latencies by logarithm: 64 steps to each doubling, from 1 µs to 2^26 µs.
class Histogram {
 public:
  void add(std::chrono::nanoseconds latency) {
    const auto us = std::max<std::uint64_t>(static_cast<std::uint64_t>(latency.count()) / 1000, 1);
    const unsigned octave = std::min(63u - static_cast<unsigned>(__builtin_clzll(us)), 25u);
    const std::uint64_t step = octave < 6 ? (us - (1u << octave)) << (6 - octave) : (us >> (octave - 6)) - 64;
    counts_[octave * 64 + std::min<std::uint64_t>(step, 63)].fetch_add(1, std::memory_order_relaxed);
  }
  // In milliseconds; the smallest value that `share` of all do not exceed.
  double percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total()));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) {
        return static_cast<double>(std::uint64_t{1} << i / 64) * (1 + static_cast<double>(i % 64 + 1) / 64) / 1000;
      }
    }
    return 0;
  }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count;
    return sum;
  }
  void clear() {
    for (auto& count : counts_) count = 0;
  }

 private:
  std::array<std::atomic<std::uint64_t>, 26 * 64> counts_{};
};

struct Shared {
  Histogram latency;
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> received = 0;
  std::atomic<std::uint64_t> refused = 0;  // would_block: a queue at its bound
  std::atomic<std::uint64_t> late = 0;     // ticks that came more than 100 ms late: the machine does not keep up
  std::atomic<std::size_t> connected = 0;
  std::atomic<std::size_t> lost = 0;
};

std::shared_ptr<Extender> counting(Shared& shared) {
  return make_extender(kName, {.on_peer_down = [&](const Peer&, CloseReason) { ++shared.lost; },
                               .on_message =
                                   [&](Message message) {
                                     Clock::rep made = 0;
                                     if (message.bytes().size() == kMessageSize) {
                                       std::memcpy(&made, message.bytes().data(), sizeof made);
                                     }
                                     shared.latency.add(Clock::now().time_since_epoch() - Clock::duration(made));
                                     ++shared.received;
                                   }});
}

// The peers, on one thread: each tick sends for those whose turn it is, so that they do not all speak at once.
class Crowd {
 public:
  Crowd(const Options& options, const Address& server, Shared& shared)
      : options_(options), server_(server), shared_(shared) {
    timer_ = environment_.make_timer([this] { tick(); });
  }

  void run() {
    environment_.post([this] { connect_next(); });
    environment_.run();
  }
  // Sends no more; what is on its way still arrives.
  void fall_silent() {
    environment_.post([this] { timer_.reset(); });
  }
  void stop() {
    environment_.post([this] {
      timer_.reset();
      nodes_.clear();
      environment_.stop();
    });
  }

 private:
  static constexpr auto kTick = 1ms;

  void connect_next() {
    if (nodes_.size() == options_.peers) {
      last_ = environment_.now();
      return timer_->set(last_ + kTick);
    }
    auto node = node::LocalNode::create(environment_, Identity::generate(), {}, {make_extender(kName, {})});
    if (!node) {
      std::fprintf(stderr, "soak: can not start peer %zu: %s\n", nodes_.size(), describe(node.error().code));
      std::exit(1);
    }
    nodes_.push_back(std::move(*node));
    nodes_.back()->connect(server_, {30s}, [this](Result<Peer> peer) {
      if (!peer) {
        std::fprintf(stderr, "soak: peer %zu can not connect: %s\n", nodes_.size(), describe(peer.error().code));
        std::exit(1);
      }
      ++shared_.connected;
      connect_next();
    });
  }

  void tick() {
    const TimePoint now = environment_.now();
    if (now - last_ > 100ms) ++shared_.late;
    // What fell due since the last tick; at most what 100 ms hold, so that a stall is not followed by a flood.
    const double passed = std::min(std::chrono::duration<double>(now - last_).count(), 0.1);
    due_ += passed * options_.rate * static_cast<double>(nodes_.size());
    last_ = now;
    for (; due_ >= 1; due_ -= 1) {
      Node& node = *nodes_[next_];
      next_ = (next_ + 1) % nodes_.size();
      node.post([this, &node] {
        std::array<std::byte, kMessageSize> message{};
        const Clock::rep made = Clock::now().time_since_epoch().count();
        std::memcpy(message.data(), &made, sizeof made);
        const auto sent = node.send_message(server_.uuid, kName, message);
        ++(sent ? shared_.sent : shared_.refused);
      });
    }
    timer_->set(now + kTick);
  }

  const Options options_;
  const Address server_;
  Shared& shared_;
  platform::SystemEnvironment environment_;
  std::vector<std::unique_ptr<node::LocalNode>> nodes_;
  std::unique_ptr<node::Timer> timer_;
  TimePoint last_{};
  double due_ = 0;
  std::size_t next_ = 0;
};

double cpu_seconds_of(std::thread& thread) {
  clockid_t clock{};
  timespec time{};
  if (pthread_getcpuclockid(thread.native_handle(), &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool read_options(int count, char** values, Options& options) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = values[i];
    unsigned value = 0;
    const char* const end = values[i + 1] + std::strlen(values[i + 1]);
    if (std::from_chars(values[i + 1], end, value).ptr != end || value == 0) return false;
    if (name == "--peers") {
      options.peers = value;
    } else if (name == "--rate") {
      options.rate = value;
    } else if (name == "--seconds") {
      options.time = std::chrono::seconds(value);
    } else if (name == "--warm-up") {
      options.warm_up = std::chrono::seconds(value);
    } else if (name == "--interval") {
      options.interval = std::chrono::seconds(value);
    } else {
      return false;
    }
  }
  return count % 2 == 1 && options.peers <= 60'000;
}

}  // namespace

int main(int count, char** values) {
  Options options;
  if (!read_options(count, values, options)) {
    std::fprintf(stderr,
                 "Usage: soak [--peers 1000] [--rate 100] [--seconds 600] [--warm-up 30] [--interval 30]\n"
                 "Peers of one node, each sending so many messages of %zu bytes a second.\n",
                 kMessageSize);
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  Shared shared;
  auto server =
      Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}, .sessions_max = 65536}, {counting(shared)});
  if (!server) {
    std::fprintf(stderr, "soak: can not start the node: %s\n", describe(server.error().code));
    return 1;
  }
  Crowd crowd(options, (*server)->address(), shared);
  std::thread thread([&] { crowd.run(); });
  const auto start = Clock::now();
  while (shared.connected < options.peers) std::this_thread::sleep_for(100ms);
  std::printf("%zu peers connected in %.1f s\n", options.peers,
              std::chrono::duration<double>(Clock::now() - start).count());
  std::printf("%7s %11s %9s %10s %8s %8s %9s %8s %8s %5s\n", "time s", "messages/s", "node CPU", "peers' CPU", "p50 ms",
              "p99 ms", "p99.9 ms", "heap MiB", "refused", "lost");

  std::size_t heap_after_warm_up = 0, heap = 0;
  double cpu = cpu_seconds(), peers_cpu = cpu_seconds_of(thread);
  std::uint64_t received = 0;
  const auto begin = Clock::now();
  for (auto at = begin + options.warm_up; at <= begin + options.warm_up + options.time; at += options.interval) {
    // The heap of both ends, since they share a process: the median of each second's, for what waits in queues while
    // the machine stalls is no growth.
    std::vector<std::size_t> heaps;
    while (heaps.empty() || Clock::now() < at) {
      std::this_thread::sleep_until(std::min(at, Clock::now() + 1s));
      heaps.push_back(mallinfo2().uordblks);
    }
    std::ranges::sort(heaps);
    const auto passed = std::chrono::duration<double>(Clock::now() - begin).count();
    const bool warm = heap_after_warm_up == 0;
    const double span = warm ? passed : std::chrono::duration<double>(options.interval).count();
    heap = heaps[heaps.size() / 2];
    const double all = cpu_seconds() - cpu, peers = cpu_seconds_of(thread) - peers_cpu;
    std::printf("%7.0f %11.0f %8.0f%% %9.0f%% %8.2f %8.2f %9.2f %8.1f %8llu %5zu\n", passed,
                static_cast<double>(shared.received - received) / span, 100 * (all - peers) / span, 100 * peers / span,
                shared.latency.percentile(0.5), shared.latency.percentile(0.99), shared.latency.percentile(0.999),
                static_cast<double>(heap) / (1 << 20), static_cast<unsigned long long>(shared.refused),
                shared.lost.load());
    std::fflush(stdout);
    if (warm) heap_after_warm_up = heap;
    shared.latency.clear();
    received = shared.received;
    cpu = cpu_seconds();
    peers_cpu = cpu_seconds_of(thread);
  }
  crowd.fall_silent();
  for (const auto end = Clock::now() + 10s; shared.received < shared.sent && Clock::now() < end;) {
    std::this_thread::sleep_for(10ms);
  }
  crowd.stop();
  thread.join();
  server->reset();

  const bool flat = heap <= heap_after_warm_up + heap_after_warm_up / 20 + (1 << 20);
  const auto lost = shared.sent - shared.received;
  std::printf("heap %s; %llu messages sent, %llu not delivered; %llu refused; %llu ticks came over 100 ms late\n",
              flat ? "flat" : "GREW", static_cast<unsigned long long>(shared.sent),
              static_cast<unsigned long long>(lost), static_cast<unsigned long long>(shared.refused),
              static_cast<unsigned long long>(shared.late));
  return flat && shared.refused == 0 ? 0 : 1;
}
