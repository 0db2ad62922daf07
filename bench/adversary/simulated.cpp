// SPDX-License-Identifier: MIT
#include "bench/adversary/application.hpp"
#include "bench/adversary/recording.hpp"
#include "node/local_node.hpp"
#include "sim/environment.hpp"
#include "sim/simulator.hpp"

namespace quantumgate::bench {

using namespace std::chrono_literals;

namespace {

constexpr std::uint16_t kPort = 5000;

struct Party {
  Party(sim::Simulator& simulator, const Recording& recording, std::uint64_t seed)
      : host(simulator.add_host()),
        application(std::make_shared<Application>(host, seed, [this] { connected = true; })) {
    NodeOptions options = node_options(recording.level);
    options.listen = {host.v4(kPort)};
    Secret<32> identity;
    host.random().fill(identity.mutable_view());
    auto created = node::LocalNode::create(host, Identity::from_seed(std::move(identity)), options, {application});
    if (created) node = std::move(*created);
  }

  sim::Host& host;
  std::shared_ptr<Application> application;
  std::unique_ptr<Node> node;
  bool connected = false;
};

}  // namespace

Result<Trace> simulate(const Recording& recording, std::uint32_t number) {
  const Plan plan(recording, number);
  sim::Simulator simulator(plan.seeds[3]);
  simulator.set_default_link({.delay = 0ns});  // the tap delays and loses, so that it sees all as it was sent
  Party dialler(simulator, recording, plan.seeds[0]), listener(simulator, recording, plan.seeds[1]);
  if (!dialler.node || !listener.node) return fail(ErrorCode::system, "starting a node");
  sim::Host& between = simulator.add_host();
  Tap tap(between, between.v4(0), listener.host.v4(kPort), plan.path, plan.seeds[2]);

  Address address{listener.node->uuid(), {{"10.0.0.3", tap.endpoint().port}}};
  dialler.node->connect(address, {30s}, [](const Result<Peer>&) {});
  if (!simulator.run_until([&] { return dialler.connected && listener.connected; }, 1min)) {
    return fail(ErrorCode::no_answer, "connecting");
  }

  tap.begin();
  for (auto [self, peer, acts] :
       {std::tuple{&dialler, &listener, plan.dialler_acts}, std::tuple{&listener, &dialler, !plan.dialler_acts}}) {
    if (!acts && plan.activity != Activity::chat) continue;
    self->node->post([application = self->application, activity = plan.activity, uuid = peer->node->uuid()] {
      application->begin(activity, uuid);
    });
  }
  simulator.run_for(plan.warm_up);
  tap.watch(recording.window);
  simulator.run_for(recording.window);

  Trace trace{.activity = plan.activity,
              .group = plan.group,
              .window = recording.window,
              .seen = tap.take_seen(),
              .time = plan.warm_up + recording.window,
              .sent_bytes = tap.sent_bytes()};
  for (const Party* party : {&dialler, &listener}) {
    if (party->application->lost()) return fail(ErrorCode::closed, "recording a session");
    trace.content_bytes += party->application->content_bytes();
    const auto& delays = party->application->delays();
    trace.delays.insert(trace.delays.end(), delays.begin(), delays.end());
  }
  return trace;
}

}  // namespace quantumgate::bench
