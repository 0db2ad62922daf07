// SPDX-License-Identifier: MIT
// A machine between two nodes: it passes their datagrams on, late and not all of them, as a path does, and writes down
// what it sees. It stands beside both of them at once: what it notes is when a datagram left its sender, before the
// path disturbs anything. That is more than any one place of a real network shows.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "bench/adversary/trace.hpp"
#include "node/environment.hpp"
#include "sim/random.hpp"

namespace quantumgate::bench {

// Both directions alike.
struct Path {
  Duration delay{};
  Duration jitter{};  // up to this much more, drawn for each datagram: reorders them
  std::uint32_t loss_per_million = 0;
  std::uint64_t bits_per_second = 1;  // > 0, of UDP payload
};

// Threads: the environment's.   Memory: kQueueMax bytes of datagrams under way for each direction, and what was seen.
class Tap {
 public:
  static constexpr std::size_t kQueueMax = 128 * 1024;  // what does not fit any more is dropped
  static constexpr std::size_t kSeenMax = 1'000'000;    // then it stops writing, and ends the program

  // Listens on `local` (port 0: a free one) for the dialler and sends on to `listener`.
  Tap(node::Environment& environment, const Endpoint& local, const Endpoint& listener, const Path& path,
      std::uint64_t seed);

  Endpoint endpoint() const { return sides_[0].socket->local_endpoint(); }

  // Counts bytes from now on.
  void begin() { counting_ = true; }
  // Writes down what passes during the next `window`.
  void watch(Duration window);

  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  // Leaves none here.
  std::vector<SeenDatagram> take_seen() { return std::move(seen_); }

 private:
  struct Side {  // what faces the dialler, and what faces the listener
    std::unique_ptr<node::DatagramSocket> socket;
    std::optional<Endpoint> node;
    TimePoint busy_until{};  // towards this node
  };
  struct Waiting {
    std::size_t side;  // to which it goes
    Bytes data;
  };

  void arrive(std::size_t from, std::span<const node::IncomingDatagram> batch);
  void deliver();

  node::Environment& environment_;
  const Path path_;
  sim::SeededRandom random_;
  Side sides_[2];
  std::multimap<TimePoint, Waiting> waiting_;  // by the time of arrival
  std::unique_ptr<node::Timer> timer_;
  bool counting_ = false;
  std::uint64_t sent_bytes_ = 0;
  TimePoint window_begin_{}, window_end_{};
  std::vector<SeenDatagram> seen_;
};

}  // namespace quantumgate::bench
