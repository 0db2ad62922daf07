// SPDX-License-Identifier: MIT
// Goal: nobody is limited while a node has places for sessions; when all are taken, a network with thousands of
// identities keeps out nobody else, and nobody loses his place but who came last of those who hold most.
// Method: whole nodes in virtual time, most of them behind one address.   Why so: docs/design/denial-of-service.md,
// section 3. The books alone: src/node/prefix_shares_test.cpp.
#include <list>

#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

// A node of its own identity, one of many on a host.
struct Guest {
  Guest(sim::Host& host, std::uint32_t number) : observer(std::make_shared<Observer>()) {
    std::array<std::byte, 32> seed{std::byte{0x77}};
    for (int i = 0; i < 4; ++i) seed[1 + i] = static_cast<std::byte>(number >> 8 * i);
    NodeOptions options;
    options.network = "test";
    options.tcp = false;
    auto created = node::LocalNode::create(host, Identity::from_seed(Secret<32>(seed)), options, {observer});
    EXPECT_TRUE(created);
    node = std::move(*created);
  }
  void dial(const TestNode& to, std::chrono::milliseconds time_limit) {
    node->connect(to.address(), {.time_limit = time_limit}, [this](Result<Peer> peer) { answer = peer.has_value(); });
  }
  bool in() const { return observer->ups.size() == 1 && observer->downs.empty(); }
  bool evicted() const { return observer->downs == std::vector{CloseReason::evicted}; }

  std::shared_ptr<Observer> observer;
  std::unique_ptr<Node> node;
  std::optional<bool> answer;
};

struct PlacesTest : ::testing::Test, Transfers {
  std::list<Guest> guests;

  // The only address of a host, in a prefix of that number.
  sim::Host& host_in(int prefix) {
    return simulator.add_host(
        {Endpoint::v4(20, static_cast<std::uint8_t>(prefix >> 8), static_cast<std::uint8_t>(prefix), 1, 0)});
  }
  Guest& come(sim::Host& host, const TestNode& to, std::chrono::milliseconds time_limit = 3s) {
    Guest& guest = guests.emplace_back(host, static_cast<std::uint32_t>(++identities));
    guest.dial(to, time_limit);
    return guest;
  }
  // Whether all have their answer, and it was that.
  bool answered(const std::vector<Guest*>& all, bool in) {
    const auto has_answer = [](const Guest* guest) { return guest->answer.has_value(); };
    const bool answered = simulator.run_until([&] { return std::ranges::all_of(all, has_answer); }, 1min);
    simulator.run_for(1s);  // message 3 is on its way
    return answered && std::ranges::all_of(all, [&](const Guest* guest) { return *guest->answer == in; });
  }
  std::vector<Guest*> come(int number, sim::Host& host, const TestNode& to) {
    std::vector<Guest*> all;
    for (int i = 0; i < number; ++i) all.push_back(&come(host, to, 10s));
    return all;
  }
  int identities = 0;
};

TEST_F(PlacesTest, ACompanyBehindOneAddressMayHaveThemAll) {
  TestNode bob(simulator, 1, {.sessions_max = 200});
  sim::Host& company = host_in(1);
  const auto all = come(200, company, bob);
  ASSERT_TRUE(answered(all, true));
  EXPECT_EQ(bob.node->peers().size(), 200u);
  EXPECT_EQ(bob.node->counters().dropped_full, 0u);

  Guest& late = come(company, bob);
  ASSERT_TRUE(answered({&late}, false)) << "there is no place, and nobody holds more";
  EXPECT_GT(bob.node->counters().dropped_full, 0u);
  ASSERT_TRUE(all[7]->node->disconnect(bob.identity.uuid()));
  ASSERT_TRUE(answered({&come(company, bob)}, true));
  EXPECT_EQ(bob.node->counters().sessions_evicted, 0u);
  for (const Guest* guest : all) EXPECT_TRUE(guest == all[7] || guest->in());
  guests.clear();
}

TEST_F(PlacesTest, ANetworkWithThousandsOfIdentitiesKeepsNobodyOut) {
  constexpr std::size_t kPlaces = 400;
  TestNode bob(simulator, 1, {.sessions_max = kPlaces});
  sim::Host& hostile = simulator.add_host({Endpoint::v4(66, 6, 6, 6, 0)});

  // Those who were there before: elsewhere, next to the hostile ones, and one of their network that Bob has dialled.
  std::vector<Guest*> before;
  for (int prefix = 1; prefix <= 20; ++prefix) before.push_back(&come(host_in(prefix), bob));
  sim::Host& neighbours = simulator.add_host({Endpoint::v4(66, 6, 6, 7, 0)});
  for (int i = 0; i < 5; ++i) before.push_back(&come(neighbours, bob));
  ASSERT_TRUE(answered(before, true));
  TestNode carol(simulator, 3, {.anywhere = true});
  carol.host.set_addresses({Endpoint::v4(66, 6, 6, 8, 0)});
  const Endpoint carols = Endpoint::v4(66, 6, 6, 8, 5000);
  ASSERT_TRUE(bob.connect(Address{carol.identity.uuid(), {{"66.6.6.8", carols.port}}}));
  const Source& source = start(bob, carol, 50'000'000);

  // Each that is refused or loses its place comes back as somebody else.
  std::list<Guest> swarm;
  const auto swarm_for = [&](Duration time) {
    const TimePoint end = simulator.now() + time;
    while (simulator.now() < end) {
      swarm.remove_if([](const Guest& guest) { return (guest.answer && !*guest.answer) || guest.evicted(); });
      for (int i = 0; i < 20 && swarm.size() < kPlaces + 100; ++i) {
        swarm.emplace_back(hostile, static_cast<std::uint32_t>(++identities)).dial(bob, 500ms);
      }
      simulator.run_for(100ms);
    }
  };
  while (bob.node->peers().size() < kPlaces) swarm_for(1s);
  EXPECT_EQ(bob.node->counters().sessions_evicted, 0u);
  swarm_for(2s);

  std::vector<Guest*> newcomers;
  for (int prefix = 101; prefix <= 140; ++prefix) {
    newcomers.push_back(&come(host_in(prefix), bob));
    swarm_for(500ms);
    EXPECT_EQ(newcomers.back()->answer, true) << prefix;
  }
  swarm_for(1s);
  EXPECT_GT(identities, 2000);
  EXPECT_EQ(bob.node->counters().sessions_evicted, newcomers.size()) << "and nobody else";
  EXPECT_LE(bob.node->peers().size(), kPlaces);
  for (const auto* group : {&before, &newcomers}) {
    for (const Guest* guest : *group) EXPECT_TRUE(guest->in());
  }
  EXPECT_TRUE(carol.observer->downs.empty());
  EXPECT_TRUE(ends(source, 1min));
  EXPECT_EQ(std::ranges::count(bob.observer->downs, CloseReason::evicted), static_cast<long>(newcomers.size()));
  swarm.clear();
  guests.clear();
}

TEST_F(PlacesTest, WhoHasMovedCountsWhereHeIs) {
  TestNode bob(simulator, 1, {.sessions_max = 20});
  std::vector<std::unique_ptr<TestNode>> moving;
  for (std::uint8_t i = 0; i < 10; ++i) {
    moving.push_back(std::make_unique<TestNode>(simulator, 10 + i, TestNode::Options{.anywhere = true}));
    moving[i]->host.set_addresses({Endpoint::v4(30, i, 0, 1, 0)});
    ASSERT_TRUE(moving[i]->connect(bob.address()));
  }
  std::vector<Guest*> others;
  for (int prefix = 1; prefix <= 10; ++prefix) others.push_back(&come(host_in(prefix), bob));
  ASSERT_TRUE(answered(others, true));
  ASSERT_TRUE(answered({&come(host_in(200), bob)}, false)) << "all have one place";

  // Two go to a network that is new, in which each is as old as before.
  moving[9]->host.set_addresses({Endpoint::v4(40, 0, 0, 1, 0)});
  simulator.run_for(1min);
  moving[4]->host.set_addresses({Endpoint::v4(40, 0, 0, 2, 0)});
  simulator.run_for(1min);
  ASSERT_EQ(bob.node->counters().moves, 2u);
  ASSERT_TRUE(answered({&come(host_in(201), bob)}, true));
  EXPECT_EQ(moving[9]->observer->downs, std::vector{CloseReason::evicted});
  EXPECT_TRUE(moving[4]->observer->downs.empty());
  ASSERT_TRUE(answered({&come(host_in(202), bob)}, false));
  for (const Guest* guest : others) EXPECT_TRUE(guest->in());
  guests.clear();
}

TEST_F(PlacesTest, SessionsThatAreClosingHoldNoPlace) {
  TestNode bob(simulator, 1, {.sessions_max = 10});
  std::vector<Guest*> all;
  for (int prefix = 1; prefix <= 10; ++prefix) all.push_back(&come(host_in(prefix), bob));
  ASSERT_TRUE(answered(all, true));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bob.node->disconnect(all[i]->node->uuid()));
  std::vector<Guest*> next;
  for (int prefix = 11; prefix <= 15; ++prefix) next.push_back(&come(host_in(prefix), bob));
  simulator.run_for(500ms);
  for (const Guest* guest : next) EXPECT_EQ(guest->answer, true);
  EXPECT_EQ(bob.node->peers().size(), 10u);
  ASSERT_TRUE(answered({&come(host_in(16), bob)}, false));
  EXPECT_EQ(bob.node->counters().sessions_evicted, 0u);
  simulator.run_for(1s);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(all[i]->observer->downs, std::vector{CloseReason::normal});
  guests.clear();
}

}  // namespace
}  // namespace quantumgate::network_test
