// SPDX-License-Identifier: MIT
// The peers that a node stays connected with: dials each until it answers, less and less often, and again when it is
// lost.
// Threads: any; the work is done on the node's.   Ownership: borrows the node, which must outlive the last call.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "quantumgate/address.h"
#include "quantumgate/log.h"
#include "quantumgate/node.h"

namespace quantumgate::qgate {

class StandingPeers : public std::enable_shared_from_this<StandingPeers> {
 public:
  static constexpr std::size_t kMax = 64;
  static constexpr std::chrono::seconds kTick{1};  // how often tick() should be called

  StandingPeers(Node& node, LogSink log) : node_(node), log_(std::move(log)) {}
  // In place of those there were. Who is not among them any more is left connected. At most kMax.
  void set(std::vector<Address> addresses);
  // Dials whoever is due.
  void tick();

 private:
  using Clock = std::chrono::steady_clock;
  struct Standing {
    Address address;
    bool dialling = false;
    bool connected = false;
    Clock::time_point next{};
    std::chrono::milliseconds pause{};
    std::optional<ErrorCode> told;  // the last failure that the log has
  };
  Standing* find(const PeerUuid& uuid);
  void answered(const PeerUuid& uuid, const Result<Peer>& peer);

  Node& node_;
  const LogSink log_;
  std::vector<Standing> standing_;
  std::minstd_rand random_{std::random_device{}()};  // for pauses that differ from node to node
};

}  // namespace quantumgate::qgate
