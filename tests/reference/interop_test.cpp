// SPDX-License-Identifier: MIT
// Goal: nodes of the library and of the JavaScript reference, two implementations of one specification, hold whole
// sessions over real UDP: both roles, every suite, with and without a shared secret, through a key update, to a CLOSE
// of either side. Method: peers.js holds all sessions at once with two nodes of this process and checks its side of
// each; this side is checked here.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "quantumgate/blocking.h"
#include "quantumgate/node.h"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

constexpr const char* kNetwork = "interop";
constexpr const char* kGreeter = "test.greeter";

// Greets every peer with a datagram, and notes how sessions ended.
class Greeter final : public Extender {
 public:
  Greeter() : Extender(kGreeter) {}
  void on_start(Node& node) override { node_ = &node; }
  void on_peer_up(const Peer& peer) override {
    EXPECT_TRUE(node_->send_datagram(peer.uuid, kGreeter, as_bytes("hello")));
  }
  void on_peer_down(const Peer& peer, CloseReason reason) override {
    const std::lock_guard lock(mutex_);
    ends_.push_back({peer, reason});
    changed_.notify_all();
  }

  struct End {
    Peer peer;
    CloseReason reason;
  };
  // All ends, once there are `count`, or those that there were after 30 s.
  std::vector<End> ends(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 30s, [&] { return ends_.size() >= count; });
    return ends_;
  }

 private:
  Node* node_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<End> ends_;
};

struct TestNode {
  TestNode(std::optional<SharedSecret> secret, const Privacy& privacy) {
    NodeOptions options;
    options.listen = {Endpoint::loopback()};
    options.network = kNetwork;
    options.shared_secret = std::move(secret);
    options.privacy = privacy;
    auto started = Node::start(Identity::generate(), std::move(options), {greeter});
    EXPECT_TRUE(started);
    if (started) node = std::move(*started);
  }
  std::string address() const { return node->address().to_string(); }
  NodeCounters counters() {
    NodeCounters counters;
    EXPECT_TRUE(blocking::run(*node, [&] { counters = node->counters(); }));
    return counters;
  }

  const std::shared_ptr<Greeter> greeter = std::make_shared<Greeter>();
  std::unique_ptr<Node> node;
};

TEST(InteropTest, TheReferenceHoldsSessionsInEverySuiteAndRole) {
  SharedSecret secret = generate_shared_secret();
  std::ostringstream secret_text;
  for (const std::byte byte : secret.view()) {
    secret_text << "0123456789abcdef"[std::to_integer<int>(byte >> 4)]
                << "0123456789abcdef"[std::to_integer<int>(byte & std::byte{15})];
  }
  TestNode open(std::nullopt, {.key_update = {10s, 10s}});
  TestNode closed(std::move(secret), privacy_level(3).value_or(Privacy{}));  // pads all it sends, and sends cover
  ASSERT_TRUE(open.node && closed.node);

  const std::string command = std::string("node " QG_PEERS_JS " ") + kNetwork + ' ' + secret_text.str() + " '" +
                              open.address() + "' '" + closed.address() + "'";
  std::FILE* const peers = popen(command.c_str(), "r");
  ASSERT_NE(peers, nullptr);
  std::array<char, 1024> buffer;
  while (std::fgets(buffer.data(), buffer.size(), peers) != nullptr) {
    std::istringstream line(buffer.data());
    std::string what, name, suite, text;
    line >> what >> name;
    Node& node = name == "open" ? *open.node : *closed.node;
    if (what == "dial" && line >> suite >> text) {
      const auto address = Address::parse(text);
      ASSERT_TRUE(address) << text;
      const ConnectOptions options{.suite = suite_names().at(std::stoul(suite) - 1)};
      node.connect(*address, options, [text](const Result<Peer>& peer) {
        EXPECT_TRUE(peer) << text << ": " << (peer ? "" : describe(peer.error().code));
      });
    } else if (what == "disconnect" && line >> text) {
      const auto address = Address::parse(text);
      ASSERT_TRUE(address) << text;
      node.post([&node, uuid = address->uuid] { EXPECT_TRUE(node.disconnect(uuid)); });
    } else {
      std::cout << buffer.data();
    }
  }
  const int status = pclose(peers);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);

  const std::size_t sessions = 2 * suite_names().size();  // of each node
  for (TestNode* each : {&open, &closed}) {
    const auto ends = each->greeter->ends(sessions);
    EXPECT_EQ(ends.size(), sessions);
    for (const auto& [peer, reason] : ends) {
      EXPECT_EQ(reason, CloseReason::normal) << peer.suite;
      EXPECT_GE(peer.key_updates, 1u) << peer.suite;
    }
    for (const std::string& suite : suite_names()) {
      for (const bool outgoing : {false, true}) {
        EXPECT_TRUE(std::ranges::any_of(
            ends, [&](const auto& end) { return end.peer.suite == suite && end.peer.outgoing == outgoing; }))
            << suite << (outgoing ? ", dialled" : ", answered");
      }
    }
    const NodeCounters counters = each->counters();
    EXPECT_EQ(counters.moves, each == &open ? sessions : 0u);
    EXPECT_EQ(counters.key_updates_failed, 0u);
    EXPECT_EQ(counters.dropped_malformed + counters.dropped_clock + counters.dropped_full, 0u);
  }
}

}  // namespace
}  // namespace quantumgate
