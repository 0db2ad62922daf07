// SPDX-License-Identifier: MIT
// Goal: the size found is the largest that passes, to within 16 bytes; it falls as soon as large packets get lost, and
// only then; and neither loss nor an outage makes it stay small.
// Method: a path that carries packets up to a size and loses some; time goes from deadline to deadline.
#include "session/path_mtu.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "session/constants.hpp"
#include "sim/random.hpp"

namespace quantumgate::session {
namespace {

struct PathMtuTest : ::testing::Test {
  static constexpr Duration kRoundTrip = 40ms;

  sim::SeededRandom random{1};
  TimePoint now{1h};
  PathMtu mtu{now, kPacketSizeMax};
  std::size_t carries = kPacketSizeMax;
  std::uint64_t loses_percent = 0;  // of probes and answers together
  bool dead = false;                // nothing passes
  std::uint64_t delivered = 0;
  std::vector<std::size_t> probes;  // sizes

  // The application sends packets of the largest size all the time; one round trip after the other goes by.
  void use(Duration time) {
    for (const TimePoint end = now + time; now < end;) {
      mtu.on_progress(now, delivered, true, kRoundTrip, random);
      mtu.on_use(now, kRoundTrip, random);
      run(kRoundTrip);
      if (!dead && mtu.size() <= carries) ++delivered;
    }
  }
  // What PathMtu does by itself.
  void run(Duration time) {
    const TimePoint end = now + time;
    for (;;) {
      std::vector<std::uint64_t> answers;
      while (const auto probe = mtu.poll_transmit(now)) {
        EXPECT_EQ(probe->frame.what, wire::PathWhat::challenge);
        probes.push_back(probe->size);
        const bool passes = !dead && probe->size <= carries && random.below(100) >= loses_percent;
        if (passes) answers.push_back(probe->frame.token);
      }
      if (!answers.empty()) {
        now += kRoundTrip;
        for (const std::uint64_t token : answers) mtu.on_answer(now, token, random);
        continue;
      }
      const auto next = mtu.deadline();
      if (!next || *next > end) break;
      now = std::max(now, *next);
      mtu.on_deadline(now, dead ? TimePoint{} : now, random);
    }
    now = std::max(now, end);
  }
};

TEST_F(PathMtuTest, NothingIsTriedBeforeItIsOfUse) {
  run(1h);
  EXPECT_TRUE(probes.empty());
  EXPECT_EQ(mtu.size(), kPacketSizeDefault);
}

TEST_F(PathMtuTest, TheLargestIsTriedFirst) {
  use(100ms);
  EXPECT_EQ(mtu.size(), kPacketSizeMax);
  EXPECT_EQ(probes, std::vector{kPacketSizeMax});
}

TEST_F(PathMtuTest, AnySizeIsFoundToWithinSixteenBytes) {
  for (carries = kPacketSizeDefault; carries <= kPacketSizeMax; ++carries) {
    mtu = PathMtu(now, kPacketSizeMax);
    probes.clear();
    use(15s);
    EXPECT_LE(mtu.size(), carries);
    EXPECT_GT(mtu.size() + kMtuExact, carries);
    EXPECT_LE(probes.size(), 20u);
  }
}

TEST_F(PathMtuTest, AnOwnLimitIsKept) {
  for (const std::size_t limit : {kPacketSizeDefault, kPacketSizeDefault + 1, kPacketSizeMaxV6}) {
    mtu = PathMtu(now, limit);
    use(30s);
    EXPECT_EQ(mtu.size(), limit);
    for (const std::size_t size : probes) EXPECT_LE(size, limit);
  }
}

TEST_F(PathMtuTest, LossHidesNoSizeForLong) {
  for (int i = 0; i < 200; ++i) {
    mtu = PathMtu(now, kPacketSizeMax);
    loses_percent = 20;
    use(60s);
    EXPECT_GT(mtu.size(), 1400u) << "three of three were lost, twice";
    loses_percent = 0;
    use(kMtuSearchInterval + 1s);
    EXPECT_EQ(mtu.size(), kPacketSizeMax);
  }
}

TEST_F(PathMtuTest, APathThatShrinksIsNoticedWithinARoundTripOrThree) {
  use(1s);
  carries = 1300;
  const TimePoint then = now;
  while (mtu.size() > carries) use(kRoundTrip);
  EXPECT_LE(now - then, kMtuWaitMin + 2 * kRoundTrip);
  use(15s);
  EXPECT_LE(mtu.size(), 1300u);
  EXPECT_GT(mtu.size() + kMtuExact, 1300u);
}

TEST_F(PathMtuTest, WithoutStreamsAQuestionShowsIt) {
  mtu.on_use(now, kRoundTrip, random);
  run(1s);
  ASSERT_EQ(mtu.size(), kPacketSizeMax);
  carries = 1300;
  for (int i = 0; i < 15; ++i) {
    mtu.on_use(now, kRoundTrip, random);
    run(1s);
  }
  EXPECT_LE(mtu.size(), 1300u);
}

TEST_F(PathMtuTest, APathThatGrowsIsUsedAfterTenMinutes) {
  carries = 1300;
  use(15s);
  carries = kPacketSizeMax;
  use(kMtuSearchInterval - 30s);
  EXPECT_LE(mtu.size(), 1300u);
  use(31s);
  EXPECT_EQ(mtu.size(), kPacketSizeMax);
}

TEST_F(PathMtuTest, AnOutageTellsNothingOfSizes) {
  for (const Duration outage : {1s, 10s, 40s}) {
    dead = true;
    use(outage);
    EXPECT_EQ(mtu.size(), kPacketSizeDefault);
    dead = false;
    use(2 * kMtuWaitMax);
    EXPECT_EQ(mtu.size(), kPacketSizeMax);
  }
}

TEST_F(PathMtuTest, QuestionsAreRareAndEnd) {
  use(1h);
  EXPECT_LE(probes.size(), 1 + 1h / kMtuConfirmInterval);
  EXPECT_GE(probes.size(), 300u);
  probes.clear();
  dead = true;  // and nobody sends any more
  mtu.on_use(now + kMtuConfirmInterval, kRoundTrip, random);
  run(1min);
  EXPECT_LE(probes.size(), 20u);
}

TEST_F(PathMtuTest, AnAnswerToSomethingElseChangesNothing) {
  mtu.on_use(now, kRoundTrip, random);
  const auto probe = mtu.poll_transmit(now);
  ASSERT_TRUE(probe);
  mtu.on_answer(now, probe->frame.token + 1, random);
  EXPECT_EQ(mtu.size(), kPacketSizeDefault);
  mtu.on_answer(now, probe->frame.token, random);
  EXPECT_EQ(mtu.size(), kPacketSizeMax);
  mtu.on_answer(now, probe->frame.token, random);
  EXPECT_EQ(mtu.size(), kPacketSizeMax);
}

TEST_F(PathMtuTest, ALateAnswerOfASizeGivenUpDoesNotBringItBack) {
  mtu.on_use(now, kRoundTrip, random);
  const auto first = mtu.poll_transmit(now);
  ASSERT_TRUE(first);
  carries = 1300;
  run(5s);
  const std::size_t found = mtu.size();
  mtu.on_answer(now, first->frame.token, random);
  EXPECT_EQ(mtu.size(), found);
}

}  // namespace
}  // namespace quantumgate::session
