// SPDX-License-Identifier: MIT
// Goal: the size and the moment of a packet are those of the rule, and not those of what it carries.
#include "session/traffic_shape.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "session/constants.hpp"
#include "sim/random.hpp"
#include "wire/frames.hpp"

namespace quantumgate::session {
namespace {

constexpr std::size_t kRoom = kPacketSizeDefault - kPacketOverhead;
constexpr TimePoint kStart{};

Privacy custom(Padding padding, Cover cover = Cover::off, std::chrono::microseconds interval = 0us,
               std::chrono::milliseconds delay = 0ms) {
  return {.padding = padding, .cover = cover, .cover_interval = interval, .delay_max = delay};
}

struct TrafficShapeTest : ::testing::Test {
  sim::SeededRandom random{7};

  TrafficShape shape(const Privacy& privacy) {
    EXPECT_TRUE(check(privacy));
    return TrafficShape(privacy, random, kStart);
  }
  // Content of one STREAM frame of so many bytes in all, padded. What the frame held must come out again.
  std::size_t pad(TrafficShape& shape, std::size_t size) {
    Bytes content(kRoom, std::byte{0xee});
    for (std::size_t i = 1; i < size; ++i) content[i] = static_cast<std::byte>(i);
    if (size > 0) content[0] = wire::frame_type(wire::FrameKind::stream);
    const Bytes body = size > 0 ? Bytes(content.begin() + 1, content.begin() + static_cast<long>(size)) : Bytes();
    const std::size_t padded = shape.pad(content, size);
    wire::FrameReader frames(BytesView(content).first(padded));
    bool found = size == 0;
    while (const auto frame = frames.next()) {
      if (frame->kind == static_cast<std::uint8_t>(wire::FrameKind::padding)) {
        EXPECT_TRUE(std::ranges::all_of(frame->body, [](std::byte byte) { return byte == std::byte{0}; }));
        continue;
      }
      EXPECT_FALSE(found) << "one frame";
      EXPECT_TRUE(std::ranges::equal(frame->body, body));
      found = true;
    }
    EXPECT_FALSE(frames.malformed());
    EXPECT_TRUE(found);
    return padded;
  }
};

TEST_F(TrafficShapeTest, WithoutPaddingNothingChanges) {
  auto none = shape(custom(Padding::none));
  for (const std::size_t size : {0u, 2u, 100u, 1208u}) EXPECT_EQ(pad(none, size), size);
  EXPECT_EQ(none.padding_bytes(), 0u);
}

TEST_F(TrafficShapeTest, FullFillsEveryPacket) {
  auto full = shape(custom(Padding::full));
  std::uint64_t added = 0;
  for (std::size_t size = 0; size + 2 <= kRoom; ++size) {
    EXPECT_EQ(pad(full, size), kRoom) << size;
    added += kRoom - size;
  }
  EXPECT_EQ(full.padding_bytes(), added);
  EXPECT_EQ(pad(full, kRoom), kRoom) << "a frame that fills the packet stays as it is";
}

TEST_F(TrafficShapeTest, ClassesAreThoseOfTheSpec) {
  auto classes = shape(custom(Padding::classes));
  std::set<std::size_t> sizes;
  for (std::size_t size = 0; size + 2 <= kRoom; ++size) {
    const std::size_t packet = pad(classes, size) + kPacketOverhead;
    EXPECT_GE(packet, size + kPacketOverhead);
    sizes.insert(packet);
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{128, 256, 512, 1024, kPacketSizeDefault}));
}

TEST_F(TrafficShapeTest, RandomIsAnySizeThatHoldsTheFrame) {
  auto any = shape(custom(Padding::random));
  std::set<std::size_t> sizes;
  for (int i = 0; i < 2000; ++i) sizes.insert(pad(any, 1000));
  EXPECT_EQ(*sizes.begin(), 1002u);
  EXPECT_EQ(*sizes.rbegin(), kRoom);
  EXPECT_GT(sizes.size(), 190u);
}

TEST_F(TrafficShapeTest, LessRoomThanAFullPacketIsRespected) {
  for (const Padding padding : {Padding::random, Padding::classes, Padding::full}) {
    auto some = shape(custom(padding));
    Bytes content(34);
    content[0] = wire::frame_type(wire::FrameKind::path);
    EXPECT_EQ(some.pad(content, 34), 34u) << "no room for a length";
    EXPECT_LE(some.pad(content, 10), 34u);
  }
}

// Whatever is to be sent and whenever: so many packets as the clock has ticks.
TEST_F(TrafficShapeTest, TheClockDecidesHowManyPacketsGo) {
  auto clock = shape(custom(Padding::full, Cover::constant, 20ms));
  const TimePoint first = *clock.deadline();
  EXPECT_GE(first, kStart);
  EXPECT_LT(first, kStart + 20ms);
  EXPECT_EQ(clock.not_before(), first);
  EXPECT_EQ(clock.allowance(first - 1ns), 0u);
  EXPECT_EQ(clock.cover_due(first - 1ns), 0u);

  EXPECT_EQ(clock.allowance(first), 1u);
  clock.sent(0);
  EXPECT_EQ(clock.cover_due(first), 1u) << "nothing to send: cover";
  Bytes content(kRoom);
  EXPECT_EQ(clock.cover(first, content), kRoom);
  EXPECT_EQ(clock.cover_due(first), 0u);

  const TimePoint late = first + 65ms;  // three more ticks
  EXPECT_EQ(clock.allowance(late), 3u);
  clock.sent(2);
  EXPECT_EQ(clock.cover_due(late), 1u);
  clock.cover(late, content);
  EXPECT_EQ(*clock.deadline(), first + 80ms) << "the clock does not shift";
  EXPECT_EQ(clock.cover_bytes(), 2u * kPacketSizeDefault);

  EXPECT_EQ(clock.allowance(first + 1h), kTicksAtOnce) << "a machine that slept makes up for some of it at most";
  clock.sent(0);
  EXPECT_EQ(clock.cover_due(first + 1h), kTicksAtOnce);
  clock.skip(first + 1h);
  EXPECT_EQ(clock.cover_due(first + 1h), 0u);
}

// One step a quarter of a second, up while full packets take all ticks, down while they do not; small ones count for
// little.
TEST_F(TrafficShapeTest, AnAdaptiveClockFollowsTheLoad) {
  auto clock = shape(custom(Padding::full, Cover::adaptive, 50ms));
  Bytes content(kRoom);
  TimePoint now = kStart;
  // Sends `size` bytes at each tick, or cover, as long as `time`; the number of ticks.
  const auto run = [&](Duration time, std::size_t size) {
    const TimePoint end = now + time;
    double ticks = 0;
    for (; *clock.deadline() < end; ++ticks) {
      const TimePoint tick = *clock.deadline();
      EXPECT_EQ(clock.allowance(tick), 1u);
      if (size > 0) {
        content[0] = wire::frame_type(wire::FrameKind::stream);
        EXPECT_EQ(clock.pad(content, size), kRoom);
      }
      clock.sent(size > 0 ? 1 : 0);
      while (clock.cover_due(tick) > 0) clock.cover(tick, content);
    }
    now = end;
    return ticks;
  };
  EXPECT_NEAR(run(10s, 0), 200, 1);
  EXPECT_NEAR(run(10s, 30), 200, 1) << "small packets, though one at each tick";
  EXPECT_GT(run(1s, 1200), 5 + 10 + 20 + 20);
  EXPECT_NEAR(run(20s, 1200), 200'000, 40'000) << "10,000 packets per second are the end";
  EXPECT_LT(run(10s, 0), 25'000) << "it slows down at once";
  EXPECT_NEAR(run(10s, 0), 200, 1);
}

TEST_F(TrafficShapeTest, TwoClocksDoNotStandAlike) {
  std::set<TimePoint> starts;
  for (int i = 0; i < 50; ++i) starts.insert(*shape(custom(Padding::full, Cover::constant, 20ms)).deadline());
  EXPECT_EQ(starts.size(), 50u);
}

TEST_F(TrafficShapeTest, PoissonCoverComesWhateverIsSent) {
  auto poisson = shape(custom(Padding::full, Cover::poisson, 50ms));
  Bytes content(kRoom);
  std::vector<double> gaps;
  TimePoint last = kStart;
  for (int i = 0; i < 20'000; ++i) {
    const TimePoint next = *poisson.deadline();
    EXPECT_EQ(poisson.allowance(next), TrafficShape::kUnlimited);
    poisson.sent(static_cast<std::size_t>(i % 7));
    EXPECT_EQ(poisson.cover_due(next), 1u);
    poisson.cover(next, content);
    gaps.push_back(std::chrono::duration<double, std::milli>(next - last).count());
    last = next;
  }
  std::ranges::sort(gaps);
  double sum = 0;
  for (const double gap : gaps) sum += gap;
  // Of an exponential distribution with mean 50 ms; six times the standard error of 20,000.
  EXPECT_NEAR(sum / 20'000, 50, 2.2);
  EXPECT_NEAR(gaps[10'000], 50 * 0.693, 2.2);
  EXPECT_NEAR(gaps[18'000], 50 * 2.303, 6.5);
}

TEST_F(TrafficShapeTest, CoverInClassesHasAllOfThem) {
  auto classes = shape(custom(Padding::classes, Cover::poisson, 50ms));
  std::map<std::size_t, int> sizes;
  Bytes content(kRoom);
  for (int i = 0; i < 1000; ++i) ++sizes[classes.cover(*classes.deadline(), content) + kPacketOverhead];
  EXPECT_EQ(sizes.size(), 5u);
  EXPECT_GT(sizes[128], 20);
}

TEST_F(TrafficShapeTest, WhatThereIsToSendWaits) {
  auto delayed = shape(custom(Padding::full, Cover::off, 0us, 10ms));
  EXPECT_EQ(delayed.deadline(), std::nullopt) << "nothing to send, nothing to wait for";
  std::set<Duration> waits;
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(delayed.allowance(now), 0u);
    const TimePoint go = *delayed.deadline();
    EXPECT_LT(go, now + 10ms);
    EXPECT_EQ(delayed.not_before(), go);
    if (now < go) {
      EXPECT_EQ(delayed.allowance(go - 1ns), 0u) << "more to send does not hurry it";
    }
    EXPECT_EQ(delayed.allowance(go), TrafficShape::kUnlimited);
    waits.insert(go - now);
    now = go + 1ms;
  }
  EXPECT_GT(waits.size(), 90u);
}

}  // namespace
}  // namespace quantumgate::session
