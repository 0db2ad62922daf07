// SPDX-License-Identifier: MIT
// Goal: of several sessions with one peer the right one stays, whatever the order in which they come; none is closed
// before the peer is known to have that one; and the peer comes and goes once.
// Method: sessions that are no more than what the rule sees of them. Whole nodes:
// tests/network/rival_sessions_test.cpp.
#include "node/rival_sessions.hpp"

#include <gtest/gtest.h>

#include <string>

#include "quantumgate/bytes.h"

namespace quantumgate::node {
namespace {

using namespace std::chrono_literals;

struct FakeSession {
  PeerUuid peer;
  Bytes run;   // the static key
  Bytes hash;  // of the handshake
  bool we_dialled = false;
  TimePoint began{};
  TimePoint seen = began;

  std::size_t streams = 0;
  bool was_heard = false;
  int asked = 0;
  bool has_answered = false;
  std::optional<CloseReason> closed{};

  const PeerUuid& uuid() const { return peer; }
  const Bytes& peer_static_key() const { return run; }
  const Bytes& handshake_hash() const { return hash; }
  bool outgoing() const { return we_dialled; }
  TimePoint dialled() const { return began; }
  TimePoint run_seen() const { return seen; }
  std::size_t open_streams() const { return streams; }
  bool heard() const { return was_heard; }
  bool answered() const { return has_answered; }
  void ask_anew(TimePoint) {
    ++asked;
    has_answered = false;
  }
  void ask(TimePoint) {}
  void close(TimePoint, CloseReason reason) {
    if (!closed) closed = reason;
  }
};

PeerUuid peer_number(int number) {
  PeerUuid uuid{};
  uuid.bytes[0] = static_cast<std::byte>(number);
  return uuid;
}

struct RivalSessionsUnitTest : ::testing::Test, RivalSessions<FakeSession>::Host {
  RivalSessions<FakeSession> rivals{*this};
  TimePoint now{1h};
  std::vector<std::string> events;
  std::vector<FakeSession*> touched;

  // Hosted sessions of peer 1 and its run 1, unless changed.
  static FakeSession session(int hash, bool we_dialled, Duration began) {
    return {peer_number(1), {std::byte{1}}, {static_cast<std::byte>(hash)}, we_dialled, TimePoint(1h) + began};
  }

  void on_peer_up(TimePoint, FakeSession&) override { events.emplace_back("up"); }
  void on_outlived(TimePoint, FakeSession& session) override { end(session); }
  void on_settled(TimePoint, FakeSession& stays, FakeSession& loses) override {
    EXPECT_EQ(rivals.serving(stays.peer), &stays);
    EXPECT_NE(&stays, &loses);
    events.emplace_back("settled");
  }
  void touch(FakeSession& session) override { touched.push_back(&session); }

  void end(FakeSession& session) {
    if (rivals.end(now, session)) events.emplace_back("down");
  }
  FakeSession* serving() const { return rivals.serving(peer_number(1)); }
  FakeSession* usable() const { return rivals.usable(peer_number(1)); }
  void answer(FakeSession& session) {
    session.was_heard = true;
    session.has_answered = true;
    rivals.serve(now, session);
  }
  using Events = std::vector<std::string>;
};

TEST_F(RivalSessionsUnitTest, APeerWithOneSessionComesAndGoes) {
  FakeSession only = session(1, true, 0s);
  rivals.admit(now, only);
  EXPECT_EQ(serving(), &only);
  EXPECT_EQ(rivals.serving(peer_number(2)), nullptr);
  rivals.serve(now, only);
  EXPECT_EQ(only.asked, 0);
  EXPECT_FALSE(rivals.deadline(only));
  end(only);
  EXPECT_EQ(serving(), nullptr);
  EXPECT_EQ(events, (Events{"up", "down"}));
}

TEST_F(RivalSessionsUnitTest, OfTwoThatCrossTheSmallerHashStaysInEitherOrder) {
  for (const bool smaller_first : {true, false}) {
    FakeSession smaller = session(1, true, 0s), greater = session(2, false, 1s);
    events.clear();
    rivals.admit(now, smaller_first ? smaller : greater);
    rivals.admit(now, smaller_first ? greater : smaller);
    EXPECT_EQ(serving(), &smaller);
    EXPECT_EQ(rivals.losing(peer_number(1)), &greater);
    EXPECT_EQ(smaller.asked, 1);

    rivals.serve(now, greater);
    now += 1min;
    rivals.serve(now, greater);
    EXPECT_FALSE(greater.closed) << "the peer may not have the other one";
    EXPECT_FALSE(rivals.deadline(greater));

    greater.streams = 1;
    rivals.serve(now, greater);
    touched.clear();
    answer(smaller);
    EXPECT_EQ(touched, std::vector{&greater});
    rivals.serve(now += 1min, greater);
    EXPECT_FALSE(greater.closed) << "it is used";
    greater.streams = 0;
    EXPECT_EQ(rivals.deadline(greater), now + 3s);
    rivals.serve(now += 3s - 1ns, greater);
    EXPECT_FALSE(greater.closed);
    rivals.serve(now += 1ns, greater);
    EXPECT_EQ(greater.closed, CloseReason::duplicate);
    end(greater);
    EXPECT_EQ(rivals.losing(peer_number(1)), nullptr);
    EXPECT_FALSE(rivals.deadline(greater));
    EXPECT_FALSE(smaller.closed);
    end(smaller);
    EXPECT_EQ(events, (Events{"up", "settled", "down"}));
  }
}

TEST_F(RivalSessionsUnitTest, OfTwoOfOneDirectionTheLaterStaysAndTheOtherGoesAtOnce) {
  for (const bool earlier_first : {true, false}) {
    FakeSession earlier = session(1, false, 0s), later = session(2, false, 1s);
    rivals.admit(now, earlier_first ? earlier : later);
    rivals.admit(now, earlier_first ? later : earlier);
    EXPECT_EQ(serving(), &later);
    earlier.streams = 1;
    rivals.serve(now, earlier);
    EXPECT_FALSE(earlier.closed);
    answer(later);
    rivals.serve(now, earlier);
    EXPECT_EQ(earlier.closed, CloseReason::replaced) << "its streams are lost at the peer already";
    end(earlier);
    end(later);
  }
}

TEST_F(RivalSessionsUnitTest, NewThingsBeginOnOneThatIsKnownToLive) {
  EXPECT_EQ(usable(), nullptr);
  FakeSession crossing = session(1, true, 0s), used = session(2, false, 0s), later = session(3, false, 1s);
  rivals.admit(now, used);
  EXPECT_EQ(usable(), &used);
  rivals.admit(now, crossing);
  ASSERT_EQ(serving(), &crossing);
  EXPECT_EQ(usable(), &crossing) << "nothing is known of either";
  used.was_heard = true;
  EXPECT_EQ(usable(), &used);
  crossing.was_heard = true;
  EXPECT_EQ(usable(), &crossing);

  end(crossing);
  rivals.admit(now, later);
  ASSERT_EQ(serving(), &later);
  EXPECT_EQ(usable(), &later) << "nobody dials while he has a session";
}

TEST_F(RivalSessionsUnitTest, OneThatLostTakesOverWhenTheOtherEndsBeforeItWasConfirmed) {
  FakeSession stays = session(1, true, 0s), loses = session(2, false, 0s);
  rivals.admit(now, loses);
  rivals.admit(now, stays);
  ASSERT_EQ(serving(), &stays);
  end(stays);
  EXPECT_EQ(serving(), &loses);
  EXPECT_EQ(rivals.losing(peer_number(1)), nullptr);
  rivals.serve(now += 1min, loses);
  EXPECT_FALSE(loses.closed);
  end(loses);
  EXPECT_EQ(events, (Events{"up", "settled", "down"}));
}

TEST_F(RivalSessionsUnitTest, TheOneThatServedLastTakesOver) {
  FakeSession first = session(3, false, 0s), second = session(2, true, 0s), third = session(1, false, 1s);
  rivals.admit(now, first);
  rivals.admit(now, second);
  rivals.admit(now, third);
  ASSERT_EQ(serving(), &third);
  end(third);
  EXPECT_EQ(serving(), &second);
  EXPECT_EQ(second.asked, 2) << "an answer from before does not count";
  rivals.serve(now += 1min, first);
  EXPECT_FALSE(first.closed);
  answer(second);
  rivals.serve(now, first);
  EXPECT_EQ(first.closed, CloseReason::duplicate);
}

TEST_F(RivalSessionsUnitTest, APeerThatWasRestartedGoesAndComesBack) {
  FakeSession old1 = session(1, true, 0s), old2 = session(2, false, 1s), renewed = session(3, false, 2s);
  renewed.run = {std::byte{2}};
  rivals.admit(now, old1);
  rivals.admit(now, old2);
  rivals.admit(now, renewed);
  EXPECT_EQ(old1.closed, CloseReason::replaced);
  EXPECT_EQ(old2.closed, CloseReason::replaced);
  EXPECT_EQ(serving(), &renewed);
  EXPECT_EQ(rivals.losing(peer_number(1)), nullptr);
  EXPECT_EQ(events, (Events{"up", "settled", "down", "up"}));
}

TEST_F(RivalSessionsUnitTest, WhatCameLateOfAnEarlierRunIsClosedAndDisturbsNothing) {
  FakeSession living = session(1, false, 2s), late = session(2, false, 1s);
  late.run = {std::byte{2}};
  rivals.admit(now, living);
  rivals.admit(now, late);
  EXPECT_EQ(late.closed, CloseReason::replaced);
  EXPECT_FALSE(living.closed);
  rivals.serve(now, late);
  EXPECT_FALSE(rivals.deadline(late));
  end(late);
  EXPECT_EQ(serving(), &living);
  EXPECT_EQ(events, Events{"up"});
}

// The dial may be older than the earlier run.
TEST_F(RivalSessionsUnitTest, ADialCountsFromItsAnswerWhenRunsAreCompared) {
  FakeSession living = session(1, true, 0s), late = session(2, false, 1s), renewed = session(3, false, 3s);
  living.seen = TimePoint(1h) + 2s;
  late.run = {std::byte{2}};
  renewed.run = {std::byte{3}};
  rivals.admit(now, living);
  rivals.admit(now, late);
  EXPECT_EQ(late.closed, CloseReason::replaced);
  EXPECT_EQ(serving(), &living);
  rivals.admit(now, renewed);
  EXPECT_EQ(living.closed, CloseReason::replaced);
  EXPECT_EQ(serving(), &renewed);
  EXPECT_EQ(events, (Events{"up", "down", "up"}));
}

TEST_F(RivalSessionsUnitTest, PeersHaveNothingToDoWithEachOther) {
  FakeSession one = session(1, true, 0s), other = session(2, false, 1s);
  other.peer = peer_number(2);
  rivals.admit(now, one);
  rivals.admit(now, other);
  EXPECT_EQ(one.asked + other.asked, 0);
  EXPECT_EQ(rivals.all_serving().size(), 2u);
  end(one);
  EXPECT_EQ(rivals.serving(peer_number(2)), &other);
  EXPECT_EQ(events, (Events{"up", "up", "down"}));
}

}  // namespace
}  // namespace quantumgate::node
