// SPDX-License-Identifier: MIT
#include "sim/event_log.hpp"

#include <cstring>
#include <span>

#include "base/byte_order.hpp"
#include "crypto/hash.hpp"

namespace quantumgate::sim {

namespace {

// All 128 bits of a product, folded to 64: each bit of either factor reaches most of the result.
__extension__ using Product = unsigned __int128;
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) noexcept {
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// The fractional digits of pi: factors without pattern.
constexpr std::uint64_t kA = 0x243f6a8885a308d3, kB = 0x13198a2e03707345, kC = 0xa4093822299f31d1;

}  // namespace

void EventLog::add(TimePoint time, Event event, std::uint64_t subject, std::uint64_t value) {
  const auto ticks = static_cast<std::uint64_t>(time.time_since_epoch().count());
  const std::uint64_t record =
      multiply(multiply(ticks ^ kA, subject ^ kB) ^ value, (static_cast<std::uint64_t>(event) << 32 | used_) ^ kC);
  store_be(record, std::span<std::byte, sizeof record>(pending_.data() + used_, sizeof record));
  used_ += sizeof record;
  ++size_;
  if (used_ == pending_.size()) {
    state_ = fingerprint();
    used_ = 0;
  }
}

Fingerprint EventLog::fingerprint() const { return crypto::sha256({state_, BytesView(pending_).first(used_)}); }

std::uint64_t content_hash(BytesView bytes, std::uint64_t seed) noexcept {
  const auto load = [](const std::byte* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
  };
  std::uint64_t even = seed ^ kA;  // two lanes, so that one multiplication need not wait for the other
  std::uint64_t odd = bytes.size() ^ kB;
  const auto take = [&](const std::byte* at) {
    even = multiply(load(at) ^ kB, load(at + 8) ^ even);
    odd = multiply(load(at + 16) ^ kC, load(at + 24) ^ odd);
  };
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 32; at += 32, left -= 32) take(at);
  if (left > 0) {
    std::byte tail[32] = {};
    std::memcpy(tail, at, left);
    take(tail);
  }
  return multiply(even ^ kC, odd ^ kA);
}

}  // namespace quantumgate::sim
