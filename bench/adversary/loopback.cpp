// SPDX-License-Identifier: MIT
// Three threads: all that dial, all that are dialled, and all taps between them. Everything else is as in a program:
// sockets, clocks and the scheduler of this machine, with all their unrest.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/adversary/application.hpp"
#include "bench/adversary/recording.hpp"
#include "node/local_node.hpp"
#include "platform/system_environment.hpp"

namespace quantumgate::bench {

using namespace std::chrono_literals;

namespace {

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
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    environment.post([&] {
      work();
      const std::lock_guard lock(mutex);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }

  platform::SystemEnvironment environment;

 private:
  std::thread thread_;
};

// Counts down from any thread.
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

struct Party {
  std::shared_ptr<Application> application;
  std::unique_ptr<Node> node;
};

struct Pair {
  explicit Pair(const Plan& p) : plan(p) {}
  Plan plan;
  Party dialler, listener;
  std::unique_ptr<Tap> tap;
  std::unique_ptr<node::Timer> timer;  // of the tap's machine
};

Party start(Machine& machine, int level, std::uint64_t seed, std::function<void()> connected) {
  Party party{.application = std::make_shared<Application>(machine.environment, seed, std::move(connected))};
  NodeOptions options = node_options(level);
  options.listen = {Endpoint::loopback()};
  auto node = node::LocalNode::create(machine.environment, Identity::generate(), options, {party.application});
  if (node) party.node = std::move(*node);
  return party;
}

}  // namespace

Result<std::vector<Trace>> record_loopback(const Recording& recording, std::uint32_t first, std::uint32_t count) {
  std::vector<Pair> pairs;
  for (std::uint32_t i = 0; i < count; ++i) pairs.emplace_back(Plan(recording, first + i));

  Machine diallers, listeners, between;
  bool started = true;
  Countdown connecting(2 * count), watching(count);
  const auto connected = [&] { connecting.one_done(); };
  listeners.run([&] {
    for (Pair& pair : pairs) {
      pair.listener = start(listeners, recording.level, pair.plan.seeds[1], connected);
      started = started && pair.listener.node;
    }
  });
  diallers.run([&] {
    for (Pair& pair : pairs) {
      pair.dialler = start(diallers, recording.level, pair.plan.seeds[0], connected);
      started = started && pair.dialler.node;
    }
  });
  // Whatever happens, each node ends on its own thread.
  const auto stop = [&] {
    diallers.run([&] {
      for (Pair& pair : pairs) pair.dialler.node.reset();
    });
    listeners.run([&] {
      for (Pair& pair : pairs) pair.listener.node.reset();
    });
    between.run([&] {
      for (Pair& pair : pairs) {
        pair.timer.reset();
        pair.tap.reset();
      }
    });
  };
  if (!started) {
    stop();
    return fail(ErrorCode::system, "starting a node");
  }

  between.run([&] {
    for (Pair& pair : pairs) {
      const std::uint16_t port = pair.listener.node->address().hosts.front().port;
      pair.tap = std::make_unique<Tap>(between.environment, Endpoint::loopback(), Endpoint::loopback(port),
                                       pair.plan.path, pair.plan.seeds[2]);
    }
  });
  diallers.run([&] {
    for (Pair& pair : pairs) {
      const Address address{pair.listener.node->uuid(), {{"127.0.0.1", pair.tap->endpoint().port}}};
      pair.dialler.node->connect(address, {30s}, [](const Result<Peer>&) {});
    }
  });
  if (!connecting.wait_for(40s)) {
    stop();
    return fail(ErrorCode::no_answer, "connecting");
  }

  const TimePoint begun = between.environment.now();
  between.run([&] {
    for (Pair& pair : pairs) pair.tap->begin();
  });
  const auto begin = [&](Machine& machine, bool dialler) {
    machine.run([&, dialler] {
      for (Pair& pair : pairs) {
        if (pair.plan.activity != Activity::chat && pair.plan.dialler_acts != dialler) continue;
        const Party& self = dialler ? pair.dialler : pair.listener;
        const Party& peer = dialler ? pair.listener : pair.dialler;
        self.node->post([&] { self.application->begin(pair.plan.activity, peer.node->uuid()); });
      }
    });
  };
  begin(diallers, true);
  begin(listeners, false);
  between.run([&] {
    for (Pair& pair : pairs) {
      pair.timer = between.environment.make_timer([&pair, &recording, &watching, &between] {
        pair.tap->watch(recording.window);
        pair.timer = between.environment.make_timer([&watching] { watching.one_done(); });
        pair.timer->set(between.environment.now() + recording.window);
      });
      pair.timer->set(between.environment.now() + pair.plan.warm_up);
    }
  });
  const bool watched = watching.wait_for(recording.window + 60s);

  const Duration time = between.environment.now() - begun;
  std::vector<Trace> traces;
  between.run([&] {
    for (Pair& pair : pairs) {
      traces.push_back({.activity = pair.plan.activity,
                        .group = pair.plan.group,
                        .window = recording.window,
                        .seen = pair.tap->take_seen(),
                        .time = time,
                        .sent_bytes = pair.tap->sent_bytes()});
    }
  });
  bool lost = false;
  const auto collect = [&](Party Pair::*side) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Application& application = *(pairs[i].*side).application;
      traces[i].content_bytes += application.content_bytes();
      traces[i].delays.insert(traces[i].delays.end(), application.delays().begin(), application.delays().end());
      lost = lost || application.lost();
    }
  };
  diallers.run([&] { collect(&Pair::dialler); });
  listeners.run([&] { collect(&Pair::listener); });
  stop();
  if (!watched || lost) return fail(ErrorCode::closed, "recording sessions");
  return traces;
}

}  // namespace quantumgate::bench
