// SPDX-License-Identifier: MIT
// Goal: a node and the JavaScript reference, two implementations of one specification, get a session over real UDP, in
// every suite. Method: initiator.js dials a node of this process; it succeeds only if the node's first packet opens.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "quantumgate/node.h"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

// The exit code, or nothing if the shell could not say.
std::optional<int> run(const std::string& command) {
  const int status = std::system(command.c_str());
  if (status == -1 || !WIFEXITED(status)) return std::nullopt;
  return WEXITSTATUS(status);
}

// The suites of the sessions that `node` has.
std::vector<std::string> suites_in_use(Node& node) {
  const auto promise = std::make_shared<std::promise<std::vector<std::string>>>();
  node.post([&node, promise] {
    std::vector<std::string> suites;
    for (const Peer& peer : node.peers()) suites.push_back(peer.suite);
    promise->set_value(std::move(suites));
  });
  auto future = promise->get_future();
  if (future.wait_for(30s) != std::future_status::ready) return {};
  return future.get();
}

TEST(InteropTest, TheReferenceGetsASessionInEverySuite) {
  NodeOptions options;
  options.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
  options.network = "interop";
  auto node = Node::start(Identity::generate(), std::move(options));
  ASSERT_TRUE(node);
  const std::string address = (*node)->address().to_string();
  int id = 0;  // of the suites in their order: 02-handshake.md, section 1
  for (const std::string& name : suite_names()) {
    SCOPED_TRACE(name);
    const std::string arguments = " '" + address + "' interop " + std::to_string(++id);
    ASSERT_EQ(run("node " QG_INITIATOR_JS + arguments), 0);
    const auto suites = suites_in_use(**node);
    EXPECT_EQ(suites.size(), static_cast<std::size_t>(id)) << "a new peer each time";
    EXPECT_NE(std::find(suites.begin(), suites.end(), name), suites.end());
  }
}

}  // namespace
}  // namespace quantumgate
