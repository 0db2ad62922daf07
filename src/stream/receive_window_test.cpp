// SPDX-License-Identifier: MIT
// Goal: the window becomes what a fast reader on a long path needs, and stays as it is everywhere else.
// Method: readers that take what a sender with that window can deliver, in virtual time.
#include "stream/receive_window.hpp"

#include <gtest/gtest.h>

namespace quantumgate::stream {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;

// A sender that fills the window in each round trip of a path that carries `bytes_per_second`; the reader takes all.
std::uint64_t window_after(ReceiveWindow& window, double bytes_per_second, Duration round_trip, int round_trips) {
  TimePoint now{1h};
  std::uint64_t credited = window.bytes(), taken = 0;
  for (int i = 0; i < round_trips; ++i) {
    const double path = bytes_per_second * static_cast<double>(round_trip.count()) / 1e9;
    const auto arrived = static_cast<std::uint64_t>(std::min(static_cast<double>(window.bytes()), path));
    for (int piece = 0; piece < 10; ++piece) {
      now += round_trip / 10;
      credited += window.read(now, arrived / 10, round_trip);
      taken += arrived / 10;
    }
    EXPECT_EQ(credited - taken, window.bytes()) << "what may be under way is the window";
  }
  return window.bytes();
}

TEST(ReceiveWindowTest, GrowsToTwiceWhatARoundTripBrings) {
  ReceiveWindow window(kMiB, 16 * kMiB);
  const std::uint64_t bytes = window_after(window, 125e6, 40ms, 20);  // 1 Gbit/s: 5 MB in a round trip
  EXPECT_GE(bytes, 9'000'000u);
  EXPECT_LE(bytes, 11'000'000u);
}

TEST(ReceiveWindowTest, StopsAtItsLimit) {
  ReceiveWindow window(kMiB, 16 * kMiB);
  EXPECT_EQ(window_after(window, 10e9, 100ms, 20), 16 * kMiB);
}

TEST(ReceiveWindowTest, StaysWhereItIsEnough) {
  ReceiveWindow lan(kMiB, 16 * kMiB);
  EXPECT_EQ(window_after(lan, 1.25e9, 200us, 1000), kMiB);
  ReceiveWindow slow(kMiB, 16 * kMiB);
  EXPECT_EQ(window_after(slow, 1e6, 100ms, 100), kMiB);
  ReceiveWindow unknown(kMiB, 16 * kMiB);
  EXPECT_EQ(unknown.read(TimePoint{1h}, 1000, Duration::zero()), 1000u);
}

TEST(ReceiveWindowTest, AReaderThatComesSeldomIsNotFast) {
  ReceiveWindow window(kMiB, 16 * kMiB);
  TimePoint now{1h};
  for (int i = 0; i < 100; ++i) {
    now += 10s;
    EXPECT_EQ(window.read(now, kMiB, 10ms), kMiB);
  }
}

}  // namespace
}  // namespace quantumgate::stream
