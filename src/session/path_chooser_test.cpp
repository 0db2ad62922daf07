// SPDX-License-Identifier: MIT
// Goal: TCP is opened when nothing comes back any more, never while answers come; while on it, UDP is looked for now
// and then; and there is always an end to the waiting.
#include "session/path_chooser.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/random.hpp"

namespace quantumgate::session {
namespace {

using Advice = PathChooser::Advice;

struct PathChooserTest : ::testing::Test {
  PathChooser chooser;
  sim::SeededRandom random{1};
  PathChooser::Now state{.time = TimePoint(1h),
                         .tcp = false,
                         .connected = false,
                         .testing = false,
                         .last_received = TimePoint(1h),
                         .round_trip = 40ms};
  TimePoint start = state.time;

  struct Given {
    Advice advice;
    Duration after;
    friend bool operator==(const Given&, const Given&) = default;
  };
  // All advice that is given until `limit` has passed. It is asked for at the deadline and never in between.
  std::vector<Given> within(Duration limit) {
    std::vector<Given> all;
    const TimePoint end = state.time + limit;
    for (;;) {
      for (Advice advice; (advice = chooser.poll(state, random)) != Advice::none;) {
        all.push_back({advice, state.time - start});
        if (all.size() == 1000) return all;  // it never ends
      }
      const auto next = chooser.deadline(state);
      if (!next || *next > end) break;
      state.time = std::max(state.time, *next);
    }
    state.time = end;
    return all;
  }
  void received() {
    state.last_received = state.time;
    state.unanswered_since.reset();
  }
};

void PrintTo(const PathChooserTest::Given& given, std::ostream* out) {
  *out << static_cast<int>(given.advice) << " after " << static_cast<double>(given.after.count()) / 1e6 << " ms";
}

TEST_F(PathChooserTest, AnIdleSessionNeedsNothing) {
  EXPECT_TRUE(within(1h).empty());
  EXPECT_FALSE(chooser.deadline(state));
}

TEST_F(PathChooserTest, SilenceIsAskedAboutFirstThenTcpIsTriedEverLessOften) {
  state.unanswered_since = state.time;
  const std::vector<Given> expected{{Advice::ask, 750ms},        {Advice::open_tcp, 1500ms},
                                    {Advice::open_tcp, 4500ms},  {Advice::open_tcp, 10500ms},
                                    {Advice::open_tcp, 22500ms}, {Advice::open_tcp, 34500ms}};
  EXPECT_EQ(within(40s), expected);
}

TEST_F(PathChooserTest, AnAnswerToTheQuestionIsEnough) {
  state.unanswered_since = state.time;
  EXPECT_EQ(within(800ms), (std::vector<Given>{{Advice::ask, 750ms}}));
  received();
  EXPECT_TRUE(within(1h).empty());
  state.unanswered_since = start = state.time;
  EXPECT_EQ(within(2s), (std::vector<Given>{{Advice::ask, 750ms}, {Advice::open_tcp, 1500ms}})) << "all begins anew";
}

TEST_F(PathChooserTest, ALongRoundTripGetsItsTime) {
  state.round_trip = 1s;
  state.unanswered_since = state.time;
  EXPECT_EQ(within(8s), (std::vector<Given>{{Advice::ask, 3075ms}, {Advice::open_tcp, 6150ms}}));
}

TEST_F(PathChooserTest, AfterStreamDataSilenceIsAskedAboutOnce) {
  chooser.on_stream_data();
  EXPECT_EQ(within(1500ms), (std::vector<Given>{{Advice::ask, 1s}}));
  received();
  EXPECT_TRUE(within(1h).empty());
}

TEST_F(PathChooserTest, OnTcpUdpIsTestedNowAndThen) {
  state.tcp = state.connected = true;
  const auto given = within(10min);
  EXPECT_GE(given.size(), 17u);
  EXPECT_LE(given.size(), 24u);
  Duration before{};
  for (const Given& one : given) {
    EXPECT_EQ(one.advice, Advice::test_udp);
    EXPECT_GE(one.after - before, kUdpProbeMin);
    EXPECT_LE(one.after - before, kUdpProbeMax);
    before = one.after;
  }
  state.testing = true;
  EXPECT_TRUE(within(10min).empty()) << "one test at a time";
}

TEST_F(PathChooserTest, AConnectionThatIsGoneIsOpenedAgainAndUdpTestedBesides) {
  state.tcp = state.connected = true;
  EXPECT_TRUE(within(1s).empty());
  start = state.time;
  state.connected = false;
  EXPECT_EQ(within(4s),
            (std::vector<Given>{
                {Advice::open_tcp, 0s}, {Advice::test_udp, 0s}, {Advice::open_tcp, 3s}, {Advice::test_udp, 3s}}));
  state.connected = true;
  EXPECT_TRUE(within(20s).empty());
}

}  // namespace
}  // namespace quantumgate::session
