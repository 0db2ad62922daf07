// SPDX-License-Identifier: MIT
// Goal: the levels are sets that can be known again; settings that make no sense are refused, and the error says what
// would be right; at the very edge of what is allowed they are taken. Method: each rule, broken by the least that
// breaks it, by the most that fits its type, and kept by the least that keeps it.
#include "quantumgate/privacy.h"

#include <gtest/gtest.h>

#include <string>

namespace quantumgate {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Three levels differ in what goes with them; each is right as it is.
Privacy nothing() { return {}; }
Privacy poisson() { return *privacy_level(3); }
Privacy clock() { return *privacy_level(5); }

// What is said about a set with one change.
template <class Change>
std::string problem(Privacy privacy, Change change) {
  change(privacy);
  const auto fits = check(privacy);
  if (fits) return "";
  EXPECT_EQ(fits.error().code, ErrorCode::invalid_argument);
  EXPECT_STRNE(fits.error().why, "");
  return fits.error().why;
}

TEST(PrivacyTest, LevelsAreKnownAgain) {
  for (int level = 1; level <= 5; ++level) {
    const auto set = privacy_level(level);
    ASSERT_TRUE(set);
    EXPECT_TRUE(check(*set));
    EXPECT_EQ(level_of(*set), level);
    Privacy changed = *set;
    changed.key_update.max -= 1s;
    EXPECT_EQ(level_of(changed), 0);
  }
  for (const int level : {-1, 0, 6}) {
    const auto set = privacy_level(level);
    ASSERT_FALSE(set);
    EXPECT_STREQ(set.error().why, "there are the privacy levels 1 to 5");
  }
  EXPECT_EQ(privacy_level(1)->cover, Cover::off);
  EXPECT_EQ(cover_bytes_per_day(*privacy_level(1)), 0u);
  EXPECT_EQ(cover_bytes_per_day(*privacy_level(5)), 50ull * 86'400 * 1232);
  EXPECT_EQ(cover_bytes_per_second(*privacy_level(5)), 50ull * 1232);
}

TEST(PrivacyTest, IntervalsOfCover) {
  const auto interval = [](microseconds value) {
    return [value](Privacy& privacy) { privacy.cover_interval = value; };
  };
  EXPECT_EQ(problem(nothing(), interval(1us)),
            "an interval of cover makes no sense without cover: choose poisson, adaptive or constant");
  for (const microseconds wrong :
       {0us, 999us, -1us, microseconds(1'000'001), microseconds::max(), microseconds::min()}) {
    EXPECT_EQ(problem(clock(), interval(wrong)), "adaptive and constant cover need an interval of 1 to 1000 ms");
  }
  for (const microseconds wrong : {0us, 999us, microseconds(60'000'001), microseconds::max(), microseconds::min()}) {
    EXPECT_EQ(problem(poisson(), interval(wrong)), "poisson cover needs an interval of 1 to 60000 ms");
  }
  for (const microseconds right : {microseconds(1ms), microseconds(1s)}) {
    EXPECT_EQ(problem(clock(), interval(right)), "");
    EXPECT_EQ(problem(poisson(), interval(right)), "");
  }
  EXPECT_EQ(problem(poisson(), interval(60s)), "");
}

TEST(PrivacyTest, WhatDoesNotGoTogether) {
  const auto no_padding = [](Privacy& privacy) { privacy.padding = Padding::none; };
  const auto delay = [](Privacy& privacy) { privacy.delay_max = 1ms; };
  for (const Privacy& privacy : {poisson(), clock()}) {
    EXPECT_EQ(problem(privacy, no_padding),
              "cover without padding would be known by its size. Choose a padding: full is best");
  }
  EXPECT_EQ(problem(nothing(), no_padding), "");
  EXPECT_EQ(problem(clock(), delay),
            "with adaptive or constant cover a clock decides when a packet goes; leave the delay out");
  EXPECT_EQ(problem(poisson(), delay), "");
}

TEST(PrivacyTest, DelaysAndJitter) {
  const auto delay = [](milliseconds value) { return [value](Privacy& privacy) { privacy.delay_max = value; }; };
  const auto jitter = [](milliseconds value) {
    return [value](Privacy& privacy) { privacy.handshake_jitter = value; };
  };
  for (const milliseconds wrong : {-1ms, 1001ms, milliseconds::max(), milliseconds::min()}) {
    EXPECT_EQ(problem(nothing(), delay(wrong)), "a delay may be 0 to 1000 ms");
  }
  for (const milliseconds wrong : {-1ms, 2001ms, milliseconds::max(), milliseconds::min()}) {
    EXPECT_EQ(problem(nothing(), jitter(wrong)), "the jitter of handshakes may be 0 to 2000 ms");
  }
  EXPECT_EQ(problem(nothing(), delay(1000ms)), "");
  EXPECT_EQ(problem(nothing(), jitter(2000ms)), "");
}

TEST(PrivacyTest, TimesOfKeys) {
  const auto keys = [](seconds min, seconds max) {
    return [=](Privacy& privacy) { privacy.key_update = {.min = min, .max = max}; };
  };
  const KeyUpdateTimes wrong[] = {
      {9s, 20s}, {30s, 1201s}, {seconds::min(), 20s}, {30s, seconds::max()}, {seconds::max(), seconds::max()}};
  for (const auto& [min, max] : wrong) {
    EXPECT_EQ(problem(nothing(), keys(min, max)), "keys can be replaced after 10 to 1200 s");
  }
  EXPECT_EQ(problem(nothing(), keys(30s, 29s)),
            "the least time after which keys are replaced may not be above the greatest");
  EXPECT_EQ(problem(nothing(), keys(10s, 10s)), "");
  EXPECT_EQ(problem(nothing(), keys(1200s, 1200s)), "");
}

TEST(PrivacyTest, WhatIsNoPaddingAndNoCover) {
  EXPECT_EQ(problem(nothing(), [](Privacy& privacy) { privacy.padding = static_cast<Padding>(4); }),
            "a padding is none, random, classes or full");
  EXPECT_EQ(problem(clock(), [](Privacy& privacy) { privacy.cover = static_cast<Cover>(4); }),
            "cover is off, poisson, adaptive or constant");
}

}  // namespace
}  // namespace quantumgate
