// SPDX-License-Identifier: MIT
// Goal: two parties agree, strangers get silence, and what a responder keeps and sends stays within its bounds.
// Method: an initiator and a responder in one thread, virtual time, datagrams handed over by the test.
#include <gtest/gtest.h>

#include <set>

#include "crypto/system_random.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"

namespace quantumgate::handshake {
namespace {

class Indexes final : public IndexAllocator {
 public:
  std::uint32_t allocate() override {
    used.insert(++last);
    return last;
  }
  void release(std::uint32_t index) override { EXPECT_EQ(used.erase(index), 1u); }
  std::uint32_t last = 1000;
  std::set<std::uint32_t> used;
};

constexpr UnixTime kWall{1'800'000'000};
const Endpoint kInitiatorAt = Endpoint::v4(10, 0, 0, 1, 1111);
const Endpoint kResponderAt = Endpoint::v4(10, 0, 0, 2, 2222);

struct HandshakeTest : ::testing::Test {
  crypto::SystemRandom random;
  Identity alice = Identity::generate();
  Identity bob = Identity::generate();
  Credentials alice_credentials{alice, "test", nullptr, all_suites(), Bytes(60, std::byte{1})};
  Credentials bob_credentials{bob, "test", nullptr, all_suites(), Bytes(62, std::byte{2})};
  Indexes indexes;
  Responder::Options options;
  std::optional<Responder> responder;
  TimePoint now{};

  void SetUp() override { responder.emplace(bob_credentials, options, indexes, random); }

  Initiator dial(Credentials& credentials, PeerUuid to) {
    return Initiator(credentials, {to, {kResponderAt}, 10s}, 1, 11, 12, random, now, kWall);
  }
  Initiator dial() { return dial(alice_credentials, bob.uuid()); }

  static std::vector<Bytes> drain(auto& side) {
    std::vector<Bytes> datagrams;
    while (auto transmit = side.poll_transmit()) datagrams.push_back(std::move(transmit->datagram));
    return datagrams;
  }
  void to_responder(const std::vector<Bytes>& datagrams, const Endpoint& from = kInitiatorAt, UnixTime wall = kWall) {
    for (const Bytes& datagram : datagrams) responder->receive_first(now, wall, from, datagram);
  }
  void to_initiator(Initiator& initiator, const std::vector<Bytes>& datagrams) {
    for (const Bytes& datagram : datagrams) initiator.receive(now, kWall, kResponderAt, datagram);
  }
  void message3_to_responder(const std::vector<Bytes>& datagrams) {
    for (const Bytes& datagram : datagrams) {
      responder->receive_indexed(now, kWall, load_be<std::uint32_t>(BytesView(datagram).first<4>()), kInitiatorAt,
                                 datagram);
    }
  }
};

TEST_F(HandshakeTest, BothSidesAgree) {
  Initiator initiator = dial();
  const auto message1 = drain(initiator);
  ASSERT_EQ(message1.size(), 2u);
  for (const Bytes& datagram : message1) EXPECT_EQ(datagram.size(), 704u);
  to_responder(message1);
  const auto message2 = drain(*responder);
  ASSERT_EQ(message2.size(), 2u);
  to_initiator(initiator, message2);
  EXPECT_EQ(initiator.state(), Initiator::State::confirming);
  auto ours = initiator.take_established();
  ASSERT_TRUE(ours);
  EXPECT_FALSE(initiator.take_established());
  message3_to_responder(drain(initiator));
  auto theirs = responder->poll_established();
  ASSERT_TRUE(theirs);

  EXPECT_EQ(ours->handshake_hash, theirs->handshake_hash);
  EXPECT_TRUE(std::ranges::equal(ours->secrets.sending.view(), theirs->secrets.receiving.view()));
  EXPECT_TRUE(std::ranges::equal(ours->secrets.receiving.view(), theirs->secrets.sending.view()));
  EXPECT_EQ(ours->peer.uuid, bob.uuid());
  EXPECT_EQ(theirs->peer.uuid, alice.uuid());
  EXPECT_EQ(ours->local_index, theirs->remote_index);
  EXPECT_EQ(ours->remote_index, theirs->local_index);
  EXPECT_EQ(ours->stream_parameters.size(), 62u);
  EXPECT_EQ(theirs->stream_parameters.size(), 60u);
  EXPECT_EQ(ours->observed, kInitiatorAt);
  EXPECT_EQ(theirs->observed, kResponderAt);
  EXPECT_TRUE(ours->suite->post_quantum());
  EXPECT_EQ(responder->half_open(), 0u);
}

TEST_F(HandshakeTest, AnUnfinishedOrReplayedMessage1StaysWithinItsBounds) {
  Initiator initiator = dial();
  const auto message1 = drain(initiator);
  to_responder({message1[0]});
  EXPECT_TRUE(drain(*responder).empty()) << "an incomplete message is not answered";
  EXPECT_EQ(responder->reassembling(), 1u);
  to_responder({message1[0], message1[0]});
  EXPECT_EQ(responder->counters().replayed, 2u);
  to_responder({message1[1]});
  EXPECT_EQ(drain(*responder).size(), 2u);
  EXPECT_EQ(responder->half_open(), 1u);
  EXPECT_LE(responder->memory_bytes(), kHalfOpenBytesMax);

  // A tap repeats what it recorded, from its own address and later.
  for (const Duration after : {0s, 1s, 100s, 119s}) {
    now = TimePoint{} + after;
    to_responder(message1, Endpoint::v4(10, 9, 9, 9, 9));
  }
  EXPECT_TRUE(drain(*responder).empty());
  EXPECT_EQ(responder->half_open() + responder->reassembling(), 1u);
  responder->on_deadline(now);
  EXPECT_EQ(responder->half_open(), 0u);
  EXPECT_EQ(responder->memory_bytes(), 0u);
  EXPECT_TRUE(indexes.used.empty());
}

TEST_F(HandshakeTest, AReassemblySlotIsGivenBack) {
  Initiator initiator = dial();
  to_responder({drain(initiator)[0]});
  ASSERT_TRUE(responder->deadline());
  now = *responder->deadline();
  EXPECT_EQ(now - TimePoint{}, kReassemblyLifetime);
  responder->on_deadline(now);
  EXPECT_EQ(responder->reassembling(), 0u);
  EXPECT_FALSE(responder->deadline());
}

TEST_F(HandshakeTest, OtherSecretNetworkOrUuidGetsSilence) {
  const SharedSecret secret(std::span<const std::byte, 32>(bob.public_key()));
  Credentials with_secret{alice, "test", &secret, all_suites(), {}};
  Credentials other_network{alice, "tesu", nullptr, all_suites(), {}};
  for (auto [credentials, uuid] : {std::pair(&with_secret, bob.uuid()), std::pair(&other_network, bob.uuid()),
                                   std::pair(&alice_credentials, alice.uuid())}) {
    Initiator initiator = dial(*credentials, uuid);
    to_responder(drain(initiator));
    EXPECT_TRUE(drain(*responder).empty());
    EXPECT_EQ(responder->reassembling() + responder->half_open(), 0u);
  }
  EXPECT_EQ(responder->counters().unauthentic, 6u);
}

TEST_F(HandshakeTest, EveryDamagedDatagramOfMessage1IsDropped) {
  Initiator initiator = dial();
  const auto message1 = drain(initiator);
  for (std::size_t at = 0; at < message1[0].size(); ++at) {
    Bytes damaged = message1[0];
    damaged[at] ^= std::byte{0x10};
    to_responder({damaged});
  }
  EXPECT_EQ(responder->counters().unauthentic, message1[0].size());
  for (std::size_t size = 0; size < message1[0].size(); ++size) {
    to_responder({Bytes(message1[0].begin(), message1[0].begin() + static_cast<std::ptrdiff_t>(size))});
  }
  EXPECT_EQ(responder->counters().malformed, message1[0].size());
  EXPECT_EQ(responder->reassembling(), 0u);
  EXPECT_TRUE(drain(*responder).empty());
}

TEST_F(HandshakeTest, DamagedMessage2And3LeaveTheHandshakeAsItWas) {
  Initiator initiator = dial();
  to_responder(drain(initiator));
  const auto message2 = drain(*responder);
  for (std::size_t at = 0; at < message2[0].size(); at += 7) {
    Bytes damaged = message2[0];
    damaged[at] ^= std::byte{1};
    EXPECT_FALSE(initiator.receive(now, kWall, kResponderAt, damaged));
  }
  to_initiator(initiator, message2);
  ASSERT_EQ(initiator.state(), Initiator::State::confirming);
  const auto message3 = drain(initiator);
  for (std::size_t at = 4; at < message3[0].size(); ++at) {
    Bytes damaged = message3[0];
    damaged[at] ^= std::byte{1};
    message3_to_responder({damaged});
  }
  EXPECT_FALSE(responder->poll_established());
  message3_to_responder(message3);
  EXPECT_TRUE(responder->poll_established());
}

TEST_F(HandshakeTest, AMessage2FromSomebodyElseDoesNotSpoilTheDial) {
  // Mallory knows Bob's UUID, so she can seal and run Noise, but she can not sign as Bob.
  const Identity mallory = Identity::generate();
  Credentials as_mallory{mallory, "test", nullptr, all_suites(), {}};
  Initiator initiator = dial();
  const auto message1 = drain(initiator);

  const OuterKeys keys =
      OuterKeys::derive(alice_credentials.shared_secret(), bob.uuid(), alice_credentials.network_hash());
  Bytes whole;
  wire::SealedHeader header;
  for (const Bytes& datagram : message1) {
    const auto opened = open_datagram(keys.to_responder, false, datagram);
    ASSERT_TRUE(opened);
    header = opened->header;
    whole.insert(whole.end(), opened->piece.begin(), opened->piece.end());
  }
  const StaticKey key = as_mallory.static_key(random, kWall);
  NoiseKeys noise_keys;
  noise_keys.static_private = key.private_key.clone();
  noise_keys.psks.emplace_back();
  auto noise =
      NoiseHandshake::create(kXXhfsPsk0, find_suite(1)->protocol_name, find_suite(1)->algorithms, NoiseRole::responder,
                             as_mallory.prologue(1, bob.uuid()), std::move(noise_keys), random);
  ASSERT_TRUE(noise && noise->read_message(whole));
  const Bytes forged =
      noise->write_message(wire::encode(wire::Payload2{77, 78, as_mallory.introduce(key, kInitiatorAt)}));
  header.type = wire::SealedType::message2;
  header.sender_index = 78;
  for (const Bytes& datagram : seal_message(keys.to_initiator, 11, header, forged, random)) {
    initiator.receive(now, kWall, kResponderAt, datagram);
  }
  EXPECT_EQ(initiator.state(), Initiator::State::waiting);

  to_responder(message1);
  to_initiator(initiator, drain(*responder));
  EXPECT_EQ(initiator.state(), Initiator::State::confirming);
}

TEST_F(HandshakeTest, RetransmissionIsAnsweredFromTheCacheWithinThreeTimesTheBytesReceived) {
  Initiator initiator = dial();
  std::size_t received = 0, sent = 0;
  const auto exchange = [&] {
    for (const Bytes& datagram : drain(initiator)) {
      received += datagram.size();
      responder->receive_first(now, kWall, kInitiatorAt, datagram);
    }
    for (const Bytes& datagram : drain(*responder)) sent += datagram.size();
  };
  exchange();
  for (int i = 0; i < 8; ++i) {
    now = *initiator.deadline();
    initiator.on_deadline(now, kWall);
    exchange();
    EXPECT_LE(sent, kAmplificationMax * received);
  }
  EXPECT_EQ(responder->counters().started, 1u);
  EXPECT_GT(sent, received);
  now += 10s;
  initiator.on_deadline(now, kWall);
  EXPECT_EQ(initiator.state(), Initiator::State::failed);
  EXPECT_FALSE(initiator.deadline());
}

TEST_F(HandshakeTest, ARepeatedMessage3AsksForAConfirmation) {
  Initiator initiator = dial();
  to_responder(drain(initiator));
  to_initiator(initiator, drain(*responder));
  message3_to_responder(drain(initiator));
  const auto established = responder->poll_established();
  ASSERT_TRUE(established);
  EXPECT_FALSE(responder->poll_unconfirmed());
  now = *initiator.deadline();
  initiator.on_deadline(now, kWall);
  message3_to_responder(drain(initiator));
  EXPECT_EQ(responder->poll_unconfirmed(), established->local_index);
  initiator.confirm();
  EXPECT_FALSE(initiator.deadline());
  EXPECT_FALSE(initiator.poll_transmit());
}

TEST_F(HandshakeTest, PacketsThatOvertakeMessage3AreHeldUpToTheBound) {
  Initiator initiator = dial();
  to_responder(drain(initiator));
  to_initiator(initiator, drain(*responder));
  const std::uint32_t session_index = initiator.take_established()->remote_index;
  for (int i = 0; i < 20; ++i) {
    responder->receive_indexed(now, kWall, session_index, kInitiatorAt, Bytes(kHeldPacketSizeMax));
  }
  EXPECT_LE(responder->memory_bytes(), kHalfOpenBytesMax);
  message3_to_responder(drain(initiator));
  EXPECT_EQ(responder->poll_established()->held.size(), kHeldPacketsMax);
  EXPECT_EQ(responder->counters().full, 20 - kHeldPacketsMax);
}

TEST_F(HandshakeTest, AWrongClockIsToldByCookieAndSilentlyDroppedWhenHidden) {
  Initiator initiator = dial();
  const UnixTime far = kWall + UnixTime(1000);
  to_responder(drain(initiator), kInitiatorAt, far);
  EXPECT_EQ(responder->counters().clock, 2u);
  const auto cookies = drain(*responder);
  ASSERT_EQ(cookies.size(), 2u);
  EXPECT_EQ(cookies[0].size(), 76u);
  to_initiator(initiator, cookies);
  to_responder(drain(initiator), kInitiatorAt, far);
  to_initiator(initiator, drain(*responder));
  EXPECT_EQ(initiator.state(), Initiator::State::confirming);

  options.hidden = true;
  SetUp();
  Initiator another = dial();
  to_responder(drain(another), kInitiatorAt, far);
  EXPECT_TRUE(drain(*responder).empty());
}

TEST_F(HandshakeTest, FullTablesAskForCookiesAndNeverGrow) {
  options.reassembly_slots = 8;
  options.half_open_slots = 8;
  SetUp();
  std::size_t memory_max = 0;
  for (std::uint8_t i = 0; i < 100; ++i) {
    Initiator initiator = dial();
    to_responder(drain(initiator), Endpoint::v4(10, 0, 1, i, 5));
    drain(*responder);
    memory_max = std::max(memory_max, responder->memory_bytes());
  }
  EXPECT_EQ(responder->half_open(), 4u) << "from half of the slots on, cookies are asked for first";
  EXPECT_LE(memory_max, 8 * kHalfOpenBytesMax);
  EXPECT_TRUE(responder->cookies_required());

  Initiator honest = dial();
  to_responder(drain(honest));
  const auto cookies = drain(*responder);
  ASSERT_EQ(cookies.size(), 2u);
  to_initiator(honest, cookies);
  const auto with_cookie = drain(honest);
  ASSERT_EQ(with_cookie.size(), 2u);
  to_responder(with_cookie, Endpoint::v4(10, 0, 0, 77, 1));  // from elsewhere the cookie is worth nothing
  EXPECT_EQ(responder->half_open(), 4u);
  drain(*responder);
  to_initiator(honest, cookies);
  now = *honest.deadline();
  honest.on_deadline(now, kWall);
  to_responder(drain(honest));
  EXPECT_EQ(responder->half_open(), 5u);
  to_initiator(honest, drain(*responder));
  EXPECT_EQ(honest.state(), Initiator::State::confirming);
}

TEST(PieceCollectorTest, AForeignPieceDoesNotBlockTheTrueOnes) {
  PieceCollector collector(1, 2);
  const Bytes first(700, std::byte{1}), second(700, std::byte{2}), foreign(20, std::byte{3});
  EXPECT_TRUE(collector.add(1, second));
  EXPECT_FALSE(collector.add(0, foreign)) << "complete, but not cut as the spec says";
  EXPECT_FALSE(collector.message());
  EXPECT_TRUE(collector.add(0, first));
  EXPECT_FALSE(collector.message());
  EXPECT_TRUE(collector.add(1, second));
  ASSERT_TRUE(collector.message());
  EXPECT_EQ(collector.message()->size(), 1400u);
}

TEST(SaltFilterTest, RemembersForItsLifetimeAndHasABound) {
  crypto::SystemRandom random;
  SaltFilter filter(1000, kSaltLifetime, random);
  std::vector<std::array<std::byte, 24>> salts(1000);
  TimePoint now{};
  for (auto& salt : salts) {
    random.fill(salt);
    ASSERT_EQ(filter.insert(now, salt), SaltFilter::Verdict::fresh);
  }
  std::array<std::byte, 24> one_more{};
  EXPECT_EQ(filter.insert(now, one_more), SaltFilter::Verdict::full);
  now += kSaltLifetime - 1ns;
  for (const auto& salt : salts) ASSERT_EQ(filter.insert(now, salt), SaltFilter::Verdict::seen);
  now += kSaltLifetime;
  EXPECT_EQ(filter.insert(now, salts[0]), SaltFilter::Verdict::fresh);
  EXPECT_EQ(filter.size(), 1u);
}

TEST(CookieJarTest, CookiesAreBoundToTheirSourceAndExpire) {
  crypto::SystemRandom random;
  CookieJar jar(random);
  TimePoint now{};
  const auto cookie = jar.make(now, kInitiatorAt, 5);
  EXPECT_TRUE(jar.check(now, kInitiatorAt, 5, cookie));
  EXPECT_FALSE(jar.check(now, kInitiatorAt, 6, cookie));
  EXPECT_FALSE(jar.check(now, kResponderAt, 5, cookie));
  EXPECT_FALSE(jar.check(now, kInitiatorAt, 5, {}));
  EXPECT_TRUE(jar.check(now + kCookieSecretLifetime, kInitiatorAt, 5, cookie));
  EXPECT_FALSE(jar.check(now + 2 * kCookieSecretLifetime, kInitiatorAt, 5, cookie));
}

TEST(TokenBucketTest, LetsThroughItsRate) {
  TokenBucket bucket(1000);
  TimePoint now{};
  int taken = 0;
  for (int ms = 0; ms < 10'000; ++ms, now += 1ms) {
    for (int i = 0; i < 5; ++i) taken += bucket.take(now);
  }
  EXPECT_NEAR(taken, 10'000 + 100, 2);
}

}  // namespace
}  // namespace quantumgate::handshake
