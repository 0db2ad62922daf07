// SPDX-License-Identifier: MIT
// Each node has a thread of its own, as in a program; all taps share one. Everything is as it is in earnest: sockets,
// clocks and the scheduler of this machine, with all their unrest.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "bench/adversary/application.hpp"
#include "bench/adversary/recording.hpp"
#include "node/local_node.hpp"
#include "platform/system_environment.hpp"

namespace quantumgate::bench {

using namespace std::chrono_literals;

namespace {

constexpr Duration kConnectLimit = 40s;
constexpr Duration kLateMax = 60s;  // so much longer than it should may a recording take

// Counts down, from any thread.
class Countdown {
 public:
  explicit Countdown(std::size_t count) : count_(count) {}
  void one_done() {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_one();
  }
  bool wait_for(Duration limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_;
};

// An environment with its thread.
class Machine {
 public:
  Machine() : thread_([this] { environment.run(); }) {}
  ~Machine() {
    environment.stop();
    thread_.join();
  }
  // Runs `work` on its thread and waits for its end.
  void run(const std::function<void()>& work) {
    Countdown running(1);
    environment.post([&] {
      work();
      running.one_done();
    });
    while (!running.wait_for(kLateMax)) continue;  // `work` is ours, and ends
  }

  platform::SystemEnvironment environment;

 private:
  std::thread thread_;
};

// A node on a machine of its own.
struct Party {
  Party(int level, std::uint64_t seed, std::function<void()> connected) {
    machine.run([&] {
      application = std::make_shared<Application>(machine.environment, seed, std::move(connected));
      NodeOptions options = node_options(level);
      options.listen = {Endpoint::loopback()};
      auto created = node::LocalNode::create(machine.environment, Identity::generate(), options, {application});
      if (created) node = std::move(*created);
    });
  }
  ~Party() {
    machine.run([&] { node.reset(); });
  }

  Machine machine;
  std::shared_ptr<Application> application;
  std::unique_ptr<Node> node;
};

struct Pair {
  Pair(const Recording& recording, std::uint32_t number, const std::function<void()>& connected)
      : plan(recording, number),
        dialler(recording.level, plan.seeds[0], connected),
        listener(recording.level, plan.seeds[1], connected) {}

  Plan plan;
  Party dialler, listener;
  // On the machine of all taps.
  std::unique_ptr<Tap> tap;
  std::unique_ptr<node::Timer> timer;
};

// Destroys the taps on their thread, whatever happens.
struct Taps {
  explicit Taps(std::vector<std::unique_ptr<Pair>>& p) : pairs(p) {}
  ~Taps() {
    machine.run([&] {
      for (const auto& pair : pairs) {
        pair->timer.reset();
        pair->tap.reset();
      }
    });
  }
  std::vector<std::unique_ptr<Pair>>& pairs;
  Machine machine;
};

}  // namespace

Result<std::vector<Trace>> record_loopback(const Recording& recording, std::uint32_t first, std::uint32_t count) {
  Countdown connecting(std::size_t{2} * count), watching(count);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::uint32_t i = 0; i < count; ++i) {
    pairs.push_back(std::make_unique<Pair>(recording, first + i, [&] { connecting.one_done(); }));
    if (!pairs.back()->dialler.node || !pairs.back()->listener.node) return fail(ErrorCode::system, "starting a node");
  }
  Taps taps(pairs);
  auto& clock = taps.machine.environment;

  taps.machine.run([&] {
    for (const auto& pair : pairs) {
      const std::uint16_t port = pair->listener.node->address().hosts.front().port;
      pair->tap = std::make_unique<Tap>(clock, Endpoint::loopback(), Endpoint::loopback(port), pair->plan.path,
                                        pair->plan.seeds[2]);
    }
  });
  for (const auto& pair : pairs) {
    const Address address{pair->listener.node->uuid(), {{"127.0.0.1", pair->tap->endpoint().port}}};
    pair->dialler.node->connect(address, {30s}, [](const Result<Peer>&) {});
  }
  if (!connecting.wait_for(kConnectLimit)) return fail(ErrorCode::no_answer, "connecting");

  const TimePoint begun = clock.now();
  taps.machine.run([&] {
    for (const auto& pair : pairs) {
      pair->tap->begin();
      pair->timer = clock.make_timer([&pair = *pair, &recording, &watching, &clock] {
        pair.tap->watch(recording.window);
        pair.timer = clock.make_timer([&watching] { watching.one_done(); });
        pair.timer->set(clock.now() + recording.window);
      });
      pair->timer->set(clock.now() + pair->plan.warm_up);
    }
  });
  for (const auto& pair : pairs) {
    const Activity activity = pair->plan.activity;
    for (const bool dialler : {true, false}) {
      if (activity != Activity::chat && pair->plan.dialler_acts != dialler) continue;
      Party& self = dialler ? pair->dialler : pair->listener;
      const PeerUuid peer = (dialler ? pair->listener : pair->dialler).node->uuid();
      self.node->post([&self, activity, peer] { self.application->begin(activity, peer); });
    }
  }
  if (!watching.wait_for(recording.warm_up_max + recording.window + kLateMax)) {
    return fail(ErrorCode::timed_out, "recording sessions");
  }

  const Duration time = clock.now() - begun;
  std::vector<Trace> traces;
  taps.machine.run([&] {
    for (const auto& pair : pairs) {
      traces.push_back({.activity = pair->plan.activity,
                        .group = pair->plan.group,
                        .window = recording.window,
                        .seen = pair->tap->take_seen(),
                        .time = time,
                        .sent_bytes = pair->tap->sent_bytes()});
    }
  });
  bool lost = false;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (Party* const party : {&pairs[i]->dialler, &pairs[i]->listener}) {
      party->machine.run([&] {
        const Application& application = *party->application;
        traces[i].content_bytes += application.content_bytes();
        traces[i].delays.insert(traces[i].delays.end(), application.delays().begin(), application.delays().end());
        lost = lost || application.lost();
      });
    }
  }
  if (lost) return fail(ErrorCode::closed, "recording sessions");
  return traces;
}

}  // namespace quantumgate::bench
