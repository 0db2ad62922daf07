// SPDX-License-Identifier: MIT
// Goal: what leaves follows the rate, in bursts of about a millisecond, and timers are asked for no more often.
// Method: a sender that always has a packet, in virtual time.
#include "stream/pacer.hpp"

#include <gtest/gtest.h>

namespace quantumgate::stream {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPacket = 1200;

struct Sent {
  std::uint64_t bytes = 0;
  std::uint64_t waits = 0;
  std::uint64_t burst_max = 0;
};

// Sends for `duration`, whenever it may, at `window` bytes in each `round_trip`.
Sent send(Pacer& pacer, TimePoint& now, std::uint64_t window, Duration round_trip, Duration duration) {
  Sent sent;
  const TimePoint end = now + duration;
  while (now < end) {
    pacer.set_rate(now, window, round_trip);
    std::uint64_t burst = 0;
    for (; pacer.allows(now); burst += kPacket) pacer.sent(kPacket);
    sent.bytes += burst;
    sent.burst_max = std::max(sent.burst_max, burst);
    ++sent.waits;
    EXPECT_GT(pacer.next(), now);
    now = pacer.next();
  }
  return sent;
}

TEST(PacerTest, HoldsTheRateInBursts) {
  for (const double bytes_per_second : {10e3, 1e6, 10e6, 100e6, 400e6}) {
    Pacer pacer;
    TimePoint now{1h};
    const auto window = static_cast<std::uint64_t>(bytes_per_second / 50);  // in 20 ms
    const Sent sent = send(pacer, now, window, 20ms, 10s);
    EXPECT_NEAR(static_cast<double>(sent.bytes), 10 * bytes_per_second, 0.01 * 10 * bytes_per_second + 20'000);
    EXPECT_LE(sent.burst_max, std::max(bytes_per_second / 1000, Pacer::kBurstMin) + kPacket);
    EXPECT_LE(sent.waits, 20'001u);  // half a burst each
  }
}

TEST(PacerTest, HoldsNothingBackWithoutARoundTrip) {
  Pacer pacer;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(pacer.allows(TimePoint{1s}));
    pacer.sent(kPacket);
  }
  pacer.set_rate(TimePoint{1s}, 14'720, 100ms);
  EXPECT_TRUE(pacer.allows(TimePoint{1s})) << "what went before is not held against it";
}

TEST(PacerTest, APauseIsWorthOneBurst) {
  Pacer pacer;
  TimePoint now{1h};
  send(pacer, now, 1'000'000, 10ms, 1s);
  now += 1h;
  std::uint64_t burst = 0;
  pacer.set_rate(now, 1'000'000, 10ms);
  for (; pacer.allows(now); burst += kPacket) pacer.sent(kPacket);
  EXPECT_NEAR(static_cast<double>(burst), 100'000, kPacket);
}

TEST(PacerTest, MovesOnInSmallSteps) {
  Pacer pacer;
  TimePoint now{1h};
  pacer.set_rate(now, 1000, 1s);
  while (pacer.allows(now)) pacer.sent(kPacket);
  int steps = 0;
  for (; !pacer.allows(now); now += 10us) ++steps;  // a hundredth of a byte each
  EXPECT_LT(steps, 200'000);
}

}  // namespace
}  // namespace quantumgate::stream
