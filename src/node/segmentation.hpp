// SPDX-License-Identifier: MIT
// Segmented sends: the system takes a run of datagrams as one piece and cuts it late, in the network card at best. Some
// cards and drivers lose what they cut. So each connection watches whether what it sends like that arrives, tries
// without when it does not, and stays without when that helps.
// Layer: node (sans-I/O).   Threads: one object, one thread.   Memory: fixed.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "base/time.hpp"
#include "node/environment.hpp"
#include "stream/delivery.hpp"

namespace quantumgate::node {

// How many datagrams at the front of `batch` (not empty) can be one segmented send: of one size, only the last may be
// shorter, for one destination, none of them `alone`.
std::size_t segmented_run(std::span<const OutgoingDatagram> batch);

class Segmentation {
 public:
  // What is sent within kCollect from the first packet on then has kGrace, or 4 round trips, to be acknowledged. As
  // much time is left before it, so that what was sent in another mode does not count.
  static constexpr Duration kCollect = std::chrono::milliseconds(500);
  static constexpr Duration kGrace = std::chrono::milliseconds(250);
  static constexpr std::uint64_t kBytesMin = 4096;  // less proves nothing
  // Segments are suspected if less than this share of what was sent arrives. The suspicion grows if kBetter times as
  // many bytes arrive without. An outage that ends looks the same, so it has to be seen kProofs times in a row.
  static constexpr double kBad = 0.3;
  static constexpr std::uint64_t kBetter = 4;
  static constexpr int kProofs = 3;
  static constexpr Duration kOffFirst = std::chrono::minutes(10);  // doubles each time that it is proven again
  static constexpr Duration kOffMax = std::chrono::hours(24);
  static constexpr Duration kTrialPause = std::chrono::seconds(30);  // after a trial that proved nothing

  // Before each burst: what has come of the streams' bytes so far; nothing if there is no stream engine, the next one
  // of which begins at zero. `round_trip`: the smoothed one. True if it was proven just now that segments get lost.
  bool observe(TimePoint now, const std::optional<stream::Delivery>& delivery);
  bool allowed() const noexcept { return mode_ == Mode::together; }

 private:
  enum class Mode : std::uint8_t { together, trial, off };
  enum class Phase : std::uint8_t { idle, collecting, waiting };

  struct Period {
    std::uint64_t offered;  // bytes that could have been acknowledged
    std::uint64_t arrived;
  };
  // The period that ends now; nothing if none does.
  std::optional<Period> measure(TimePoint now, const stream::Delivery& delivery);

  Mode mode_ = Mode::together;
  TimePoint mode_end_{};  // of off; of the pause before another trial
  Duration off_for_ = kOffFirst;
  std::uint64_t arrived_together_ = 0;  // in the bad period before this trial
  int proofs_ = 0;

  Phase phase_ = Phase::idle;
  TimePoint phase_end_{};
  stream::Delivery begin_;
  std::uint64_t offered_ = 0;
};

}  // namespace quantumgate::node
