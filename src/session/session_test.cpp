// SPDX-License-Identifier: MIT
// Goal: two sessions with the same secrets understand each other; nothing damaged, repeated or misdirected is taken;
// timers, control requests and close behave as the spec says.
#include "session/session.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/byte_order.hpp"
#include "crypto/system_random.hpp"
#include "session/test_session.hpp"

namespace quantumgate::session {
namespace {

TEST(ReplayWindowTest, AgreesWithARememberingModel) {
  crypto::SystemRandom random;
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 0;
  for (int i = 0; i < 200'000; ++i) {
    // Mostly near the front, sometimes far back, rarely a jump ahead.
    const std::uint64_t kind = random.below(100);
    std::uint64_t counter = highest + random.below(4);
    if (kind >= 60) counter = highest - std::min(highest, random.below(200));
    if (kind >= 80) counter = highest - std::min(highest, random.below(10'000));
    if (kind == 99) counter = highest + random.below(20'000);
    const bool expected = (seen.empty() || counter + kReplayWindow > highest) && !seen.contains(counter);
    ASSERT_EQ(window.accept(counter), expected) << counter << " of " << highest;
    if (expected) {
      seen.insert(counter);
      highest = std::max(highest, counter);
      ASSERT_EQ(window.next(), highest + 1);
    }
  }
}

TEST(RestoreCounterTest, FindsTheNearest) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 31, kWhole = std::uint64_t{1} << 32;
  for (const std::uint64_t expected : {std::uint64_t{0}, std::uint64_t{1}, kHalf - 1, kHalf, kHalf + 1, kWhole - 1,
                                       kWhole, kWhole + 1, 5 * kWhole + 7, 5 * kWhole + kHalf}) {
    for (const std::int64_t distance :
         {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{1000}, std::int64_t{-1000},
          static_cast<std::int64_t>(kHalf), -static_cast<std::int64_t>(kHalf) + 1}) {
      if (distance < 0 && expected < static_cast<std::uint64_t>(-distance)) continue;
      const std::uint64_t counter = expected + static_cast<std::uint64_t>(distance);
      EXPECT_EQ(restore_counter(expected, static_cast<std::uint32_t>(counter)), counter) << expected << " " << distance;
    }
  }
}

// Keeps what arrives; answers method 9 by echoing.
struct Recorder final : FrameSink {
  void on_stream_frame(TimePoint, BytesView body) override { streams.emplace_back(body.begin(), body.end()); }
  void on_datagram_frame(TimePoint, BytesView body) override { datagrams.emplace_back(body.begin(), body.end()); }
  void on_path_frame(TimePoint, const wire::PathFrame& frame) override { tokens.push_back(frame.token); }
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t method, BytesView body) override {
    ++requests;
    if (method != 9) return std::nullopt;
    return Bytes(body.begin(), body.end());
  }
  void on_control_answer(TimePoint, std::uint32_t id, BytesView body) override {
    answers.emplace_back(id, Bytes(body.begin(), body.end()));
  }
  std::vector<Bytes> streams;
  std::vector<Bytes> datagrams;
  int requests = 0;
  std::vector<std::pair<std::uint32_t, Bytes>> answers;
  std::vector<std::uint64_t> tokens;
};

struct SessionTest : ::testing::Test {
  static handshake::Established established(bool initiator) { return established_for_test(initiator); }

  // A packet with one frame.
  Bytes packet(Session& from, std::byte type, const Bytes& body, bool asks = true) {
    Bytes buffer(kHeaderSize + 1 + body.size() + 16);
    buffer[kHeaderSize] = type;
    std::copy(body.begin(), body.end(), buffer.begin() + kHeaderSize + 1);
    EXPECT_EQ(from.seal(now, buffer, 1 + body.size(), asks), buffer.size());
    return buffer;
  }
  Bytes stream_packet(Session& from, const Bytes& body) {
    return packet(from, wire::frame_type(wire::FrameKind::stream), body);
  }
  std::vector<Bytes> drain(Session& from) {
    std::vector<Bytes> packets;
    for (;;) {
      Bytes buffer(kPacketSizeDefault);
      const std::size_t size = from.poll_transmit(now, buffer);
      if (size == 0) return packets;
      buffer.resize(size);
      packets.push_back(std::move(buffer));
    }
  }
  Session::Verdict give(Session& to, Bytes packet, Recorder& sink) { return to.receive(now, packet, sink); }

  crypto::SystemRandom random;
  TimePoint now{};
  TestIndexes indexes;
  Session alice{established(true), indexes, random, {}, now};
  Session bob{established(false), indexes, random, {}, now};
  Recorder at_alice, at_bob;
};

TEST_F(SessionTest, CarriesFramesBothWays) {
  EXPECT_EQ(give(bob, stream_packet(alice, Bytes(5, std::byte{7})), at_bob), Session::Verdict::accepted);
  EXPECT_EQ(give(alice, stream_packet(bob, Bytes(1000, std::byte{8})), at_alice), Session::Verdict::accepted);
  EXPECT_EQ(at_bob.streams, std::vector<Bytes>{Bytes(5, std::byte{7})});
  EXPECT_EQ(at_alice.streams, std::vector<Bytes>{Bytes(1000, std::byte{8})});
  EXPECT_TRUE(bob.heard());
}

TEST_F(SessionTest, TakesEachPacketOnceInAnyOrder) {
  std::vector<Bytes> packets;
  for (int i = 0; i < 50; ++i) packets.push_back(stream_packet(alice, Bytes(1, static_cast<std::byte>(i))));
  for (auto it = packets.rbegin(); it != packets.rend(); ++it) {
    EXPECT_EQ(give(bob, *it, at_bob), Session::Verdict::accepted);
  }
  for (const Bytes& again : packets) EXPECT_EQ(give(bob, again, at_bob), Session::Verdict::replayed);
  EXPECT_EQ(at_bob.streams.size(), 50u);
}

TEST_F(SessionTest, RefusesEveryDamage) {
  const Bytes good = stream_packet(alice, Bytes(40, std::byte{7}));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const std::byte bit : {std::byte{1}, std::byte{0x80}}) {
      Bytes damaged = good;
      damaged[at] ^= bit;
      EXPECT_EQ(give(bob, damaged, at_bob), Session::Verdict::unauthentic) << at;
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(give(bob, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)), at_bob),
              Session::Verdict::unauthentic);
  }
  EXPECT_EQ(give(alice, good, at_alice), Session::Verdict::unauthentic) << "reflected";
  EXPECT_EQ(give(bob, good, at_bob), Session::Verdict::accepted) << "and the good one still counts";
}

TEST_F(SessionTest, PacketsOfTheSameContentHaveNothingInCommonBehindTheIndex) {
  const Bytes one = stream_packet(alice, Bytes(64, std::byte{0}));
  const Bytes two = stream_packet(alice, Bytes(64, std::byte{0}));
  EXPECT_TRUE(std::equal(one.begin(), one.begin() + 4, two.begin()));
  int equal = 0;
  for (std::size_t i = 4; i < one.size(); ++i) equal += one[i] == two[i];
  EXPECT_LT(equal, 8);
}

TEST_F(SessionTest, ControlRequestsAreRepeatedUntilAnswered) {
  const Bytes body(3, std::byte{5});
  const auto id = alice.control().request(now, 9, body);
  ASSERT_TRUE(id);
  EXPECT_EQ(drain(alice).size(), 1u) << "lost";
  now = *alice.deadline();
  EXPECT_EQ(now - TimePoint{}, kRequestDelays[0]);
  alice.on_deadline(now);
  for (const Bytes& request : drain(alice)) {
    give(bob, request, at_bob);
  }
  EXPECT_EQ(at_bob.requests, 1);
  for (const Bytes& answer : drain(bob)) give(alice, answer, at_alice);
  EXPECT_EQ(at_alice.answers, (std::vector<std::pair<std::uint32_t, Bytes>>{{*id, body}}));
  EXPECT_EQ(alice.control().open_requests(), 0u);
}

TEST_F(SessionTest, AnUnknownMethodFailsAtOnceAndNoAnswerFailsInTheEnd) {
  ASSERT_TRUE(alice.control().request(now, 77, {}));
  for (const Bytes& request : drain(alice)) give(bob, request, at_bob);
  for (const Bytes& answer : drain(bob)) give(alice, answer, at_alice);
  const auto failed = alice.control().poll_failed();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->method, 77);

  ASSERT_TRUE(alice.control().request(now, 9, {}));
  std::size_t sent = 0;
  while (!alice.control().poll_failed()) {
    sent += drain(alice).size();
    give(alice, stream_packet(bob, Bytes(1)), at_alice);  // the peer lives
    give(bob, stream_packet(alice, Bytes(1)), at_bob);
    now = *alice.control().deadline();
    alice.on_deadline(now);
    ASSERT_EQ(alice.state(), Session::State::open);
  }
  EXPECT_EQ(sent, kRequestTriesMax);
}

TEST_F(SessionTest, ControlRequestsHaveABound) {
  for (std::size_t i = 0; i < kRequestsOpenMax; ++i) EXPECT_TRUE(alice.control().request(now, 9, {}));
  EXPECT_FALSE(alice.control().request(now, 9, {}));
  for (const Bytes& request : drain(alice)) give(bob, request, at_bob);
  for (std::uint32_t i = 0; i < 100; ++i) bob.control().answer(i, 9, {});
  EXPECT_EQ(drain(bob).size(), kRequestsOpenMax);
}

TEST_F(SessionTest, KeepsAliveAndNoticesSilence) {
  for (int i = 0; i < 20; ++i) {  // so few that no key update begins
    now = std::min(*alice.deadline(), *bob.deadline());
    alice.on_deadline(now);
    bob.on_deadline(now);
    for (const Bytes& keepalive : drain(alice)) {
      EXPECT_EQ(keepalive.size(), kPacketOverhead);
      give(bob, keepalive, at_bob);
    }
    for (const Bytes& keepalive : drain(bob)) give(alice, keepalive, at_alice);
  }
  EXPECT_GE(now - TimePoint{}, 10 * kKeepaliveMin);
  ASSERT_EQ(alice.state(), Session::State::open);
  const TimePoint silence = now;
  while (alice.state() == Session::State::open) {  // from here on nothing arrives
    now = *alice.deadline();
    alice.on_deadline(now);
    drain(alice);
  }
  EXPECT_LE(now - silence, kIdleMax);
  EXPECT_GE(now - silence, kIdleMax - kKeepaliveMax);
  EXPECT_EQ(alice.close_reason(), CloseReason::idle);
  EXPECT_FALSE(alice.has_keys());
  EXPECT_TRUE(drain(alice).empty());
}

TEST_F(SessionTest, ThreeLostKeepalivesInARowAreNotTheEnd) {
  const TimePoint heard = now;
  std::vector<Bytes> sent;
  while (now < heard + kAskAfterSilence) {  // what is sent before gets lost
    now = *alice.deadline();
    alice.on_deadline(now);
    sent = drain(alice);
  }
  EXPECT_EQ(now, heard + kAskAfterSilence);
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(give(bob, sent.back(), at_bob), Session::Verdict::accepted);
  for (const Bytes& answer : drain(bob)) give(alice, answer, at_alice);
  now = heard + kIdleMax;
  alice.on_deadline(now);
  EXPECT_EQ(alice.state(), Session::State::open);
}

TEST_F(SessionTest, UnansweredDataEndsTheSessionSooner) {
  now += 5s;
  stream_packet(alice, Bytes(1));
  while (alice.state() == Session::State::open) {
    now = *alice.deadline();
    alice.on_deadline(now);
    drain(alice);
  }
  EXPECT_EQ(now - TimePoint{}, 5s + kUnansweredMax);
}

TEST_F(SessionTest, APeerThatAnswersNothingIsAskedWhetherItIsThere) {
  stream_packet(alice, Bytes(1));  // gets lost, and so may the answers to what streams repeat
  const TimePoint sent = now;
  std::vector<Bytes> question;
  while (question.empty()) {
    now = *alice.deadline();
    alice.on_deadline(now);
    question = drain(alice);
  }
  EXPECT_EQ(now - sent, kAskAfter);
  drain(alice);
  now = *alice.deadline();  // the first copy gets lost, too
  alice.on_deadline(now);
  question = drain(alice);
  ASSERT_EQ(question.size(), 1u);
  give(bob, question[0], at_bob);
  EXPECT_EQ(at_bob.requests, 0) << "the session answers it itself";
  const auto answer = drain(bob);
  ASSERT_EQ(answer.size(), 1u);
  give(alice, answer[0], at_alice);
  EXPECT_TRUE(at_alice.answers.empty());
  EXPECT_EQ(alice.control().open_requests(), 0u);
  now = sent + kUnansweredMax;
  alice.on_deadline(now);
  EXPECT_EQ(alice.state(), Session::State::open);
}

TEST_F(SessionTest, CloseTellsTheReasonWipesKeysAndRepeatsABoundedNumberOfTimes) {
  const Bytes late = stream_packet(bob, Bytes(1));
  alice.close(now, CloseReason::shutting_down);
  EXPECT_FALSE(alice.has_keys());
  const auto closes = drain(alice);
  ASSERT_EQ(closes.size(), static_cast<std::size_t>(kCloseCopies));
  EXPECT_EQ(give(bob, closes[1], at_bob), Session::Verdict::accepted);
  EXPECT_EQ(bob.state(), Session::State::closed);
  EXPECT_EQ(bob.close_reason(), CloseReason::shutting_down);
  EXPECT_TRUE(bob.closed_by_peer());
  EXPECT_FALSE(bob.has_keys());
  EXPECT_TRUE(drain(bob).empty());

  std::size_t repeated = 0;
  for (int i = 0; i < 50; ++i) {
    give(alice, late, at_alice);
    repeated += drain(alice).size();
  }
  EXPECT_EQ(repeated, static_cast<std::size_t>(kCloseRepeatsMax));
  now = *alice.deadline();
  alice.on_deadline(now);
  EXPECT_EQ(alice.state(), Session::State::closed);
}

TEST_F(SessionTest, BrokenFramesCloseUnknownOptionalOnesDoNot) {
  EXPECT_EQ(give(bob, packet(alice, std::byte{0x06}, Bytes(9)), at_bob), Session::Verdict::accepted);
  EXPECT_EQ(give(bob, packet(alice, std::byte{0x00}, Bytes(900, std::byte{0xff})), at_bob), Session::Verdict::accepted);
  EXPECT_EQ(bob.state(), Session::State::open);
  struct Bad {
    std::byte type;
    Bytes body;
  };
  for (const Bad& bad : {Bad{std::byte{0x86}, Bytes(9)}, Bad{std::byte{0x85}, Bytes(8)},
                         Bad{std::byte{0x85}, Bytes(9, std::byte{2})}, Bad{std::byte{0x41}, Bytes(1)},
                         Bad{std::byte{0x83}, Bytes(1)}, Bad{std::byte{0x83}, Bytes(3)}, Bad{std::byte{0x82}, Bytes(5)},
                         Bad{std::byte{0x82}, Bytes(6 + 257)}, Bad{std::byte{0x82}, Bytes(6, std::byte{2})}}) {
    TestIndexes own;
    Session one{established(true), own, random, {}, now};
    Session other{established(false), own, random, {}, now};
    give(other, packet(one, bad.type, bad.body), at_bob);
    EXPECT_EQ(other.state(), Session::State::closing);
    EXPECT_EQ(other.close_reason(), CloseReason::protocol);
  }
}

}  // namespace
}  // namespace quantumgate::session
