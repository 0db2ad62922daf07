// SPDX-License-Identifier: MIT
#include "session/path_mtu.hpp"

#include <algorithm>
#include <utility>

#include "session/constants.hpp"

namespace quantumgate::session {
namespace {

Duration wait_for(Duration round_trip) {
  return std::clamp<Duration>(3 * (round_trip + kPathAckDelay), kMtuWaitMin, kMtuWaitMax);
}

}  // namespace

PathMtu::PathMtu(TimePoint now, std::size_t size_max)
    : size_max_(size_max), size_(kPacketSizeDefault), too_large_(size_max + 1), progress_(now) {}

void PathMtu::on_use(TimePoint now, Duration round_trip, RandomSource& random) {
  if (probed_ != 0) return;
  wait_ = wait_for(round_trip);
  if (size_ < size_max_ && now >= next_search_) {
    too_large_ = size_max_ + 1;
    probe(now, size_max_, random);  // most paths carry it
  } else if (size_ > kPacketSizeDefault && now >= next_confirm_) {
    probe(now, size_, random);
  }
}

void PathMtu::on_progress(TimePoint now, std::uint64_t delivered, bool waiting, Duration round_trip,
                          RandomSource& random) {
  if (delivered != std::exchange(delivered_, delivered) || !waiting) progress_ = now;
  if (now >= progress_ + wait_for(round_trip)) on_doubt(now, round_trip, random);
}

// Falls back at once and asks afterwards: if something else was wrong, the size is back after a round trip.
void PathMtu::on_doubt(TimePoint now, Duration round_trip, RandomSource& random) {
  if (size_ == kPacketSizeDefault) return;
  wait_ = wait_for(round_trip);
  probe(now, std::exchange(size_, kPacketSizeDefault), random);
}

void PathMtu::probe(TimePoint now, std::size_t size, RandomSource& random) {
  probed_ = size;
  token_ = random.u64();
  tries_ = 0;
  due_ = true;
  again_ = now + wait_;
}

void PathMtu::search_on(TimePoint now, RandomSource& random) {
  if (size_ < size_max_ && too_large_ - size_ > kMtuExact) return probe(now, (size_ + too_large_) / 2, random);
  probed_ = 0;
  due_ = false;
  next_search_ = now + kMtuSearchInterval;
}

void PathMtu::on_answer(TimePoint now, std::uint64_t token, RandomSource& random) {
  if (probed_ == 0 || token != token_) return;
  next_confirm_ = now + kMtuConfirmInterval;
  const bool confirmed = std::exchange(size_, probed_) == probed_;
  if (!confirmed) return search_on(now, random);
  probed_ = 0;
  due_ = false;
}

std::optional<PathMtu::Probe> PathMtu::poll_transmit(TimePoint now) {
  if (!std::exchange(due_, false)) return std::nullopt;
  sent_ = now;
  return Probe{{wire::PathWhat::challenge, token_}, probed_};
}

std::optional<TimePoint> PathMtu::deadline() const { return probed_ == 0 ? std::nullopt : std::optional(again_); }

void PathMtu::on_deadline(TimePoint now, TimePoint last_received, RandomSource& random) {
  if (probed_ == 0 || now < again_) return;
  // While nothing comes at all, a probe that is not answered tells nothing of its size.
  if (last_received > sent_) {
    ++tries_;
  } else {
    wait_ = std::min(2 * wait_, kMtuWaitMax);
  }
  if (tries_ < kMtuTries) {
    due_ = true;
    again_ = now + wait_;
    return;
  }
  too_large_ = probed_;
  if (probed_ == size_) size_ = kPacketSizeDefault;
  search_on(now, random);
}

}  // namespace quantumgate::session
