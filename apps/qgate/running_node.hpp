// SPDX-License-Identifier: MIT
// A node with its services, as the settings want it: all that has keys, or what was sealed with them. Destroying it
// closes the sessions and wipes the keys.
// Threads: one; the node has its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/outcome.hpp"
#include "apps/qgate/settings.hpp"
#include "apps/qgate/standing_peers.hpp"
#include "quantumgate/address.h"
#include "quantumgate/identity.h"
#include "quantumgate/log.h"

namespace quantumgate::qgate {

class RunningNode {
 public:
  // The settings for privacy were checked. `bound`: the hosts() of an earlier one, whose ports are taken again; empty
  // at first.
  static Outcome<std::unique_ptr<RunningNode>> start(const Globals& globals, Identity identity,
                                                     const std::vector<HostPort>& bound, const LogSink& log);

  Node& node() noexcept { return *node_; }
  StandingPeers& standing() noexcept { return *standing_; }
  // What is to be said of the chat's history, once the node is ready; may be empty.
  const std::string& warning() const noexcept { return warning_; }
  // What the control server works on. It must be gone before this object.
  api::Service& service() noexcept { return service_; }

 private:
  RunningNode() = default;

  api::Service service_;
  std::unique_ptr<Node> node_;
  std::shared_ptr<StandingPeers> standing_;
  std::string warning_;
};

}  // namespace quantumgate::qgate
