// SPDX-License-Identifier: MIT
#include "node/segmentation.hpp"

#include <algorithm>

namespace quantumgate::node {
namespace {

// Limits of one UDP_SEGMENT send: UDP_MAX_SEGMENTS of the oldest kernels that have it, and the size of an IP packet
// with room for headers.
constexpr std::size_t kSegmentsMax = 64;
constexpr std::size_t kSegmentedBytesMax = 65'000;

}  // namespace

std::size_t segmented_run(std::span<const OutgoingDatagram> batch) {
  const auto& [to, first, alone] = batch.front();
  if (alone || first.empty()) return 1;
  std::size_t bytes = first.size();
  std::size_t count = 1;
  while (count < std::min(batch.size(), kSegmentsMax)) {
    const OutgoingDatagram& next = batch[count];
    bytes += next.data.size();
    if (next.alone || next.data.empty() || next.data.size() > first.size() || bytes > kSegmentedBytesMax ||
        next.to != to) {
      break;
    }
    ++count;
    if (next.data.size() < first.size()) break;
  }
  return count;
}

std::optional<Segmentation::Period> Segmentation::measure(TimePoint now, const stream::Delivery& delivery) {
  switch (phase_) {
    case Phase::idle:
      if (now < phase_end_) return std::nullopt;
      begin_ = delivery;
      phase_ = Phase::collecting;
      phase_end_ = now + kCollect;
      return std::nullopt;
    case Phase::collecting:
      if (delivery.packets == begin_.packets) phase_end_ = now + kCollect;  // a pause between two probes
      if (now < phase_end_) return std::nullopt;
      offered_ = delivery.sent - begin_.sent + begin_.outstanding;
      phase_ = Phase::waiting;
      phase_end_ = now + std::max(kGrace, 4 * delivery.round_trip);
      return std::nullopt;
    case Phase::waiting:
      if (now < phase_end_) return std::nullopt;
      phase_ = Phase::idle;
      phase_end_ = now + std::max(kGrace, 4 * delivery.round_trip);
      return Period{offered_, delivery.delivered - begin_.delivered};
  }
  return std::nullopt;
}

bool Segmentation::observe(TimePoint now, const std::optional<stream::Delivery>& delivery) {
  if (mode_ == Mode::off && now >= mode_end_) {
    mode_ = Mode::together;
    phase_ = Phase::idle;
  }
  if (!delivery) {
    phase_ = Phase::idle;
    return false;
  }
  if (mode_ == Mode::off) return false;
  const auto period = measure(now, *delivery);
  if (!period || period->offered < kBytesMin) return false;
  if (mode_ == Mode::together) {
    if (static_cast<double>(period->arrived) >= kBad * static_cast<double>(period->offered)) {
      proofs_ = 0;
    } else if (now >= mode_end_) {
      arrived_together_ = period->arrived;
      mode_ = Mode::trial;
    }
    return false;
  }
  mode_ = Mode::together;
  if (period->arrived < std::max(kBytesMin, kBetter * arrived_together_)) {
    proofs_ = 0;
    mode_end_ = now + kTrialPause;
    return false;
  }
  if (++proofs_ < kProofs) return false;
  proofs_ = 0;
  mode_ = Mode::off;
  mode_end_ = now + off_for_;
  off_for_ = std::min(2 * off_for_, kOffMax);
  return true;
}

}  // namespace quantumgate::node
