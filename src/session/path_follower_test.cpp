// SPDX-License-Identifier: MIT
// Goal: the peer is followed when it moves, and only then; a place that was not proven gets little.
#include "session/path_follower.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/random.hpp"

namespace quantumgate::session {
namespace {

using wire::PathWhat;

const Path kHome{Endpoint::v4(10, 0, 0, 1, 1)};
const Path kCafe{Endpoint::v4(10, 0, 0, 2, 1)};
const Path kElsewhere{Endpoint::v4(10, 0, 0, 3, 1)};

struct PathFollowerTest : ::testing::Test {
  PathFollower paths{kHome};
  TimePoint now{};
  sim::SeededRandom random{1};

  void packet(const Path& from, bool newest = true, std::size_t size = 100) {
    paths.on_packet(now, from, size, newest, 10ms, random);
  }
  std::vector<PathFollower::Outgoing> sent() {
    std::vector<PathFollower::Outgoing> all;
    while (auto out = paths.poll_transmit(now)) all.push_back(*out);
    return all;
  }
  void wait(Duration time) {
    const TimePoint end = now + time;
    while (paths.deadline() && *paths.deadline() <= end) {
      ASSERT_GE(*paths.deadline(), now);
      now = *paths.deadline();
      paths.on_deadline(now);
    }
    now = end;
  }
  void answer(std::uint64_t token, const Path& from) { paths.on_frame(now, from, {PathWhat::answer, token}); }
};

TEST_F(PathFollowerTest, FollowsAPeerThatHasMoved) {
  packet(kCafe);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[0].to, kHome);
  EXPECT_EQ(challenges[1].to, kCafe);
  EXPECT_NE(challenges[0].frame.token, challenges[1].frame.token);
  wait(20ms);
  answer(challenges[1].frame.token, kCafe);
  EXPECT_EQ(paths.proven(), kHome) << "the old place may still answer";
  wait(300ms);
  EXPECT_EQ(paths.proven(), kCafe);
  EXPECT_TRUE(paths.poll_moved());
  EXPECT_FALSE(paths.poll_moved());
  EXPECT_FALSE(paths.deadline());
}

TEST_F(PathFollowerTest, StaysWhereThePeerAnswers) {
  packet(kCafe);
  const auto challenges = sent();
  answer(challenges[1].frame.token, kCafe);  // an attacker who passes on what he gets
  wait(100ms);
  answer(challenges[0].frame.token, kHome);
  wait(1h);
  EXPECT_EQ(paths.proven(), kHome);
  EXPECT_FALSE(paths.poll_moved());
}

TEST_F(PathFollowerTest, AskedOnceItRestsForAWhile) {
  packet(kCafe);
  answer(sent()[0].frame.token, kHome);
  packet(kCafe);
  EXPECT_TRUE(sent().empty());
  wait(900ms);
  packet(kCafe);
  EXPECT_TRUE(sent().empty());
  wait(100ms);
  packet(kCafe);
  EXPECT_EQ(sent().size(), 2u);
}

TEST_F(PathFollowerTest, OnlyTheNewestPacketAndOneTestAtATime) {
  packet(kCafe, false);
  packet(kHome);
  EXPECT_TRUE(sent().empty());
  packet(kCafe);
  EXPECT_EQ(sent().size(), 2u);
  packet(kElsewhere);
  EXPECT_TRUE(sent().empty());
}

TEST_F(PathFollowerTest, AnUnansweredTestEndsAndCostsLittle) {
  packet(kCafe, true, kPacketOverhead);
  std::size_t to_cafe = 0, to_home = 0;
  for (int i = 0; i < 100; ++i) {
    for (const auto& out : sent()) (out.to == kCafe ? to_cafe : to_home) += 1;
    wait(100ms);
  }
  EXPECT_EQ(to_cafe, 2u) << "72 bytes for 24";
  EXPECT_GE(to_home, 5u);
  EXPECT_LE(to_home, 10u);
  EXPECT_EQ(paths.proven(), kHome);
  EXPECT_FALSE(paths.deadline());
}

TEST_F(PathFollowerTest, AnswersCountAmongWhatAnUnprovenPlaceGets) {
  paths.on_frame(now, kCafe, {PathWhat::challenge, 5});  // a copy of one that the peer has sent us
  packet(kCafe, true, kPacketOverhead + 10);
  std::size_t to_cafe = 0;
  for (int i = 0; i < 100; ++i) {
    for (const auto& out : sent()) to_cafe += out.to == kCafe;
    wait(100ms);
  }
  EXPECT_EQ(to_cafe, 3u) << "as many bytes as three such packets have";
}

TEST_F(PathFollowerTest, ARoundTripMeasuredAcrossAMoveDelaysTheDecisionByNoMoreThanItsLimit) {
  paths.on_packet(now, kCafe, 100, true, 1min, random);
  answer(sent()[1].frame.token, kCafe);
  wait(kPathDecisionMax - 1ms);
  EXPECT_EQ(paths.proven(), kHome);
  wait(1ms);
  EXPECT_EQ(paths.proven(), kCafe);
}

TEST_F(PathFollowerTest, WrongTokensAndLateAnswersDoNothing) {
  packet(kCafe);
  const auto challenges = sent();
  answer(challenges[1].frame.token + 1, kCafe);
  wait(10s);
  answer(challenges[1].frame.token, kCafe);
  EXPECT_EQ(paths.proven(), kHome);
  EXPECT_FALSE(paths.poll_moved());
}

TEST_F(PathFollowerTest, AnswersGoBackWhereChallengesCameFrom) {
  for (std::uint64_t token = 1; token <= 6; ++token) {
    paths.on_frame(now, token % 2 == 0 ? kHome : kElsewhere, {PathWhat::challenge, token});
  }
  const auto answers = sent();
  ASSERT_EQ(answers.size(), kPathAnswersMax) << "the others are not answered";
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].frame.what, PathWhat::answer);
    EXPECT_EQ(answers[i].frame.token, answers.size() - i);
    EXPECT_EQ(answers[i].to, answers[i].frame.token % 2 == 0 ? kHome : kElsewhere);
  }
  EXPECT_TRUE(sent().empty());
}

// From TCP to UDP of the same address.
struct PathFollowerOnTcpTest : PathFollowerTest {
  const Path connection{Endpoint::v4(10, 0, 0, 1, 49152), Path::kTcp};
  const Path udp{Endpoint::v4(10, 0, 0, 1, 5000)};
  PathFollowerOnTcpTest() { paths = PathFollower(connection); }
};

TEST_F(PathFollowerOnTcpTest, UdpIsTakenAtItsOneAnswer) {
  paths.test(now, udp, 10ms, random);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 1u) << "the old place is not asked";
  EXPECT_EQ(challenges[0].to, udp);
  EXPECT_TRUE(challenges[0].full) << "whole packets must pass";
  EXPECT_EQ(paths.proven(), connection);
  answer(challenges[0].frame.token, udp);
  EXPECT_EQ(paths.proven(), udp);
  EXPECT_TRUE(paths.poll_moved());
}

TEST_F(PathFollowerOnTcpTest, ThePeersTestDoesTheSame) {
  packet(udp, true, kPacketSizeDefault);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_TRUE(challenges[0].full);
  answer(challenges[0].frame.token, udp);
  EXPECT_EQ(paths.proven(), udp);
}

TEST_F(PathFollowerOnTcpTest, ASmallPacketFromThereIsNotAnsweredByALargeOne) {
  packet(udp, true, 24);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_FALSE(challenges[0].full);
}

TEST_F(PathFollowerOnTcpTest, UdpFromAnotherAddressIsNoBetterThanAnyOtherPath) {
  packet(kElsewhere);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[0].to, connection);
  answer(challenges[1].frame.token, kElsewhere);
  answer(challenges[0].frame.token, connection);
  wait(10s);
  EXPECT_EQ(paths.proven(), connection);
}

TEST_F(PathFollowerOnTcpTest, NobodyIsKeptFromIt) {
  paths = PathFollower(udp);
  packet(kElsewhere);  // somebody's copies
  paths.test(now, connection, 10ms, random);
  const auto challenges = sent();
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[1].to, connection);
  answer(challenges[1].frame.token, connection);
  EXPECT_EQ(paths.proven(), udp) << "it may answer still";
  wait(300ms);
  EXPECT_EQ(paths.proven(), connection);
}

}  // namespace
}  // namespace quantumgate::session
