// SPDX-License-Identifier: MIT
// Goal: datagrams, payloads, Noise messages and cookies are those of docs/spec/02-handshake.md.
// Method: docs/spec/vectors/handshake.json, made by the JavaScript reference, made and read by the C++ functions; each
// datagram also damaged at every bit, cut, extended and opened for another purpose.
#include <gtest/gtest.h>

#include <set>

#include "handshake/cookie_jar.hpp"
#include "handshake/credentials.hpp"
#include "handshake/sealed_datagram.hpp"
#include "handshake/suite.hpp"
#include "vectors.hpp"

namespace quantumgate::spec_vectors {
namespace {

using handshake::NoiseHandshake;
using handshake::NoiseRole;
using handshake::OuterKeys;

const Json& vectors() { return load("handshake.json").at("handshakes"); }

OuterKeys outer_keys_of(const Json& vector) {
  return OuterKeys::derive(secret_of<32>(vector.at("shared_secret")), uuid_of(vector.at("responder").at("uuid")),
                           array_of<32>(vector.at("network_hash")));
}

bool from_initiator(const Json& step) { return step.at("from") == "initiator"; }

std::optional<std::uint32_t> index_in(const Json& step) {
  if (!step.contains("index")) return std::nullopt;
  return index_of(step.at("index"));
}

wire::SealedType type_of(const Json& step) {
  if (step.at("what") == "cookie") return wire::SealedType::cookie;
  return static_cast<wire::SealedType>(std::string(step.at("what")).back() - '0');
}

Bytes message_of(const Json& vector, const Json& step) {
  if (step.at("what") == "cookie") return {};
  return bytes_of(vector.at("message_" + std::string(1, std::string(step.at("what")).back())));
}

TEST(HandshakeVectors, TheTableOfSuites) {
  const Json& suites = load("handshake.json").at("suites");
  Bytes ids;
  for (const Json& vector : suites) {
    const handshake::Suite* suite = handshake::find_suite(vector.at("id").get<std::uint8_t>());
    ASSERT_NE(suite, nullptr);
    EXPECT_EQ(suite->rank, vector.at("rank"));
    EXPECT_EQ(suite->protocol_name, vector.at("protocol_name").get<std::string>());
    ids.push_back(std::byte{suite->id});
  }
  EXPECT_EQ(handshake::all_suites(), ids);
}

TEST(HandshakeVectors, TheSameSuitesAreCalledWorseThanNeedBe) {
  std::size_t dropped = 0;
  for (const Json& vector : load("handshake.json").at("suite_choices")) {
    const auto list = [&](const char* field) {
      Bytes ids;
      for (const std::uint8_t id : vector.at(field)) ids.push_back(std::byte{id});
      return ids;
    };
    const bool better = handshake::better_suite_existed(vector.at("in_use"), list("ours"), list("theirs"));
    EXPECT_EQ(better, vector.at("dropped")) << vector;
    dropped += better ? 1 : 0;
  }
  EXPECT_GE(dropped, 20u);
}

TEST(HandshakeVectors, OuterKeys) {
  for (const Json& vector : vectors()) {
    const OuterKeys keys = outer_keys_of(vector);
    EXPECT_EQ(hex_of(keys.to_responder.view()), vector.at("outer_key_1"));
    EXPECT_EQ(hex_of(keys.to_initiator.view()), vector.at("outer_key_2"));
  }
}

TEST(HandshakeVectors, DatagramsAreSealedAlike) {
  for (const Json& vector : vectors()) {
    const OuterKeys keys = outer_keys_of(vector);
    for (const Json& step : vector.at("steps")) {
      wire::SealedHeader header;
      header.type = type_of(step);
      header.suite = vector.at("suite");
      header.time = static_cast<std::uint32_t>(step.at("time").get<std::uint64_t>());
      header.message_id = index_of(step.at("message_id"));
      if (step.contains("cookie")) header.cookie = array_of<16>(step.at("cookie"));
      if (header.type != wire::SealedType::cookie) {
        header.sender_index = index_of(vector.at(std::string(step.at("from"))).at("handshake_index"));
      }
      ScriptedRandom random;
      for (const Json& salt : step.at("salts")) random.will_draw(salt);
      const auto& key = from_initiator(step) ? keys.to_responder : keys.to_initiator;
      std::vector<Bytes> datagrams;
      if (header.type == wire::SealedType::cookie) {
        datagrams.push_back(handshake::seal_datagram(key, index_in(step), header, {}, random));
      } else {
        datagrams = handshake::seal_message(key, index_in(step), header, message_of(vector, step), random);
      }
      ASSERT_EQ(datagrams.size(), step.at("datagrams").size()) << step.at("what");
      for (std::size_t i = 0; i < datagrams.size(); ++i) {
        EXPECT_EQ(hex_of(datagrams[i]), step.at("datagrams").at(i)) << vector.at("name") << ": " << step.at("what");
      }
    }
  }
}

TEST(HandshakeVectors, DatagramsAreOpenedAndJoined) {
  for (const Json& vector : vectors()) {
    const OuterKeys keys = outer_keys_of(vector);
    for (const Json& step : vector.at("steps")) {
      const auto& key = from_initiator(step) ? keys.to_responder : keys.to_initiator;
      handshake::PieceCollector collector(index_of(step.at("message_id")), step.at("datagrams").size());
      const Json& datagrams = step.at("datagrams");
      for (std::size_t i = datagrams.size(); i-- > 0;) {  // the last piece arrives first
        const auto opened = handshake::open_datagram(key, step.contains("index"), bytes_of(datagrams.at(i)));
        ASSERT_TRUE(opened) << step.at("what");
        EXPECT_EQ(opened->header.piece, i);
        EXPECT_EQ(opened->header.pieces, datagrams.size());
        EXPECT_EQ(opened->header.type, type_of(step));
        EXPECT_EQ(opened->header.message_id, index_of(step.at("message_id")));
        EXPECT_EQ(hex_of(opened->salt), step.at("salts").at(i));
        if (type_of(step) == wire::SealedType::cookie) {
          EXPECT_TRUE(opened->piece.empty());
          EXPECT_EQ(hex_of(opened->header.cookie), step.at("cookie"));
        } else {
          EXPECT_TRUE(collector.add(opened->header.piece, opened->piece));
        }
      }
      if (type_of(step) != wire::SealedType::cookie) {
        const auto message = collector.message();
        ASSERT_TRUE(message) << step.at("what");
        EXPECT_EQ(*message, message_of(vector, step));
      }
    }
  }
}

TEST(HandshakeVectors, DamagedDatagramsDoNotOpen) {
  const Json& vector = vectors().at(1);
  const OuterKeys keys = outer_keys_of(vector);
  for (const Json& step : vector.at("steps")) {
    const bool indexed = step.contains("index");
    const auto& key = from_initiator(step) ? keys.to_responder : keys.to_initiator;
    const auto& other_direction = from_initiator(step) ? keys.to_initiator : keys.to_responder;
    const auto opens = [&](const Secret<32>& with, BytesView datagram) {
      return handshake::open_datagram(with, indexed, datagram).has_value();
    };
    for (const Json& hex : step.at("datagrams")) {
      const Bytes good = bytes_of(hex);
      ASSERT_TRUE(opens(key, good));
      // Index, salt, header, piece and tag: every bit of them.
      for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        ASSERT_FALSE(opens(key, with_bit_flipped(good, bit))) << step.at("what") << ", bit " << bit;
      }
      for (std::size_t size = 0; size < good.size(); ++size) {
        ASSERT_FALSE(opens(key, BytesView(good).first(size))) << step.at("what") << " cut to " << size;
      }
      const std::array<std::byte, 1> zero{};
      EXPECT_FALSE(opens(key, joined({good, zero}))) << "extended";
      EXPECT_FALSE(opens(key, joined({zero, good}))) << "extended in front";
      EXPECT_FALSE(opens(key, joined({good, Bytes(1232, std::byte{0})}))) << "longer than any datagram";
      EXPECT_FALSE(opens(other_direction, good)) << "the key of the other direction";
      EXPECT_FALSE(handshake::open_datagram(key, !indexed, good)) << "first taken for later, or the reverse";
      if (indexed) {
        Bytes other_index = good;
        std::swap_ranges(other_index.begin(), other_index.begin() + 2, other_index.begin() + 2);
        EXPECT_FALSE(opens(key, other_index)) << "another index";
      }
      const auto refused_by = [&](Json other, const char* what) {
        const OuterKeys others = outer_keys_of(other);
        EXPECT_FALSE(opens(from_initiator(step) ? others.to_responder : others.to_initiator, good)) << what;
      };
      Json other = vector;
      other["shared_secret"] = vectors().at(0).at("shared_secret");
      refused_by(other, "another shared secret");
      other = vector;
      other["responder"]["uuid"] = vector.at("initiator").at("uuid");
      refused_by(other, "another responder");
      other = vector;
      other["network_hash"] = vectors().at(0).at("network_hash");
      refused_by(other, "another network");
    }
  }
}

TEST(HandshakeVectors, PiecesThatWereCutAnotherWayAreNotJoined) {
  const Json& vector = vectors().at(0);
  const Bytes message = bytes_of(vector.at("message_2"));
  const auto joins = [&](std::initializer_list<std::size_t> sizes) {
    handshake::PieceCollector collector(1, sizes.size());
    std::size_t at = 0;
    std::size_t number = 0;
    for (const std::size_t size : sizes) {
      if (!collector.add(number++, BytesView(message).subspan(at, size))) return false;
      at += size;
    }
    return collector.message().has_value();
  };
  ASSERT_EQ(message.size(), 1396u);
  EXPECT_TRUE(joins({698, 698}));
  EXPECT_FALSE(joins({697, 699}));
  EXPECT_FALSE(joins({1156, 240}));
  EXPECT_FALSE(joins({466, 466, 464}));
  EXPECT_FALSE(joins({349, 349, 349, 349}));
  EXPECT_FALSE(joins({1396}));
  EXPECT_FALSE(joins({698, 0}));
}

// Both sides of the Noise handshake of `vector`, with its keys.
struct NoisePair {
  explicit NoisePair(const Json& vector)
      : initiator(make(vector, NoiseRole::initiator, initiator_random)),
        responder(make(vector, NoiseRole::responder, responder_random)) {}

  NoiseHandshake make(const Json& vector, NoiseRole role, ScriptedRandom& random) {
    const bool initiates = role == NoiseRole::initiator;
    const Json& side = vector.at(initiates ? "initiator" : "responder");
    random.will_draw(side.at("ephemeral_private"));
    random.will_draw(side.at(initiates ? "kem_seed" : "kem_m"));
    handshake::NoiseKeys keys;
    keys.static_key = key_pair_of(side.at("static_private"));
    keys.psks.push_back(secret_of<32>(vector.at("shared_secret")));
    const handshake::Suite* suite = handshake::find_suite(vector.at("suite"));
    auto noise = NoiseHandshake::create(suite->pattern, suite->protocol_name, suite->algorithms, role,
                                        bytes_of(vector.at("prologue")), std::move(keys), random);
    if (!noise) throw std::runtime_error("NoiseHandshake::create failed");
    return std::move(*noise);
  }

  ScriptedRandom initiator_random;
  ScriptedRandom responder_random;
  NoiseHandshake initiator;
  NoiseHandshake responder;
};

TEST(HandshakeVectors, NoiseMessagesAreThoseOfTheReference) {
  for (const Json& vector : vectors()) {
    NoisePair pair(vector);
    for (const int i : {1, 2, 3}) {
      const std::string n = std::to_string(i);
      auto& writer = i == 2 ? pair.responder : pair.initiator;
      auto& reader = i == 2 ? pair.initiator : pair.responder;
      const Bytes message = writer.write_message(bytes_of(vector.at("payload_" + n)));
      EXPECT_EQ(hex_of(message), vector.at("message_" + n)) << vector.at("name");
      const auto payload = reader.read_message(message);
      ASSERT_TRUE(payload) << vector.at("name") << ", message " << n;
      EXPECT_EQ(hex_of(*payload), vector.at("payload_" + n));
    }
    EXPECT_EQ(hex_of(pair.initiator.handshake_hash()), vector.at("handshake_hash"));
    EXPECT_EQ(hex_of(pair.responder.handshake_hash()), vector.at("handshake_hash"));
  }
}

void expect_damage_refused(const Json& vector) {
  SCOPED_TRACE(vector.at("name").get<std::string>());
  NoisePair pair(vector);
  const std::array<std::byte, 1> zero{};
  for (const int i : {1, 2, 3}) {
    auto& writer = i == 2 ? pair.responder : pair.initiator;
    auto& reader = i == 2 ? pair.initiator : pair.responder;
    const std::string n = std::to_string(i);
    const Bytes message = writer.write_message(bytes_of(vector.at("payload_" + n)));
    // One bit of every third byte: ephemeral keys, KEM key or ciphertext, static key, payload and all tags. The top bit
    // of an X25519 key is not looked at in the exchange, but it is hashed.
    for (std::size_t byte = 0; byte < message.size(); byte += 3) {
      ASSERT_FALSE(reader.read_message(with_bit_flipped(message, 8 * byte + byte % 8)))
          << "message " << n << " " << byte;
    }
    EXPECT_FALSE(reader.read_message(with_bit_flipped(message, 8 * 31 + 7))) << "top bit of e";
    for (const std::size_t size : {std::size_t{0}, std::size_t{31}, std::size_t{32}, message.size() - 1}) {
      EXPECT_FALSE(reader.read_message(BytesView(message).first(size)));
    }
    EXPECT_FALSE(reader.read_message(joined({message, zero})));
    Bytes swapped = message;  // the two pieces, exchanged
    std::swap_ranges(swapped.begin(), swapped.begin() + static_cast<std::ptrdiff_t>(swapped.size() / 2),
                     swapped.begin() + static_cast<std::ptrdiff_t>(swapped.size() / 2));
    EXPECT_FALSE(reader.read_message(swapped));
    EXPECT_TRUE(reader.read_message(message)) << "message " << n << " after all that";
  }
  EXPECT_EQ(hex_of(pair.responder.handshake_hash()), vector.at("handshake_hash"));
}

TEST(HandshakeVectors, DamagedNoiseMessagesAreRefusedAndSpoilNothing) {
  std::set<std::uint8_t> suites;
  for (const Json& vector : vectors()) {
    if (suites.insert(vector.at("suite").get<std::uint8_t>()).second) expect_damage_refused(vector);
  }
  EXPECT_EQ(suites.size(), handshake::all_suites().size());
}

TEST(HandshakeVectors, PayloadsAreEncodedAlike) {
  for (const Json& vector : vectors()) {
    const auto side = [&](const char* role) -> const Json& { return vector.at(role); };
    const auto introduction = [&](const char* role, const char* seen) {
      const Json& own = side(role);
      const auto identity = Identity::from_seed(secret_of<32>(own.at("seed")));
      Bytes suites;
      for (const std::uint8_t id : own.at("suites")) suites.push_back(std::byte{id});
      const auto secret = secret_of<32>(vector.at("shared_secret"));
      handshake::Credentials credentials(identity, std::string(vector.at("network_name")), &secret, suites,
                                         bytes_of(own.at("stream_parameters")));
      ScriptedRandom random;
      random.will_draw(own.at("static_private"));
      const auto key = credentials.static_key(handshake::find_suite(vector.at("suite"))->algorithms.dh, random,
                                              UnixTime(own.at("clock").get<std::int64_t>()));
      EXPECT_EQ(hex_of(credentials.prologue(vector.at("suite"), uuid_of(side("responder").at("uuid")))),
                vector.at("prologue"));
      return credentials.introduce(key, endpoint_of(side(seen)));
    };
    wire::Payload1 payload1;
    payload1.session_index = index_of(side("initiator").at("session_index"));
    payload1.handshake_index = index_of(side("initiator").at("handshake_index"));
    EXPECT_EQ(hex_of(wire::encode(payload1)), vector.at("payload_1"));

    wire::Payload2 payload2{index_of(side("responder").at("session_index")),
                            index_of(side("responder").at("handshake_index")), introduction("responder", "initiator")};
    const auto read2 = wire::decode<wire::Payload2>(bytes_of(vector.at("payload_2")), "");
    ASSERT_TRUE(read2);
    EXPECT_EQ(*read2, payload2);
    if (side("responder").at("extensions").empty()) {
      EXPECT_EQ(hex_of(wire::encode(payload2)), vector.at("payload_2"));
    }

    const auto payload3 = introduction("initiator", "responder");
    const auto read3 = wire::decode<wire::Introduction>(bytes_of(vector.at("payload_3")), "");
    ASSERT_TRUE(read3);
    EXPECT_EQ(*read3, payload3);
    if (side("initiator").at("extensions").empty()) {
      EXPECT_EQ(hex_of(wire::encode(payload3)), vector.at("payload_3"));
    }
  }
}

TEST(HandshakeVectors, PayloadsOfWrongFormAreRefused) {
  std::size_t refused = 0;
  for (const Json& vector : load("handshake.json").at("payloads")) {
    const Bytes payload = bytes_of(vector.at("payload"));
    const bool decodes = vector.at("message") == 1   ? wire::decode<wire::Payload1>(payload, "").has_value()
                         : vector.at("message") == 2 ? wire::decode<wire::Payload2>(payload, "").has_value()
                                                     : wire::decode<wire::Introduction>(payload, "").has_value();
    // What is wrong in meaning only is read, and refused by who reads it: handshake_machines_test.cpp.
    const bool good_form = !vector.contains("error") || vector.contains("meaning");
    EXPECT_EQ(decodes, good_form) << "payload " << vector.at("message") << ": " << vector.at("what");
    refused += decodes ? 0 : 1;
  }
  EXPECT_GE(refused, 12u);
}

TEST(HandshakeVectors, Cookies) {
  std::size_t cookies = 0;
  for (const Json& vector : vectors()) {
    if (!vector.contains("cookie")) continue;
    ++cookies;
    const Json& cookie = vector.at("cookie");
    const Endpoint source = endpoint_of(cookie);
    const auto secret = secret_of<32>(cookie.at("secret"));
    const std::uint32_t sender_index = index_of(cookie.at("sender_index"));
    EXPECT_EQ(hex_of(handshake::CookieJar::compute(secret, source, sender_index)), cookie.at("cookie"));

    ScriptedRandom random;
    random.will_draw(Bytes(32));  // the secret before, which nobody holds a cookie of
    random.will_draw(cookie.at("secret"));
    handshake::CookieJar jar(random);
    const auto good = array_of<16>(cookie.at("cookie"));
    const TimePoint now{};
    EXPECT_FALSE(jar.demand(now, source, sender_index, good));
    for (std::size_t bit = 0; bit < 128; ++bit) {
      auto bad = good;
      bad.at(bit / 8) ^= std::byte{1} << (bit % 8);
      EXPECT_TRUE(jar.demand(now, source, sender_index, bad)) << "bit " << bit;
    }
    EXPECT_TRUE(jar.demand(now, source, sender_index + 1, good));
    EXPECT_TRUE(jar.demand(now, source, sender_index, {}));
    Endpoint other = source;
    ++other.port;
    EXPECT_TRUE(jar.demand(now, other, sender_index, good));
    other = source;
    other.ip[15] ^= std::byte{1};
    EXPECT_TRUE(jar.demand(now, other, sender_index, good));
  }
  EXPECT_GE(cookies, 1u);
}

}  // namespace
}  // namespace quantumgate::spec_vectors
