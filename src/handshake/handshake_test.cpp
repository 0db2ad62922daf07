// SPDX-License-Identifier: MIT
// Goal: two parties agree, strangers get silence, and what a responder keeps and sends stays within its bounds.
// Method: an initiator and a responder in one thread, virtual time, datagrams handed over by the test.
#include <gtest/gtest.h>

#include <set>

#include "crypto/system_random.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"
#include "quantumgate/suite.h"

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

  Initiator dial(Credentials& credentials, PeerUuid to, std::uint8_t suite = 1) {
    return Initiator(credentials, {to, {kResponderAt}, 10s}, suite, 11, 12, random, now, kWall);
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
      responder->receive_indexed(now, kWall, load_be<std::uint32_t>(BytesView(datagram).first<4>()), datagram);
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

// Alice has only the one suite, Bob has all.
TEST_F(HandshakeTest, BothSidesAgreeInEverySuite) {
  for (const std::byte id : all_suites()) {
    const Suite& suite = *find_suite(std::to_integer<std::uint8_t>(id));
    SCOPED_TRACE(suite.protocol_name);
    Credentials only_this{alice, "test", nullptr, Bytes{id}, Bytes(128)};
    Initiator initiator = dial(only_this, bob.uuid(), suite.id);
    const auto message1 = drain(initiator);
    ASSERT_EQ(message1.size(), 2u);
    for (const Bytes& datagram : message1) EXPECT_EQ(datagram.size(), suite.id <= 8 ? 704u : 908u);
    to_responder(message1);
    const auto message2 = drain(*responder);
    EXPECT_EQ(message2.size(), 2u);
    to_initiator(initiator, message2);
    const auto ours = initiator.take_established();
    ASSERT_TRUE(ours);
    EXPECT_LE(responder->memory_bytes(), kHalfOpenBytesMax);
    message3_to_responder(drain(initiator));
    const auto theirs = responder->poll_established();
    ASSERT_TRUE(theirs);
    EXPECT_EQ(ours->suite, &suite);
    EXPECT_EQ(theirs->suite, &suite);
    EXPECT_EQ(ours->handshake_hash, theirs->handshake_hash);
    EXPECT_EQ(ours->handshake_hash.size(), crypto::hash_size(suite.algorithms.hash));
    EXPECT_TRUE(std::ranges::equal(ours->secrets.sending.view(), theirs->secrets.receiving.view()));
    EXPECT_TRUE(std::ranges::equal(ours->secrets.receiving.view(), theirs->secrets.sending.view()));
    EXPECT_EQ(theirs->peer_static_key.size(), crypto::dh_size(suite.algorithms.dh));
  }
}

TEST_F(HandshakeTest, ADisabledSuiteGetsSilence) {
  for (const std::byte id : all_suites()) {
    Bytes others = all_suites();
    std::erase(others, id);
    Credentials without{bob, "test", nullptr, others, {}};
    responder.emplace(without, options, indexes, random);
    Initiator initiator = dial(alice_credentials, bob.uuid(), std::to_integer<std::uint8_t>(id));
    to_responder(drain(initiator));
    EXPECT_TRUE(drain(*responder).empty());
    EXPECT_EQ(responder->reassembling() + responder->half_open(), 0u);
    EXPECT_EQ(responder->counters().unauthentic, 2u);
  }
}

// A peer that knows all secrets and keeps no rule: it plays Noise by hand, as initiator with `suite`.
struct Rogue {
  Rogue(Credentials& own, const PeerUuid& responder, const Suite& with, RandomSource& chance)
      : credentials(own),
        suite(with),
        random(chance),
        keys(OuterKeys::derive(own.shared_secret(), responder, own.network_hash())),
        static_key(own.static_key(with.algorithms.dh, chance, kWall)),
        noise(start(responder)) {
    message1 = noise.write_message(wire::encode(wire::Payload1{wire::kProtocolVersion, 21, 22}));
  }
  NoiseHandshake start(const PeerUuid& responder) {
    NoiseKeys noise_keys;
    noise_keys.static_key = static_key.pair.clone();
    noise_keys.psks.emplace_back();
    auto created = NoiseHandshake::create(suite.pattern, suite.protocol_name, suite.algorithms, NoiseRole::initiator,
                                          credentials.prologue(suite.id, responder), std::move(noise_keys), random);
    EXPECT_TRUE(created);
    return std::move(*created);
  }
  std::vector<Bytes> sealed(wire::SealedType type, std::optional<std::uint32_t> index, BytesView message,
                            std::uint8_t suite_id) {
    wire::SealedHeader header;
    header.type = type;
    header.suite = suite_id;
    header.time = static_cast<std::uint32_t>(kWall.count());
    header.sender_index = 22;
    header.message_id = random.u32();
    return seal_message(keys.to_responder, index, header, message, random);
  }

  Credentials& credentials;
  const Suite& suite;
  RandomSource& random;
  OuterKeys keys;
  StaticKey static_key;
  NoiseHandshake noise;
  Bytes message1;
};

TEST_F(HandshakeTest, BothSidesRefuseAWorseSuiteThanTheyHaveInCommon) {
  const Bytes all = all_suites();
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Suite& worse = *find_suite(std::to_integer<std::uint8_t>(all[i]));
    SCOPED_TRACE(worse.protocol_name);
    // The initiator's check: a dial with the worse suite ends where Bob's list comes in.
    Initiator initiator = dial(alice_credentials, bob.uuid(), worse.id);
    to_responder(drain(initiator), Endpoint::v4(10, 0, 0, 3, 1));
    to_initiator(initiator, drain(*responder));
    EXPECT_EQ(initiator.state(), Initiator::State::waiting);
    EXPECT_FALSE(initiator.take_established());

    // The responder's: somebody goes on nevertheless. Whether it is refused depends on the list alone.
    for (const bool has_better : {true, false}) {
      Credentials credentials{alice, "test", nullptr, has_better ? Bytes{all[i - 1], all[i]} : Bytes{all[i]}, {}};
      Rogue rogue(credentials, bob.uuid(), worse, random);
      to_responder(rogue.sealed(wire::SealedType::message1, std::nullopt, rogue.message1, worse.id));
      Bytes message2;
      std::uint32_t index = 0;
      for (const Bytes& datagram : drain(*responder)) {
        const auto opened = open_datagram(rogue.keys.to_initiator, true, datagram);
        ASSERT_TRUE(opened);
        index = opened->header.sender_index;
        message2.insert(message2.end(), opened->piece.begin(), opened->piece.end());
      }
      const auto payload = rogue.noise.read_message(message2);
      ASSERT_TRUE(payload);
      EXPECT_EQ(wire::decode<wire::Payload2>(*payload, "")->introduction.suites.bytes, all);
      const Bytes message3 =
          rogue.noise.write_message(wire::encode(credentials.introduce(rogue.static_key, kResponderAt)));
      message3_to_responder(rogue.sealed(wire::SealedType::message3, index, message3, worse.id));
      EXPECT_EQ(responder->poll_established().has_value(), !has_better);
    }
  }
}

// Who knows UUID and shared secret can open and seal every datagram, but not change what Noise authenticates: neither
// the suite in use nor, byte by byte, the messages that carry the lists.
TEST_F(HandshakeTest, AManInTheMiddleCanNotSteerTheSuite) {
  const OuterKeys keys = OuterKeys::derive({}, bob.uuid(), alice_credentials.network_hash());
  const auto resealed = [&](const Secret<32>& key, bool indexed, const Bytes& datagram, auto&& change) {
    auto opened = open_datagram(key, indexed, datagram);
    EXPECT_TRUE(opened);
    change(*opened);
    std::optional<std::uint32_t> index;
    if (indexed) index = load_be<std::uint32_t>(BytesView(datagram).first<4>());
    return seal_datagram(key, index, opened->header, opened->piece, random);
  };
  Initiator initiator = dial();
  const auto message1 = drain(initiator);
  for (const std::byte id : all_suites()) {
    if (id == std::byte{1}) continue;
    std::vector<Bytes> changed;
    for (const Bytes& datagram : message1) {
      changed.push_back(resealed(keys.to_responder, false, datagram, [&](OpenedDatagram& opened) {
        opened.header.suite = std::to_integer<std::uint8_t>(id);
      }));
    }
    to_responder(changed, Endpoint::v4(10, 0, 0, 3, 1));
    EXPECT_TRUE(drain(*responder).empty());
  }
  to_responder(message1);
  const auto message2 = drain(*responder);
  const auto flip = [](std::size_t at) { return [at](OpenedDatagram& opened) { opened.piece[at] ^= std::byte{1}; }; };
  // The list is in the second piece of message 2, with all else of the payload.
  const std::size_t size2 = message2[1].size() - kIndexedOverhead;
  for (std::size_t at = size2 - 300; at < size2; ++at) {
    to_initiator(initiator, {message2[0], resealed(keys.to_initiator, true, message2[1], flip(at))});
    ASSERT_EQ(initiator.state(), Initiator::State::waiting) << at;
  }
  to_initiator(initiator, message2);
  ASSERT_EQ(initiator.state(), Initiator::State::confirming);
  const auto message3 = drain(initiator);
  ASSERT_EQ(message3.size(), 1u);
  const std::size_t size3 = message3[0].size() - kIndexedOverhead;
  for (std::size_t at = 0; at < size3; ++at) {
    message3_to_responder({resealed(keys.to_responder, true, message3[0], flip(at))});
    ASSERT_FALSE(responder->poll_established()) << at;
  }
  message3_to_responder(message3);
  EXPECT_TRUE(responder->poll_established());
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
  const StaticKey key = as_mallory.static_key(crypto::DhAlgorithm::x25519, random, kWall);
  NoiseKeys noise_keys;
  noise_keys.static_key = key.pair.clone();
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
    responder->receive_indexed(now, kWall, session_index, Bytes(kHeldPacketSizeMax));
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
  EXPECT_TRUE(responder->cookies_required(now));

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

// Mallory has a network of her own and can prove each of its addresses. She begins handshakes without end.
TEST_F(HandshakeTest, OneWhoProvesHerAddressesKeepsNobodyElseOut) {
  options.reassembly_slots = 64;
  options.half_open_slots = 64;
  SetUp();
  const auto begin = [&](const Endpoint& from, bool whole) {
    Initiator initiator = dial();
    to_responder(drain(initiator), from);
    auto answer = drain(*responder);
    to_initiator(initiator, answer);  // message 2, or cookies
    auto with_cookie = drain(initiator);
    if (!whole && !with_cookie.empty()) with_cookie.pop_back();
    if (initiator.state() == Initiator::State::waiting) to_responder(with_cookie, from);
    to_initiator(initiator, drain(*responder));
    return initiator.state() == Initiator::State::confirming;
  };
  for (const bool whole : {true, false}) {  // half-open ones, or ones that take a slot for reassembly
    SetUp();
    for (int i = 0; i < 1000; ++i, now += 500us) {
      begin(Endpoint::v4(10, 6, 6, static_cast<std::uint8_t>(i), 666), whole);
      ASSERT_LE(responder->half_open(), 64u);
      ASSERT_LE(responder->reassembling(), 64u);
      ASSERT_LE(responder->memory_bytes(), 64 * (kHalfOpenBytesMax + 5 * 1024));
      if (i % 200 != 199) continue;
      EXPECT_TRUE(begin(Endpoint::v4(10, 0, static_cast<std::uint8_t>(i), 1, 1), true)) << i;
    }
    EXPECT_GT(responder->counters().evicted, 30u);
    EXPECT_GT(responder->counters().start_limit, 300u);
    EXPECT_LE(responder->counters().started, kStartsPerSecondMax * 9 / 10 + kStartsShare + 10)
        << "0.4 seconds' worth at once, half a second, her share, and the others";
    responder->on_deadline(now + 11s);
    EXPECT_TRUE(indexes.used.empty()) << "of those that made room, too";
    indexes.used.clear();
    now += 20s;
  }
}

TEST(SuiteTest, TheTable) {
  const Bytes all = all_suites();
  ASSERT_EQ(all.size(), suite_names().size());
  std::set<std::uint8_t> ids;
  std::uint8_t last_rank = 255;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Suite* suite = find_suite(std::to_integer<std::uint8_t>(all[i]));
    ASSERT_NE(suite, nullptr);
    EXPECT_TRUE(ids.insert(suite->id).second);
    EXPECT_LT(suite->rank, last_rank) << "best first, no two alike";
    last_rank = suite->rank;
    EXPECT_EQ(suite->protocol_name, suite_names()[i]);
    EXPECT_EQ(find_suite(suite->protocol_name), suite);
    EXPECT_TRUE(suite->post_quantum());
    // The name says what the algorithms are.
    const auto has = [&](std::string_view part) { return suite->protocol_name.find(part) != std::string_view::npos; };
    const NoiseSuite& a = suite->algorithms;
    EXPECT_EQ(a.dh == crypto::DhAlgorithm::x448, has("_448+MLKEM1024_"));
    EXPECT_EQ(a.dh == crypto::DhAlgorithm::x25519, has("_25519+MLKEM768_"));
    EXPECT_EQ(a.kem == crypto::MlKemParameters::ml_kem_1024, has("+MLKEM1024_"));
    EXPECT_EQ(a.aead == crypto::AeadAlgorithm::aes_256_gcm, has("_AESGCM_"));
    EXPECT_EQ(a.aead == crypto::AeadAlgorithm::chacha20_poly1305, has("_ChaChaPoly_"));
    constexpr std::array kHashes{"_SHA256", "_SHA512", "_BLAKE2s", "_BLAKE2b"};
    EXPECT_TRUE(suite->protocol_name.ends_with(kHashes[static_cast<std::size_t>(a.hash)]));
  }
  EXPECT_EQ(all.front(), std::byte{1});
}

TEST(SuiteTest, NamesBecomeIdsBestFirst) {
  const std::string best = suite_names().front(), worst = suite_names().back();
  const auto both = suites_named({worst, best, worst});
  ASSERT_TRUE(both);
  EXPECT_EQ(*both, (Bytes{all_suites().front(), all_suites().back()}));
  EXPECT_EQ(suites_named(suite_names()), all_suites());
  EXPECT_EQ(suites_named({}).error().code, ErrorCode::invalid_argument);
  for (const std::string& name : {std::string(), best + " ", best.substr(1), std::string("1")}) {
    EXPECT_EQ(suites_named({best, name}).error().code, ErrorCode::invalid_argument) << name;
  }
}

TEST(SuiteTest, ABetterSuiteCountsOnlyIfBothKnowIt) {
  const Bytes all = all_suites();
  EXPECT_FALSE(better_suite_existed(1, all, all));
  EXPECT_TRUE(better_suite_existed(2, all, all));
  EXPECT_TRUE(better_suite_existed(12, Bytes{all[11], all[0]}, Bytes{all[0]}));
  EXPECT_FALSE(better_suite_existed(12, all, Bytes{all[11]}));
  EXPECT_FALSE(better_suite_existed(12, Bytes{all[11]}, all));
  const Bytes unknown{std::byte{200}, std::byte{12}};
  EXPECT_FALSE(better_suite_existed(12, unknown, unknown)) << "who knows what they are worth?";
  EXPECT_TRUE(better_suite_existed(200, unknown, unknown));
}

TEST(CredentialsTest, StaticKeysAreRenewedInTime) {
  crypto::SystemRandom random;
  Credentials credentials{Identity::generate(), "test", nullptr, all_suites(), {}};
  for (const auto dh : {crypto::DhAlgorithm::x25519, crypto::DhAlgorithm::x448}) {
    const auto key = [&](UnixTime at) { return credentials.static_key(dh, random, at).pair.public_key; };
    const Bytes first = key(kWall);
    EXPECT_EQ(first.size(), crypto::dh_size(dh));
    EXPECT_EQ(key(kWall + UnixTime(kStaticKeyLifetime_s - kStaticKeyRenewal_s)), first);
    const Bytes second = key(kWall + UnixTime(kStaticKeyLifetime_s - kStaticKeyRenewal_s + 1));
    EXPECT_NE(second, first);
    EXPECT_NE(key(kWall), second) << "the clock was set back";
  }
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
  EXPECT_FALSE(jar.demand(now, kInitiatorAt, 5, cookie));
  EXPECT_TRUE(jar.demand(now, kInitiatorAt, 6, cookie));
  EXPECT_TRUE(jar.demand(now, kResponderAt, 5, cookie));
  EXPECT_TRUE(jar.demand(now, kInitiatorAt, 5, {}));
  EXPECT_FALSE(jar.demand(now + kCookieSecretLifetime, kInitiatorAt, 5, cookie));
  EXPECT_TRUE(jar.demand(now + 2 * kCookieSecretLifetime, kInitiatorAt, 5, cookie));
}

// The secret is looked at only when somebody needs it; that must not lengthen the life of the one before.
TEST(CookieJarTest, CookiesExpireInTimeHoweverLateTheSecretChanges) {
  crypto::SystemRandom random;
  CookieJar jar(random);
  const TimePoint now{};
  const auto cookie = jar.make(now, kInitiatorAt, 5);
  EXPECT_FALSE(jar.demand(now + 2 * kCookieSecretLifetime - 1s, kInitiatorAt, 5, cookie));
  EXPECT_TRUE(jar.demand(now + 2 * kCookieSecretLifetime + 1s, kInitiatorAt, 5, cookie));
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
