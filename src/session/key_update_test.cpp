// SPDX-License-Identifier: MIT
// Goal: both sides of a key update make the same new keys, once, whatever gets lost, repeated or late; it begins when
// it should and not more often; what breaks the protocol is said so and changes nothing. Method: two machines and a
// test that carries their messages, in virtual time, by repeatable chance.
#include "session/key_update.hpp"

#include <gtest/gtest.h>

#include "session/test_session.hpp"
#include "sim/random.hpp"

namespace quantumgate::session {
namespace {

Bytes copy(BytesView bytes) { return {bytes.begin(), bytes.end()}; }

struct Side {
  Side(bool initiator, std::uint8_t suite, const KeyLimits& limits, std::uint64_t seed)
      : random(seed),
        update(established_for_test(initiator, suite), indexes, random, limits, TimePoint{}),
        established(established_for_test(initiator, suite)) {}

  std::vector<Bytes> drain(TimePoint now) {
    std::vector<Bytes> bodies;
    for (;;) {
      Bytes body(kPacketSizeDefault - kPacketOverhead - 1);
      body.resize(update.poll_transmit(now, body));
      if (body.empty()) return bodies;
      bodies.push_back(std::move(body));
    }
  }
  // Reads what must not break the protocol; new keys are kept.
  void give(TimePoint now, const std::vector<Bytes>& bodies) {
    for (const Bytes& body : bodies) {
      auto received = update.receive(now, body);
      ASSERT_TRUE(received);
      if (*received) {
        ++made;
        keys.emplace(std::move(**received));
      }
    }
  }

  TestIndexes indexes;
  sim::SeededRandom random;
  KeyUpdate update;
  handshake::Established established;
  std::optional<KeyUpdate::NewKeys> keys;  // the newest
  int made = 0;
};

struct KeyUpdateTest : ::testing::Test {
  explicit KeyUpdateTest(std::uint8_t suite = 1, KeyLimits limits = {})
      : alice(true, suite, limits, 1), bob(false, suite, limits, 2) {
    alice.update.confirm(now);
    bob.update.confirm(now);
  }

  // Lets time pass until Alice begins an update; her message 1.
  std::vector<Bytes> begin() {
    for (;;) {
      now = *alice.update.deadline();
      alice.update.on_deadline(now);
      if (auto halves = alice.drain(now); !halves.empty()) return halves;
    }
  }
  // A whole update.
  void run() {
    bob.give(now, begin());
    alice.give(now, bob.drain(now));
    bob.update.confirm(now);
    alice.update.confirm(now);
  }
  void expect_same_keys() {
    ASSERT_TRUE(alice.keys && bob.keys);
    EXPECT_TRUE(std::ranges::equal(alice.keys->secrets.sending.view(), bob.keys->secrets.receiving.view()));
    EXPECT_TRUE(std::ranges::equal(alice.keys->secrets.receiving.view(), bob.keys->secrets.sending.view()));
    EXPECT_EQ(alice.keys->remote_index, bob.keys->local_index.value());
    EXPECT_EQ(bob.keys->remote_index, alice.keys->local_index.value());
    EXPECT_EQ(alice.update.epoch(), bob.update.epoch());
  }

  TimePoint now{};
  Side alice, bob;
};

TEST_F(KeyUpdateTest, BothSidesMakeTheSameNewKeysAgainAndAgain) {
  std::set<Bytes> seen;
  for (std::uint32_t epoch = 1; epoch <= 5; ++epoch) {
    run();
    expect_same_keys();
    EXPECT_EQ(alice.update.epoch(), epoch);
    for (const auto* secret : {&alice.keys->secrets.sending, &alice.keys->secrets.receiving}) {
      EXPECT_TRUE(seen.insert(copy(secret->view())).second) << "a secret came again";
    }
    // The allocator gives out each number once: new ones with each update; those of the keys before are given back.
    EXPECT_EQ(alice.keys->local_index.value(), 999 + epoch);
    EXPECT_EQ(alice.indexes.used, (std::set<std::uint32_t>{100, 200, 999 + epoch}));
  }
}

TEST(KeyUpdateSuitesTest, EverySuite) {
  for (const std::byte suite : handshake::all_suites()) {
    struct Pair : KeyUpdateTest {
      using KeyUpdateTest::KeyUpdateTest;
      void TestBody() override {}
    } pair(std::to_integer<std::uint8_t>(suite));
    const auto message1 = pair.begin();
    ASSERT_EQ(message1.size(), 2u);
    const bool large = pair.alice.established.suite->algorithms.dh == crypto::DhAlgorithm::x448;
    EXPECT_EQ(message1[0].size(), 5u + (large ? 830 : 626)) << "the spec gives the sizes";
    pair.bob.give(pair.now, message1);
    const auto message2 = pair.bob.drain(pair.now);
    ASSERT_EQ(message2.size(), 2u);
    EXPECT_EQ(message2[1].size(), 5u + (large ? 830 : 578));
    pair.alice.give(pair.now, message2);
    pair.expect_same_keys();
  }
}

// Who does not hold the secrets of the keys before, or speaks of another session, can not take part.
TEST_F(KeyUpdateTest, TheKeysBeforeAreNeeded) {
  const auto read = [&](const handshake::Established& other) {
    TestIndexes indexes;
    sim::SeededRandom random(3);
    KeyUpdate initiator(other, indexes, random, {}, TimePoint{});
    initiator.confirm(now);
    now = *initiator.deadline();
    initiator.on_deadline(now);
    std::vector<Result<std::optional<KeyUpdate::NewKeys>>> results;
    for (int half = 0; half < 2; ++half) {
      Bytes body(kPacketSizeDefault);
      body.resize(initiator.poll_transmit(now, body));
      results.push_back(bob.update.receive(now, body));
    }
    EXPECT_TRUE(results[0]);
    return results[1].has_value() ? ErrorCode{} : results[1].error().code;
  };
  handshake::Established other = established_for_test(true);
  other.secrets.sending.mutable_view()[31] ^= std::byte{1};
  EXPECT_EQ(read(other), ErrorCode::not_authentic);
  other = established_for_test(true);
  other.secrets.receiving.mutable_view()[0] ^= std::byte{1};
  EXPECT_EQ(read(other), ErrorCode::not_authentic);
  other = established_for_test(true);
  other.handshake_hash[0] ^= std::byte{1};
  EXPECT_EQ(read(other), ErrorCode::not_authentic);
  other = established_for_test(true);
  EXPECT_EQ(read(other), ErrorCode{});
}

TEST_F(KeyUpdateTest, BeginsAtARandomMomentWithinTheTimes) {
  std::set<std::int64_t> seconds;
  TimePoint made{};
  for (int i = 0; i < 40; ++i) {
    begin();
    EXPECT_GE(now - made, kKeyUpdateMin);
    EXPECT_LE(now - made, kKeyUpdateMax);
    seconds.insert(std::chrono::duration_cast<std::chrono::seconds>(now - made).count());
    bob.give(now, [&] {
      alice.update.on_deadline(now = *alice.update.deadline());
      return alice.drain(now);
    }());
    alice.give(now, bob.drain(now));
    bob.update.confirm(now);
    alice.update.confirm(now);
    made = now;
  }
  EXPECT_GT(seconds.size(), 30u);
  EXPECT_LT(*seconds.begin(), 480);  // the odds of none among 40 in the first or last fifth: 1 in 7,000
  EXPECT_GT(*seconds.rbegin(), 1020);
}

TEST_F(KeyUpdateTest, LostMessagesAreRepeatedUnchangedUntilAnswered) {
  const auto message1 = begin();
  TimePoint sent = now;
  for (int tries = 1; tries < 20; ++tries) {
    now = *alice.update.deadline();
    EXPECT_EQ(now - sent, kRequestDelays[std::min<std::size_t>(static_cast<std::size_t>(tries) - 1, 4)]);
    alice.update.on_deadline(now);
    ASSERT_EQ(alice.drain(now), message1);
    sent = now;
  }
  // One half now, the other with the next copy.
  bob.give(now, {message1[1]});
  EXPECT_TRUE(bob.drain(now).empty());
  bob.give(now, {message1[1], message1[0]});
  const auto message2 = bob.drain(now);
  ASSERT_EQ(message2.size(), 2u);
  EXPECT_EQ(bob.made, 1);

  // Message 2 gets lost; the next copy of message 1 brings another, the very same, but not more than one in 100 ms.
  bob.give(now, message1);
  EXPECT_TRUE(bob.drain(now).empty());
  now += kRekeyResendInterval;
  bob.give(now, {message1[0]});
  EXPECT_EQ(bob.drain(now), message2);
  bob.give(now, {message1[1]});
  EXPECT_TRUE(bob.drain(now).empty());
  EXPECT_EQ(bob.made, 1);

  alice.give(now, {message2[1], message2[1], message2[0]});
  expect_same_keys();
  EXPECT_TRUE(alice.drain(now).empty());
  bob.update.confirm(now);
  alice.update.confirm(now);
  // What comes late is no harm.
  alice.give(now, message2);
  bob.give(now + 1s, message1);
  EXPECT_TRUE(bob.drain(now + 1s).empty());
  EXPECT_EQ(alice.made + bob.made, 2);
  run();
  expect_same_keys();
  alice.give(now, message2);
  bob.give(now, message1);
  EXPECT_EQ(alice.made + bob.made, 4);
}

TEST_F(KeyUpdateTest, NothingBeginsBeforeThePeerIsHeardUnderTheNewestKeys) {
  bob.give(now, begin());
  alice.give(now, bob.drain(now));
  for (KeyUpdate* update : {&alice.update, &bob.update}) {
    update->want(now);
    EXPECT_FALSE(update->deadline());
    update->on_deadline(now + 1h);
    EXPECT_FALSE(update->poll_request());
    EXPECT_EQ(update->end(), TimePoint{} + kKeyAgeMax) << "the first keys are still needed";
  }
  EXPECT_TRUE(alice.drain(now).empty());
  alice.update.confirm(now);
  EXPECT_EQ(alice.update.end(), now + kKeyAgeMax);
}

TEST_F(KeyUpdateTest, UseBringsItForwardOncePerKey) {
  now += 1min;
  bob.update.want(now);
  EXPECT_EQ(bob.update.deadline(), now);
  bob.update.on_deadline(now);
  EXPECT_TRUE(bob.update.poll_request());
  EXPECT_FALSE(bob.update.poll_request());
  bob.update.want(now);
  bob.update.on_deadline(now);
  EXPECT_FALSE(bob.update.poll_request()) << "it has asked";
  now = *bob.update.deadline();
  EXPECT_EQ(now - TimePoint{}, 1min + kKeyUpdateAskInterval);
  bob.update.on_deadline(now);
  EXPECT_TRUE(bob.update.poll_request()) << "and asks again, as nothing has come of it";

  alice.update.on_request(now, 7);
  EXPECT_GT(*alice.update.deadline(), now) << "not the keys in use";
  alice.update.on_request(now, 0);
  EXPECT_EQ(alice.update.deadline(), now);
  run();
  const TimePoint done = now;
  alice.update.on_request(now, 0);
  EXPECT_GT(*alice.update.deadline(), now + 1min) << "the request was late";
  alice.update.on_request(now, 1);
  EXPECT_EQ(alice.update.deadline(), done + kKeyGrace) << "however often it is asked";
}

TEST_F(KeyUpdateTest, AResponderIsNotMadeToComputeWithoutEnd) {
  run();
  const TimePoint done = now;
  alice.update.want(now);
  const auto message1 = begin();
  now = done + kKeyConfirmedMin - 1ns;
  bob.give(now, message1);
  EXPECT_EQ(bob.made, 1);
  now = done + kKeyConfirmedMin;
  bob.give(now, message1);
  EXPECT_EQ(bob.made, 2);
}

TEST_F(KeyUpdateTest, WhatBreaksTheProtocolIsRefusedAndChangesNothing) {
  const auto message1 = begin();
  const auto refused = [&](Side& side, const Bytes& body) { return !side.update.receive(now, body).has_value(); };
  const auto with_header = [](Bytes body, std::uint8_t part, std::uint8_t epoch) {
    body[0] = std::byte{part};
    body[4] = std::byte{epoch};
    return body;
  };
  EXPECT_TRUE(refused(bob, {}));
  EXPECT_TRUE(refused(bob, Bytes(4)));
  EXPECT_TRUE(refused(bob, with_header(message1[0], 4, 1))) << "no such part";
  EXPECT_TRUE(refused(bob, with_header(message1[0], 2, 1))) << "a message 2 for the responder";
  EXPECT_TRUE(refused(alice, message1[0])) << "a message 1 for the initiator";
  EXPECT_TRUE(refused(bob, with_header(message1[0], 0, 2))) << "an epoch too far";
  for (const int more : {-1, 1}) {
    Bytes wrong = message1[0];
    wrong.resize(static_cast<std::size_t>(static_cast<int>(wrong.size()) + more));
    EXPECT_TRUE(refused(bob, wrong));
  }
  bob.give(now, message1);  // for all that
  const auto message2 = bob.drain(now);
  EXPECT_TRUE(refused(bob, with_header(message1[0], 0, 2))) << "keys that nobody has used can not be replaced";

  // Any damage inside a half is found when the message is whole.
  for (std::size_t at = 5; at < message2[1].size(); at += 37) {
    Bytes damaged = message2[1];
    damaged[at] ^= std::byte{0x40};
    alice.give(now, {message2[0]});
    EXPECT_TRUE(refused(alice, damaged)) << at;
  }
  EXPECT_EQ(alice.made, 0);
  alice.give(now, message2);
  expect_same_keys();
  EXPECT_TRUE(refused(alice, with_header(message2[0], 2, 2))) << "an answer to nothing";
}

TEST_F(KeyUpdateTest, AnIndexOfZeroIsRefused) {
  struct Zero final : handshake::IndexAllocator {
    std::uint32_t allocate() override { return 0; }
    void release(std::uint32_t) override {}
  } zero;
  sim::SeededRandom random(3);
  KeyUpdate mallory(established_for_test(true), zero, random, {}, TimePoint{});
  mallory.confirm(now);
  mallory.on_deadline(now = *mallory.deadline());
  for (const bool last : {false, true}) {
    Bytes body(kPacketSizeDefault);
    body.resize(mallory.poll_transmit(now, body));
    EXPECT_EQ(bob.update.receive(now, body).has_value(), !last);
  }
}

TEST_F(KeyUpdateTest, AnUpdateThatNeverEndsGivesItsIndexBack) {
  TestIndexes indexes;
  sim::SeededRandom random(3);
  {
    KeyUpdate update(established_for_test(true), indexes, random, {}, TimePoint{});
    update.confirm(now);
    update.on_deadline(*update.deadline());
    EXPECT_EQ(indexes.used.size(), 3u);
  }
  EXPECT_EQ(indexes.used.size(), 2u);
}

}  // namespace
}  // namespace quantumgate::session
