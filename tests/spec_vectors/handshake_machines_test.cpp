// SPDX-License-Identifier: MIT
// Goal: Initiator and Responder send, byte for byte, what the JavaScript reference sent, and take nothing that a
// stranger made or damaged, however many of the secrets he knows. Method: the handshakes of
// docs/spec/vectors/handshake.json with scripted chance; then datagrams that are damaged, resealed with the right keys,
// or written by a hostile peer that runs the Noise handshake itself. After all of them the genuine datagram must still
// be taken.
#include <gtest/gtest.h>

#include <set>

#include "crypto/hash.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"
#include "vectors.hpp"

namespace quantumgate::spec_vectors {
namespace {

using namespace std::chrono_literals;
using handshake::Established;
using handshake::Initiator;
using handshake::NoiseHandshake;
using handshake::NoiseRole;
using handshake::Responder;

const Json& vectors() { return load("handshake.json").at("handshakes"); }

bool from_initiator(const Json& step) { return step.at("from") == "initiator"; }

// The C++ node lists only suites it knows and sends no extensions: only what such a node sent can be compared byte for
// byte.
bool is_plain(const Json& side) {
  return side.at("extensions").empty() && std::ranges::all_of(side.at("suites"), [](const Json& id) {
           return handshake::find_suite(id.get<std::uint8_t>()) != nullptr;
         });
}

// A C++ node in place of the one that played `side`.
Bytes suites_of(const Json& side) {
  Bytes suites;
  for (const std::uint8_t id : side.at("suites")) {
    if (handshake::find_suite(id) != nullptr) suites.push_back(std::byte{id});
  }
  return suites;
}

const handshake::NoiseSuite& algorithms_of(const Json& vector) {
  return handshake::find_suite(vector.at("suite").get<std::uint8_t>())->algorithms;
}

UnixTime clock_of(const Json& side) { return UnixTime(side.at("clock").get<std::int64_t>()); }

// By one of several sockets, so that a mixed up one is noticed.
handshake::Path path_of(const Json& side) { return {endpoint_of(side), 2}; }

handshake::Credentials credentials_of(const Json& vector, const Json& side) {
  const auto secret = secret_of<32>(vector.at("shared_secret"));
  return {Identity::from_seed(secret_of<32>(side.at("seed"))), std::string(vector.at("network_name")), &secret,
          suites_of(side), bytes_of(side.at("stream_parameters"))};
}

handshake::OuterKeys outer_keys_of(const Json& vector) {
  return {secret_of<32>(vector.at("outer_key_1")), secret_of<32>(vector.at("outer_key_2"))};
}

std::vector<const Json*> steps_of(const Json& vector, const std::string& what) {
  std::vector<const Json*> steps;
  for (const Json& step : vector.at("steps")) {
    if (step.at("what") == what) steps.push_back(&step);
  }
  return steps;
}

std::vector<Bytes> datagrams_of(const Json& step) {
  std::vector<Bytes> datagrams;
  for (const Json& hex : step.at("datagrams")) datagrams.push_back(bytes_of(hex));
  return datagrams;
}

template <class Machine>
std::vector<Bytes> sent_by(Machine& machine, const handshake::Path& to) {
  std::vector<Bytes> datagrams;
  while (auto transmit = machine.poll_transmit()) {
    EXPECT_EQ(transmit->path, to);
    datagrams.push_back(std::move(transmit->datagram));
  }
  return datagrams;
}

void expect_session(const Established& session, const Json& vector, NoiseRole role) {
  const bool initiated = role == NoiseRole::initiator;
  const Json& own = vector.at(initiated ? "initiator" : "responder");
  const Json& peer = vector.at(initiated ? "responder" : "initiator");
  EXPECT_EQ(session.role, role);
  EXPECT_EQ(session.suite->id, vector.at("suite"));
  EXPECT_EQ(hex_of(session.handshake_hash), vector.at("handshake_hash"));
  EXPECT_EQ(hex_of(session.peer.uuid.bytes), peer.at("uuid"));
  EXPECT_EQ(hex_of(session.peer.identity_key), peer.at("identity_key"));
  EXPECT_EQ(session.local_index, index_of(own.at("session_index")));
  EXPECT_EQ(session.remote_index, index_of(peer.at("session_index")));
  EXPECT_EQ(session.path, path_of(peer));
  EXPECT_EQ(session.peer_static_key, key_pair_of(peer.at("static_private")).public_key);
  EXPECT_EQ(session.observed, endpoint_of(own));
  EXPECT_EQ(hex_of(session.stream_parameters), peer.at("stream_parameters"));
  const auto expect_keys = [&](const Secret<32>& secret, const Json& keys) {
    for (const auto& [name, size] : {std::pair("key", 32), std::pair("iv", 12), std::pair("mask", 32)}) {
      Bytes out(static_cast<std::size_t>(size));
      crypto::hkdf_expand(session.suite->algorithms.hash, secret.view(), as_bytes("qg " + std::string(name)), out);
      EXPECT_EQ(hex_of(out), keys.at(name));
    }
  };
  expect_keys(session.secrets.sending, vector.at(initiated ? "initiator_to_responder" : "responder_to_initiator"));
  expect_keys(session.secrets.receiving, vector.at(initiated ? "responder_to_initiator" : "initiator_to_responder"));
}

// ---- both roles as the reference played them ----

TEST(HandshakeMachines, InitiatorSendsWhatTheReferenceSent) {
  std::size_t whole = 0;
  for (const Json& vector : vectors()) {
    const Json& own = vector.at("initiator");
    if (!is_plain(own)) continue;
    SCOPED_TRACE(vector.at("name").get<std::string>());
    ScriptedRandom random;
    random.will_draw(own.at("static_private"));
    random.will_draw(own.at("ephemeral_private"));
    random.will_draw(own.at("kem_seed"));
    std::set<std::string> ids;
    for (const Json& step : vector.at("steps")) {
      if (!from_initiator(step)) continue;
      if (ids.insert(step.at("message_id")).second) random.will_draw_u32(index_of(step.at("message_id")));
      for (const Json& salt : step.at("salts")) random.will_draw(salt);
    }

    auto credentials = credentials_of(vector, own);
    const handshake::Path responder = path_of(vector.at("responder"));
    TimePoint now{};
    UnixTime wall = clock_of(own);
    Initiator initiator(credentials, {uuid_of(vector.at("responder").at("uuid")), {responder}, 10s}, vector.at("suite"),
                        index_of(own.at("handshake_index")), index_of(own.at("session_index")), random, now, wall);
    std::vector<Bytes> sent = sent_by(initiator, responder);
    for (const Json& step : vector.at("steps")) {
      if (from_initiator(step)) {
        if (sent.empty()) {  // the reference sent a message again, a second later
          now = *initiator.deadline();
          initiator.on_deadline(now, wall + 1s);
          sent = sent_by(initiator, responder);
        }
        EXPECT_EQ(sent, datagrams_of(step)) << step.at("what");
        sent.clear();
      } else {
        for (const Bytes& datagram : datagrams_of(step)) EXPECT_TRUE(initiator.receive(now, wall, responder, datagram));
        sent = sent_by(initiator, responder);
      }
    }
    EXPECT_EQ(random.left(), 0u);
    EXPECT_EQ(initiator.state(), Initiator::State::confirming);
    const auto session = initiator.take_established();
    ASSERT_TRUE(session);
    expect_session(*session, vector, NoiseRole::initiator);
    ++whole;
  }
  EXPECT_GE(whole, 5u);
}

// Gives out the indexes of a vector: first the handshake's, then the session's.
class ScriptedIndexes final : public handshake::IndexAllocator {
 public:
  explicit ScriptedIndexes(const Json& side)
      : next_{index_of(side.at("handshake_index")), index_of(side.at("session_index"))} {}
  std::uint32_t allocate() override {
    if (next_.empty()) return ++spare_;
    const std::uint32_t index = next_.front();
    next_.pop_front();
    return index;
  }
  void release(std::uint32_t) override {}

 private:
  std::deque<std::uint32_t> next_;
  std::uint32_t spare_ = 0;
};

// A responder about to play the part of a vector.
struct ScriptedResponder {
  explicit ScriptedResponder(const Json& v, Responder::Options options = {})
      : vector(v),
        own(v.at("responder")),
        credentials(credentials_of(v, own)),
        indexes(own),
        initiator(path_of(v.at("initiator"))),
        wall(clock_of(own)) {
    random.will_draw(Bytes(8, std::byte{7}));  // key of the salt filter
    responder.emplace(credentials, options, indexes, random);
  }
  void will_send_cookie() {
    random.will_draw(Bytes(32));  // the cookie secret before
    random.will_draw(vector.at("cookie").at("secret"));
    Bytes salts = bytes_of(steps_of(vector, "cookie").at(0)->at("salts").at(0));
    salts.resize(768);  // those of cookies are drawn 32 at a time
    random.will_draw(std::move(salts));
  }
  void will_send_message2() {
    random.will_draw(own.at("static_private"));
    random.will_draw(own.at("ephemeral_private"));
    random.will_draw(own.at("kem_m"));
    const Json& step = *steps_of(vector, "message 2").at(0);
    random.will_draw_u32(index_of(step.at("message_id")));
    for (const Json& salt : step.at("salts")) random.will_draw(salt);
  }
  std::vector<Bytes> receive_first(BytesView datagram) {
    responder->receive_first(now, wall, initiator, datagram);
    return sent_by(*responder, initiator);
  }
  std::vector<Bytes> receive_message3(BytesView datagram) {
    responder->receive_indexed(now, wall, index_of(own.at("handshake_index")), datagram);
    return sent_by(*responder, initiator);
  }
  // Through messages 1 and 2.
  void open_half() {
    will_send_message2();
    std::vector<Bytes> sent;
    for (const Bytes& datagram : datagrams_of(*steps_of(vector, "message 1").at(0))) sent = receive_first(datagram);
    ASSERT_EQ(sent, datagrams_of(*steps_of(vector, "message 2").at(0)));
    ASSERT_EQ(responder->half_open(), 1u);
  }

  const Json& vector;
  const Json& own;
  handshake::Credentials credentials;
  ScriptedIndexes indexes;
  ScriptedRandom random;
  handshake::Path initiator;
  TimePoint now{};
  UnixTime wall;
  std::optional<Responder> responder;
};

TEST(HandshakeMachines, ResponderAnswersWhatTheReferenceAnswered) {
  std::size_t whole = 0;
  for (const Json& vector : vectors()) {
    if (!is_plain(vector.at("responder"))) continue;
    SCOPED_TRACE(vector.at("name").get<std::string>());
    ScriptedResponder r(vector);
    if (vector.contains("cookie")) r.will_send_cookie();
    r.will_send_message2();
    std::vector<Bytes> sent;
    bool cookie_is_next = vector.contains("cookie");
    for (const Json& step : vector.at("steps")) {
      if (!from_initiator(step)) {
        EXPECT_EQ(sent, datagrams_of(step)) << step.at("what");
        sent.clear();
        continue;
      }
      for (const Bytes& datagram : datagrams_of(step)) {
        auto more = step.at("what") == "message 3" ? r.receive_message3(datagram) : r.receive_first(datagram);
        sent.insert(sent.end(), more.begin(), more.end());
        // Each piece with a wrong time would bring a cookie; the reference sent one, for the first.
        if (std::exchange(cookie_is_next, false)) break;
      }
    }
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(r.random.left(), 0u);
    const auto session = r.responder->poll_established();
    ASSERT_TRUE(session);
    expect_session(*session, vector, NoiseRole::responder);
    EXPECT_FALSE(r.responder->poll_established());
    ++whole;
  }
  EXPECT_GE(whole, 4u);
}

// ---- hostile input ----

// `datagram` with another header or piece, sealed again with the right key.
Bytes resealed(const Secret<32>& key, bool indexed, BytesView datagram,
               const std::function<void(wire::SealedHeader&, Bytes&)>& change) {
  auto opened = handshake::open_datagram(key, indexed, datagram);
  EXPECT_TRUE(opened);
  change(opened->header, opened->piece);
  static CountingRandom random;
  std::optional<std::uint32_t> index;
  if (indexed) index = index_of(Json(hex_of(datagram.first(4))));
  return handshake::seal_datagram(key, index, opened->header, opened->piece, random);
}

// A peer that knows everything and keeps no rule: the vector's own Noise handshake with payloads as the test wants
// them.
class Rogue {
 public:
  Rogue(const Json& vector, NoiseRole role) : vector_(vector), initiates_(role == NoiseRole::initiator) {
    const Json& side = vector.at(initiates_ ? "initiator" : "responder");
    random_.will_draw(side.at("ephemeral_private"));
    random_.will_draw(side.at(initiates_ ? "kem_seed" : "kem_m"));
    handshake::NoiseKeys keys;
    keys.static_key = key_pair_of(side.at("static_private"));
    keys.psks.push_back(secret_of<32>(vector.at("shared_secret")));
    const handshake::Suite* suite = handshake::find_suite(vector.at("suite"));
    auto noise = NoiseHandshake::create(suite->pattern, suite->protocol_name, suite->algorithms, role,
                                        bytes_of(vector.at("prologue")), std::move(keys), random_);
    if (!noise) throw std::runtime_error("NoiseHandshake::create failed");
    noise_.emplace(std::move(*noise));
  }
  NoiseHandshake& noise() { return *noise_; }

  // The datagrams of message `number` with `payload`.
  std::vector<Bytes> seal(int number, BytesView payload) {
    const Bytes message = noise_->write_message(payload);
    wire::SealedHeader header;
    header.type = static_cast<wire::SealedType>(number);
    header.suite = vector_.at("suite");
    header.time = static_cast<std::uint32_t>(vector_.at("responder").at("clock").get<std::int64_t>());
    header.sender_index = index_of(vector_.at(initiates_ ? "initiator" : "responder").at("handshake_index"));
    header.message_id = ++message_id_;
    std::optional<std::uint32_t> index;
    if (number != 1) index = index_of(vector_.at(initiates_ ? "responder" : "initiator").at("handshake_index"));
    const auto keys = outer_keys_of(vector_);
    return handshake::seal_message(initiates_ ? keys.to_responder : keys.to_initiator, index, header, message, chance_);
  }

 private:
  const Json& vector_;
  bool initiates_;
  ScriptedRandom random_;
  static inline CountingRandom chance_;
  static inline std::uint32_t message_id_ = 1000;
  std::optional<NoiseHandshake> noise_;
};

struct BadIntroduction {
  const char* what;
  Bytes bytes;
};

// Introductions that a peer must refuse from whoever sits at `side` of the vector: true signatures where the rule is
// another one. `impostor`: an identity that must not be there.
std::vector<BadIntroduction> bad_introductions(const Json& vector, const char* side, const char* seen,
                                               const char* impostor) {
  const auto made = [&](const char* who, std::int64_t made_at) {
    auto credentials = credentials_of(vector, vector.at(who));
    ScriptedRandom random;
    random.will_draw(vector.at(side).at("static_private"));
    const auto key = credentials.static_key(algorithms_of(vector).dh, random, UnixTime(made_at));
    return credentials.introduce(key, endpoint_of(vector.at(seen)));
  };
  const auto clock = vector.at(side).at("clock").get<std::int64_t>();
  const auto good = made(side, clock);
  std::vector<BadIntroduction> bad;
  const auto changed = [&](const char* what, const std::function<void(wire::Introduction&)>& change) {
    auto introduction = good;
    change(introduction);
    bad.push_back({what, wire::encode(introduction)});
  };
  changed("unknown algorithm", [](auto& i) { i.algorithm = 2; });
  changed("another identity key", [](auto& i) { i.identity_key[3] ^= std::byte{4}; });
  changed("another signature", [](auto& i) { i.signature[60] ^= std::byte{1}; });
  changed("a later expiry than was signed", [](auto& i) { ++i.expiry; });
  if (vector.at("suite") != 1 && std::string(side) == "initiator") {
    changed("a better suite, which the responder has, too", [](auto& i) { i.suites.bytes.push_back(std::byte{1}); });
  }
  changed("no suites", [](auto& i) { i.suites.bytes.clear(); });
  changed("33 suites", [](auto& i) { i.suites.bytes.assign(33, std::byte{1}); });
  changed("129 bytes of stream parameters", [](auto& i) { i.stream_parameters.bytes.resize(129); });
  bad.push_back({"expired", wire::encode(made(side, clock - 30 * 86'400 - 121))});
  bad.push_back({"expires more than 31 days ahead", wire::encode(made(side, clock + 86'401))});
  bad.push_back({"somebody else", wire::encode(made(impostor, clock))});
  const Bytes encoded = wire::encode(good);
  const auto critical = {std::byte{0x80}, std::byte{0}, std::byte{0}};
  const auto broken = {std::byte{0x01}, std::byte{0}, std::byte{9}};
  bad.push_back({"an extension that must be understood", joined({encoded, Bytes(critical)})});
  bad.push_back({"an extension beyond the end", joined({encoded, Bytes(broken)})});
  bad.push_back({"cut", Bytes(encoded.begin(), encoded.end() - 1)});
  bad.push_back({"empty", {}});
  return bad;
}

// With every kind of key: a vector of suite 1, then one with X448, ML-KEM-1024 and the other cipher.
class HostileInput : public testing::TestWithParam<std::uint8_t> {
 protected:
  const Json& vector_ = *std::ranges::find_if(vectors(), [](const Json& v) {
    return v.at("suite") == GetParam() && v.at("shared_secret") != vectors().at(0).at("shared_secret");
  });
};
INSTANTIATE_TEST_SUITE_P(Suites, HostileInput, testing::Values(1, 12));

TEST_P(HostileInput, ResponderTakesNoDamagedOrFalseMessage1) {
  const Json& vector = vector_;
  ScriptedResponder r(vector);
  const auto keys = outer_keys_of(vector);
  const auto good = datagrams_of(*steps_of(vector, "message 1").at(0));
  const auto expect_ignored = [&](BytesView datagram, const std::string& what) {
    EXPECT_TRUE(r.receive_first(datagram).empty()) << what;
    EXPECT_EQ(r.responder->reassembling(), 0u) << what;
    EXPECT_EQ(r.responder->half_open(), 0u) << what;
  };
  for (std::size_t bit = 0; bit < 8 * good[0].size(); bit += 5) {
    expect_ignored(with_bit_flipped(good[0], bit), "bit " + std::to_string(bit));
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{23}, std::size_t{24},
                                 std::size_t{72}, good[0].size() - 1}) {
    expect_ignored(BytesView(good[0]).first(size), "cut");
  }
  expect_ignored(joined({good[0], Bytes(1)}), "extended");
  expect_ignored(datagrams_of(*steps_of(vectors().at(0), "message 1").at(0))[0], "another network");
  expect_ignored(datagrams_of(*steps_of(vector, "message 2").at(0))[0], "message 2");

  const auto with_header = [&](const std::function<void(wire::SealedHeader&)>& change) {
    return resealed(keys.to_responder, false, good[0], [&](auto& header, Bytes&) { change(header); });
  };
  for (const int type : {0, 2, 3, 4, 5, 255}) {
    expect_ignored(with_header([&](auto& h) { h.type = static_cast<wire::SealedType>(type); }), "type");
  }
  for (const int suite : {0, 2, 255}) {
    expect_ignored(with_header([&](auto& h) { h.suite = static_cast<std::uint8_t>(suite); }), "suite");
  }
  for (const int pieces : {0, 1, 3, 4, 255}) {
    expect_ignored(with_header([&](auto& h) { h.pieces = static_cast<std::uint8_t>(pieces); }), "pieces");
  }
  for (const int piece : {2, 3, 255}) {
    expect_ignored(with_header([&](auto& h) { h.piece = static_cast<std::uint8_t>(piece); }), "piece");
  }
  expect_ignored(with_header([](auto& h) { h.sender_index = 0; }), "sender index 0");
  EXPECT_EQ(r.responder->counters().started, 0u);

  // Whole messages that fail only when read.
  r.random.will_draw(r.own.at("static_private"));
  const auto expect_refused = [&](const std::vector<Bytes>& datagrams, const std::string& what) {
    for (const Bytes& datagram : datagrams) EXPECT_TRUE(r.receive_first(datagram).empty()) << what;
    EXPECT_EQ(r.responder->reassembling(), 0u) << what;
    EXPECT_EQ(r.responder->half_open(), 0u) << what;
  };
  std::vector<Bytes> swapped;
  for (const Bytes& datagram : good) {
    swapped.push_back(resealed(keys.to_responder, false, datagram, [](auto& h, Bytes&) { h.piece ^= 1; }));
  }
  expect_refused(swapped, "pieces exchanged");
  std::vector<Bytes> other_index;
  for (const Bytes& datagram : good) {
    other_index.push_back(resealed(keys.to_responder, false, datagram, [](auto& h, Bytes&) { ++h.sender_index; }));
  }
  expect_refused(other_index, "another sender index than in the payload");
  std::vector<Bytes> damaged = {
      resealed(keys.to_responder, false, good[0], [](auto&, Bytes& piece) { piece[40] ^= std::byte{1}; }), good[1]};
  damaged[1] = resealed(keys.to_responder, false, good[1], [](auto&, Bytes&) {});
  expect_refused(damaged, "damaged inside");
  const Bytes payload1 = bytes_of(vector.at("payload_1"));
  for (const auto& [what, at, value] : {std::tuple("version", 0, 2), std::tuple("version 0", 0, 0)}) {
    Bytes payload = payload1;
    payload[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
    expect_refused(Rogue(vector, NoiseRole::initiator).seal(1, payload), what);
  }
  Bytes no_session_index = payload1;
  std::fill_n(no_session_index.begin() + 1, 4, std::byte{0});
  expect_refused(Rogue(vector, NoiseRole::initiator).seal(1, no_session_index), "session index 0");
  Json other_prologue = vector;
  other_prologue["prologue"] = vectors().at(0).at("prologue");
  expect_refused(Rogue(other_prologue, NoiseRole::initiator).seal(1, payload1), "another prologue");
  Json other_psk = vector;
  other_psk["shared_secret"] = vectors().at(0).at("shared_secret");
  expect_refused(Rogue(other_psk, NoiseRole::initiator).seal(1, payload1), "another psk");
  EXPECT_EQ(r.responder->counters().started, 0u);

  // And still the genuine one is answered; once, however often it is replayed.
  ASSERT_EQ(r.random.left(), 0u);
  r.will_send_message2();
  // The static key exists by now, so its draw is taken out of the script.
  Bytes drawn(crypto::dh_size(algorithms_of(vector).dh));
  r.random.fill(drawn);
  EXPECT_TRUE(r.receive_first(good[0]).empty());
  EXPECT_EQ(r.receive_first(good[1]), datagrams_of(*steps_of(vector, "message 2").at(0)));
  r.now += 5s;
  EXPECT_TRUE(r.receive_first(good[0]).empty()) << "replayed";
  EXPECT_TRUE(r.receive_first(good[1]).empty()) << "replayed";
  EXPECT_EQ(r.responder->counters().replayed, 2u);
}

TEST(HandshakeMachines, ResponderAnswersAWrongClockWithACookieOrNotAtAll) {
  const Json& vector = vectors().at(2);
  const auto keys = outer_keys_of(vector);
  const auto good = datagrams_of(*steps_of(vector, "message 1").at(1));  // with the cookie and the responder's time
  const auto clock = vector.at("responder").at("clock").get<std::int64_t>();
  for (const bool hidden : {false, true}) {
    Responder::Options options;
    options.hidden = hidden;
    for (const std::int64_t away : {-86'400, -121, 121, 86'400, 1 << 30}) {
      ScriptedResponder r(vector, options);
      if (!hidden) r.will_send_cookie();
      const Bytes datagram = resealed(keys.to_responder, false, good[0], [&](auto& header, Bytes&) {
        header.time = static_cast<std::uint32_t>(clock + away);
      });
      const auto sent = r.receive_first(datagram);
      EXPECT_EQ(sent.size(), hidden ? 0u : 1u) << away;
      if (!hidden) {
        EXPECT_EQ(hex_of(sent.at(0)), steps_of(vector, "cookie").at(0)->at("datagrams").at(0)) << away;
      }
      EXPECT_EQ(r.responder->reassembling(), 0u);
    }
    for (const std::int64_t away : {-120, 0, 120}) {
      ScriptedResponder r(vector, options);
      const Bytes datagram = resealed(keys.to_responder, false, good[0], [&](auto& header, Bytes&) {
        header.time = static_cast<std::uint32_t>(clock + away);
      });
      EXPECT_TRUE(r.receive_first(datagram).empty());
      EXPECT_EQ(r.responder->reassembling(), 1u) << away;
    }
  }
}

TEST_P(HostileInput, ResponderTakesNoDamagedOrFalseMessage3) {
  const Json& vector = vector_;
  ScriptedResponder r(vector);
  r.open_half();
  const auto keys = outer_keys_of(vector);
  const Bytes good = datagrams_of(*steps_of(vector, "message 3").at(0)).at(0);
  const auto expect_refused = [&](BytesView datagram, const std::string& what) {
    EXPECT_TRUE(r.receive_message3(datagram).empty()) << what;
    EXPECT_FALSE(r.responder->poll_established()) << what;
    EXPECT_EQ(r.responder->half_open(), 1u) << what;
  };
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    expect_refused(with_bit_flipped(good, bit), "bit " + std::to_string(bit));
  }
  for (std::size_t size = 0; size < good.size(); size += 3) expect_refused(BytesView(good).first(size), "cut");
  expect_refused(joined({good, Bytes(1)}), "extended");
  expect_refused(datagrams_of(*steps_of(vector, "message 2").at(0))[0], "our own message 2");
  const auto with_header = [&](const std::function<void(wire::SealedHeader&)>& change) {
    return resealed(keys.to_responder, true, good, [&](auto& header, Bytes&) { change(header); });
  };
  for (const int type : {0, 1, 2, 4, 255}) {
    expect_refused(with_header([&](auto& h) { h.type = static_cast<wire::SealedType>(type); }), "type");
  }
  expect_refused(with_header([](auto& h) { h.suite = 2; }), "suite");
  expect_refused(with_header([](auto& h) { ++h.sender_index; }), "sender index");
  expect_refused(with_header([](auto& h) { h.pieces = 0; }), "no pieces");
  expect_refused(with_header([](auto& h) { h.pieces = 2; }), "two pieces");
  expect_refused(with_header([](auto& h) { h.pieces = 5; }), "five pieces");
  expect_refused(with_header([](auto& h) { h.piece = 1; }), "piece 1 of 1");
  for (std::size_t at = 0; at < good.size() - handshake::kIndexedOverhead; ++at) {
    expect_refused(resealed(keys.to_responder, true, good, [&](auto&, Bytes& piece) { piece.at(at) ^= std::byte{1}; }),
                   "damaged inside");
  }
  for (const auto& [what, payload] : bad_introductions(vector, "initiator", "responder", "responder")) {
    Rogue rogue(vector, NoiseRole::initiator);
    rogue.noise().write_message(bytes_of(vector.at("payload_1")));
    ASSERT_TRUE(rogue.noise().read_message(bytes_of(vector.at("message_2"))));
    for (const Bytes& datagram : rogue.seal(3, payload)) expect_refused(datagram, what);
  }
  EXPECT_TRUE(r.receive_message3(good).empty());
  const auto session = r.responder->poll_established();
  ASSERT_TRUE(session);
  expect_session(*session, vector, NoiseRole::responder);
}

TEST_P(HostileInput, InitiatorTakesNoDamagedOrFalseMessage2) {
  const Json& vector = vector_;
  const Json& own = vector.at("initiator");
  const auto keys = outer_keys_of(vector);
  ScriptedRandom random;
  random.will_draw(own.at("static_private"));
  random.will_draw(own.at("ephemeral_private"));
  random.will_draw(own.at("kem_seed"));
  for (const char* what : {"message 1", "message 3"}) {
    const Json& step = *steps_of(vector, what).at(0);
    random.will_draw_u32(index_of(step.at("message_id")));
    for (const Json& salt : step.at("salts")) random.will_draw(salt);
  }
  auto credentials = credentials_of(vector, own);
  const handshake::Path responder = path_of(vector.at("responder"));
  const TimePoint now{};
  const UnixTime wall = clock_of(own);
  Initiator initiator(credentials, {uuid_of(vector.at("responder").at("uuid")), {responder}, 10s}, vector.at("suite"),
                      index_of(own.at("handshake_index")), index_of(own.at("session_index")), random, now, wall);
  EXPECT_EQ(sent_by(initiator, responder), datagrams_of(*steps_of(vector, "message 1").at(0)));
  const auto good = datagrams_of(*steps_of(vector, "message 2").at(0));

  const auto expect_refused = [&](const std::vector<Bytes>& datagrams, const std::string& what) {
    for (const Bytes& datagram : datagrams) initiator.receive(now, wall, responder, datagram);
    EXPECT_TRUE(sent_by(initiator, responder).empty()) << what;
    EXPECT_EQ(initiator.state(), Initiator::State::waiting) << what;
  };
  for (std::size_t bit = 0; bit < 8 * good[0].size(); bit += 3) {
    expect_refused({with_bit_flipped(good[0], bit), good[1]}, "bit " + std::to_string(bit));
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{4}, std::size_t{28}, std::size_t{75}, std::size_t{76}, good[0].size() - 1}) {
    expect_refused({Bytes(good[0].begin(), good[0].begin() + static_cast<std::ptrdiff_t>(size)), good[1]}, "cut");
  }
  expect_refused({joined({good[0], Bytes(1)}), good[1]}, "extended");
  expect_refused(datagrams_of(*steps_of(vector, "message 1").at(0)), "our own message 1");
  const auto with = [&](const std::function<void(wire::SealedHeader&, Bytes&)>& change) {
    std::vector<Bytes> datagrams;
    for (const Bytes& datagram : good) datagrams.push_back(resealed(keys.to_initiator, true, datagram, change));
    return datagrams;
  };
  for (const int type : {0, 1, 3, 255}) {
    expect_refused(with([&](auto& h, Bytes&) { h.type = static_cast<wire::SealedType>(type); }), "type");
  }
  expect_refused(with([](auto& h, Bytes&) { h.suite = 2; }), "suite");
  expect_refused(with([](auto& h, Bytes&) { ++h.sender_index; }), "another sender index than in the payload");
  expect_refused(with([](auto& h, Bytes&) { h.sender_index = 0; }), "sender index 0");
  expect_refused(with([](auto& h, Bytes&) { h.piece ^= 1; }), "pieces exchanged");
  expect_refused(with([](auto& h, Bytes&) { h.pieces = 3; }), "three pieces");
  expect_refused(with([](auto& h, Bytes&) { h.pieces = 0; }), "no pieces");
  expect_refused(with([](auto& h, Bytes&) { h.pieces = 200; }), "200 pieces");
  expect_refused(with([](auto& h, Bytes&) { h.piece += 2; }), "piece beyond pieces");
  expect_refused(with([](auto&, Bytes& piece) { piece[5] ^= std::byte{1}; }), "damaged inside");
  expect_refused(with([](auto&, Bytes& piece) { piece.clear(); }), "empty pieces");
  expect_refused(with([](auto& h, Bytes&) {
                   h.type = wire::SealedType::cookie;
                   h.message_id ^= 1;
                 }),
                 "cookie for another message");

  const Bytes payload2 = bytes_of(vector.at("payload_2"));
  const BytesView indexes = BytesView(payload2).first(8);
  const auto rogue_sends = [&](BytesView payload) {
    Rogue rogue(vector, NoiseRole::responder);
    EXPECT_TRUE(rogue.noise().read_message(bytes_of(vector.at("message_1"))));
    return rogue.seal(2, payload);
  };
  for (const auto& [what, introduction] : bad_introductions(vector, "responder", "initiator", "initiator")) {
    expect_refused(rogue_sends(joined({indexes, introduction})), what);
  }
  expect_refused(rogue_sends(joined({Bytes(4), BytesView(payload2).subspan(4)})), "session index 0");
  expect_refused(rogue_sends(joined({indexes.first(4), Bytes(4), BytesView(payload2).subspan(8)})),
                 "handshake index 0");

  for (const Bytes& datagram : good) EXPECT_TRUE(initiator.receive(now, wall, responder, datagram));
  EXPECT_EQ(sent_by(initiator, responder), datagrams_of(*steps_of(vector, "message 3").at(0)));
  EXPECT_EQ(random.left(), 0u);
  const auto session = initiator.take_established();
  ASSERT_TRUE(session);
  expect_session(*session, vector, NoiseRole::initiator);
}

// Whoever has an old static key of the responder, UUID and shared secret could else shift the initiator's clock back to
// when that key was in force.
TEST(HandshakeMachines, ACookieDoesNotReviveAnExpiredStaticKey) {
  const Json& vector = vectors().at(0);
  const Json& own = vector.at("initiator");
  auto credentials = credentials_of(vector, own);
  const handshake::Path responder = path_of(vector.at("responder"));
  const UnixTime wall = clock_of(own);
  ScriptedRandom random;
  random.will_draw(own.at("static_private"));
  random.will_draw(own.at("ephemeral_private"));
  random.will_draw(own.at("kem_seed"));
  const std::uint32_t message_id = index_of(steps_of(vector, "message 1").at(0)->at("message_id"));
  random.will_draw_u32(message_id);
  for (int i = 0; i < 4; ++i) random.will_draw(Bytes(24, std::byte(i)));  // message 1 twice
  Initiator initiator(credentials, {uuid_of(vector.at("responder").at("uuid")), {responder}, 10s}, vector.at("suite"),
                      index_of(own.at("handshake_index")), index_of(own.at("session_index")), random, {}, wall);
  EXPECT_EQ(sent_by(initiator, responder).size(), 2u);

  const std::int64_t long_ago = wall.count() - 40 * 86'400;
  wire::SealedHeader header;
  header.type = wire::SealedType::cookie;
  header.suite = 1;
  header.time = static_cast<std::uint32_t>(long_ago);
  header.message_id = message_id;
  CountingRandom chance;
  const auto keys = outer_keys_of(vector);
  const Bytes cookie =
      handshake::seal_datagram(keys.to_initiator, index_of(own.at("handshake_index")), header, {}, chance);
  EXPECT_TRUE(initiator.receive({}, wall, responder, cookie));
  EXPECT_EQ(sent_by(initiator, responder).size(), 2u);

  auto responders = credentials_of(vector, vector.at("responder"));
  ScriptedRandom static_key;
  static_key.will_draw(vector.at("responder").at("static_private"));
  const auto introduction = responders.introduce(
      responders.static_key(algorithms_of(vector).dh, static_key, UnixTime(long_ago)), endpoint_of(own));
  Rogue rogue(vector, NoiseRole::responder);
  ASSERT_TRUE(rogue.noise().read_message(bytes_of(vector.at("message_1"))));
  const Bytes indexes = bytes_of(Json(std::string(vector.at("payload_2")).substr(0, 16)));
  for (const Bytes& datagram : rogue.seal(2, joined({indexes, wire::encode(introduction)}))) {
    initiator.receive({}, wall, responder, datagram);
  }
  EXPECT_EQ(initiator.state(), Initiator::State::waiting);
  EXPECT_FALSE(initiator.take_established());
}

}  // namespace
}  // namespace quantumgate::spec_vectors
