// SPDX-License-Identifier: MIT
/// \file
/// A network of nodes in virtual time, for testing what you build on this library: the same nodes and extenders, no
/// sockets and no waiting, and every run can be repeated. A second of the network takes as long as its work takes.
///
///     SimulatedNetwork network(seed);
///     auto a = network.start_node(network.make_identity(), {}, {my_extender});
///     auto b = network.start_node(network.make_identity(), {}, {your_extender});
///     network.set_links((*a)->uuid(), (*b)->uuid(), {.delay = 20ms, .loss_per_million = 10'000});
///     (*a)->connect((*b)->address(), {}, [&](Result<Peer> peer) { ... });
///     bool arrived = network.run_until([&] { return ...; }, 5s);
///
/// Not included by quantumgate.h.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "quantumgate/export.h"
#include "quantumgate/node.h"

namespace quantumgate {

/// One direction of the path between two nodes. A datagram passes, in this order: MTU, queue and rate, loss,
/// duplication, delay and jitter.
struct SimulatedLink {
  /// From the end of sending to arrival; zero or more.
  std::chrono::nanoseconds delay = std::chrono::milliseconds(1);
  /// Up to this much more delay, drawn for each datagram: reorders them.
  std::chrono::nanoseconds jitter{};
  /// How many of a million datagrams get lost; 1,000,000 cuts the link.
  std::uint32_t loss_per_million = 0;
  /// How many of a million datagrams arrive twice.
  std::uint32_t duplicate_per_million = 0;
  /// The rate, counting whole IP packets; 0: unlimited.
  std::uint64_t bits_per_second = 0;
  /// Bytes of IP packets that wait or are being sent on a link with a rate; what does not fit is dropped.
  std::size_t queue_bytes = 256 * 1024;
  /// The longest IP packet in bytes: payload + 28 (IPv4 and UDP) or + 48 (IPv6 and UDP). Longer ones are dropped.
  std::size_t mtu = 1500;
  /// Datagrams that a system may send as one piece get lost, as behind some network cards: neighbours of equal size.
  bool loses_segments = false;
};

/// A network in virtual time. Everything follows from the seed and from the calls: the same program with the same seed
/// sees the same run, datagram by datagram.
///
/// Threads: one. The nodes of this network have no thread of their own: their callbacks come inside run_for() and
/// run_until(). Calls that are for the node's thread are made in a callback or through Node::post.
/// Ownership: owns the simulated machines. Its nodes must be destroyed before it is.
/// Memory: about 2 KiB for each datagram under way, at most 2^19 of them.
class QG_EXPORT SimulatedNetwork {
 public:
  /// An empty network. Different seeds give different losses, delays and identities.
  explicit SimulatedNetwork(std::uint64_t seed);
  ~SimulatedNetwork();
  SimulatedNetwork(const SimulatedNetwork&) = delete;             ///< Not copied: nodes refer to it.
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;  ///< Not copied: nodes refer to it.

  /// An identity drawn from the seed. For tests only: whoever knows the seed knows its private key.
  Identity make_identity();

  /// Starts a node, as Node::start does, on a machine of its own. The n-th machine has the address 10.x.y.z where x.y.z
  /// is n. An identity that was here before gets its machine, with its links, back: that is how a node is restarted.
  /// Where `options.listen` is empty, the node listens on port 5000 of that address.
  /// Errors: as Node::start; address_in_use: a node of this identity still runs.
  Result<std::unique_ptr<Node>> start_node(Identity identity, NodeOptions options = {},
                                           std::vector<std::shared_ptr<Extender>> extenders = {});

  /// The link of all pairs that have none of their own. Errors: invalid_argument (a negative time).
  Result<void> set_default_link(const SimulatedLink& link);
  /// One direction, for datagrams sent from now on. Errors: not_found (no such node was ever started here),
  /// invalid_argument (a negative time).
  Result<void> set_link(const PeerUuid& from, const PeerUuid& to, const SimulatedLink& link);
  /// Both directions, as set_link().
  Result<void> set_links(const PeerUuid& a, const PeerUuid& b, const SimulatedLink& link);

  /// Virtual time since the network was made. Handling an event takes none.
  std::chrono::nanoseconds now() const noexcept;
  /// Runs all that happens in the next `duration`. Not to be called from a callback.
  void run_for(std::chrono::nanoseconds duration);
  /// Runs until `done` says so, which is asked before the first and after each event, but for no longer than `limit`.
  /// Returns whether it did. Not to be called from a callback.
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit);

  /// A digest of every event so far, with its time: equal for equal runs.
  std::array<std::byte, 32> fingerprint() const;

 private:
  struct QG_HIDDEN Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace quantumgate
