// SPDX-License-Identifier: MIT
// Goal: packets, counters, the replay window and frames are those of docs/spec/03-session.md.
// Method: docs/spec/vectors/session.json and the packets of handshake.json, made by the JavaScript reference, sealed
// and opened by the C++ code; each packet also damaged at every bit, cut, extended and opened for another purpose.
#include <gtest/gtest.h>

#include "handshake/suite.hpp"
#include "session/packet_cipher.hpp"
#include "session/path_follower.hpp"
#include "session/replay_window.hpp"
#include "session/session.hpp"
#include "vectors.hpp"

namespace quantumgate::spec_vectors {
namespace {

using session::PacketCipher;
using session::PacketKeys;
using session::Session;

const Json& vectors() { return load("session.json"); }

crypto::AeadAlgorithm aead_of(const Json& vector) {
  const std::string name = vector.at("protocol_name");
  return name.find("_AESGCM_") != std::string::npos ? crypto::AeadAlgorithm::aes_256_gcm
                                                    : crypto::AeadAlgorithm::chacha20_poly1305;
}

crypto::HashAlgorithm hash_of(const Json& vector) {
  const std::string name = vector.at("protocol_name");
  if (name.ends_with("_SHA256")) return crypto::HashAlgorithm::sha256;
  if (name.ends_with("_SHA512")) return crypto::HashAlgorithm::sha512;
  if (name.ends_with("_BLAKE2s")) return crypto::HashAlgorithm::blake2s;
  return crypto::HashAlgorithm::blake2b;
}

PacketKeys keys_of(const Json& vector) {
  return PacketKeys::derive(hash_of(vector), secret_of<32>(vector.at("secret")));
}

struct Opened {
  std::uint64_t counter;
  Bytes content;
};
std::optional<Opened> open(PacketCipher& cipher, std::uint64_t expected, BytesView packet) {
  Bytes copy(packet.begin(), packet.end());
  const auto opened = cipher.open(expected, copy);
  if (!opened) return std::nullopt;
  return Opened{opened->counter, Bytes(opened->content.begin(), opened->content.end())};
}

TEST(SessionVectors, KeysAreDerivedAlike) {
  for (const Json& vector : vectors().at("sessions")) {
    const PacketKeys keys = keys_of(vector);
    EXPECT_EQ(hex_of(keys.key.view()), vector.at("key"));
    EXPECT_EQ(hex_of(keys.iv.view()), vector.at("iv"));
    EXPECT_EQ(hex_of(keys.mask.view()), vector.at("mask"));
  }
}

TEST(SessionVectors, PacketsAreSealedAndOpenedAlike) {
  for (const Json& vector : vectors().at("sessions")) {
    SCOPED_TRACE(vector.at("protocol_name").get<std::string>());
    PacketCipher cipher(aead_of(vector), keys_of(vector));
    for (const Json& each : vector.at("packets")) {
      const std::uint64_t counter = counter_of(each.at("counter"));
      const Bytes content = bytes_of(each.at("content"));
      Bytes packet(content.size() + session::kPacketOverhead);
      std::copy(content.begin(), content.end(), packet.begin() + session::kHeaderSize);
      cipher.seal(index_of(vector.at("index")), counter, packet, content.size());
      EXPECT_EQ(hex_of(packet), each.at("packet")) << counter;

      constexpr std::int64_t kNear = (std::int64_t{1} << 31) - 1;
      for (const std::int64_t away : {-kNear, std::int64_t{-8128}, std::int64_t{0}, std::int64_t{1}, kNear}) {
        if (away < 0 && counter < static_cast<std::uint64_t>(-away)) continue;
        const auto opened = open(cipher, counter + static_cast<std::uint64_t>(away), packet);
        ASSERT_TRUE(opened) << counter << " expected " << away << " away";
        EXPECT_EQ(opened->counter, counter);
        EXPECT_EQ(opened->content, content);
      }
      EXPECT_FALSE(open(cipher, counter + (std::uint64_t{1} << 31) + 1, packet)) << "too far behind";
    }
  }
}

TEST(SessionVectors, DamagedPacketsDoNotOpen) {
  const Json& sessions = vectors().at("sessions");
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    const Json& vector = sessions.at(i);
    SCOPED_TRACE(vector.at("protocol_name").get<std::string>());
    PacketCipher cipher(aead_of(vector), keys_of(vector));
    PacketCipher other_keys(aead_of(vector), keys_of(sessions.at((i + 1) % sessions.size())));
    for (const Json& each : vector.at("packets")) {
      const std::uint64_t counter = counter_of(each.at("counter"));
      const Bytes good = bytes_of(each.at("packet"));
      if (good.size() > 100) continue;
      ASSERT_TRUE(open(cipher, counter, good));
      // Index, masked counter, content and tag: every bit of them.
      for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
        ASSERT_FALSE(open(cipher, counter, with_bit_flipped(good, bit))) << "bit " << bit;
      }
      for (std::size_t size = 0; size < good.size(); ++size) {
        ASSERT_FALSE(open(cipher, counter, BytesView(good).first(size))) << "cut to " << size;
      }
      EXPECT_FALSE(open(cipher, counter, joined({good, Bytes(1)}))) << "extended";
      EXPECT_FALSE(open(cipher, counter, joined({good, Bytes(session::kPacketSizeMax)}))) << "longer than any packet";
      EXPECT_FALSE(open(other_keys, counter, good)) << "other keys";
      // With keys of which one is another.
      for (const char* part : {"key", "iv", "mask"}) {
        PacketKeys keys = keys_of(vector);
        if (part[0] == 'k') keys.key.mutable_view()[31] ^= std::byte{1};
        if (part[0] == 'i') keys.iv.mutable_view()[0] ^= std::byte{1};
        if (part[0] == 'm') keys.mask.mutable_view()[0] ^= std::byte{1};
        PacketCipher changed(aead_of(vector), std::move(keys));
        EXPECT_FALSE(open(changed, counter, good)) << part;
      }
    }
  }
}

TEST(SessionVectors, CountersAreRestoredAlike) {
  for (const Json& vector : vectors().at("restore")) {
    const bool none_yet = vector.at("highest") == "-1";
    const std::uint64_t expected = none_yet ? 0 : counter_of(vector.at("highest")) + 1;
    EXPECT_EQ(session::restore_counter(expected, vector.at("low").get<std::uint32_t>()),
              counter_of(vector.at("counter")))
        << "after " << vector.at("highest");
  }
}

TEST(SessionVectors, ReplayWindowJudgesAlike) {
  session::ReplayWindow window;
  for (const Json& vector : vectors().at("replay")) {
    EXPECT_EQ(window.accept(counter_of(vector.at("counter"))), vector.at("accepted").get<bool>())
        << vector.at("counter");
  }
}

// ---- frames, and the session as a whole ----

// Notes what reaches it, as the vectors write it down.
class Notes final : public session::FrameSink {
 public:
  void on_stream_frame(TimePoint, BytesView body) override {
    frames.push_back(
        {{"kind", "STREAM"}, {"generation", std::to_integer<int>(body[0])}, {"packet", hex_of(body.subspan(1))}});
  }
  void on_datagram_frame(TimePoint, BytesView body) override {
    frames.push_back({{"kind", "DATAGRAM"}, {"id", hex_of(body.first(4))}, {"content", hex_of(body.subspan(4))}});
  }
  void on_path_frame(TimePoint, const wire::PathFrame& frame) override {
    path_frames.push_back(frame);
    frames.push_back({{"kind", "PATH"},
                      {"what", static_cast<int>(frame.what)},
                      {"token", hex_of(BytesView(wire::encode(frame)).subspan(1))}});
  }
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t method, BytesView body) override {
    frames.push_back({{"kind", "CONTROL"}, {"what", 0}, {"method", method}, {"body", hex_of(body)}});
    return std::nullopt;
  }
  void on_control_answer(TimePoint, std::uint32_t, BytesView body) override {
    frames.push_back({{"kind", "CONTROL"}, {"what", 1}, {"body", hex_of(body)}});
  }
  Json frames = Json::array();
  std::vector<wire::PathFrame> path_frames;
};

// The session of a vector of handshake.json, as one side has it, and a cipher for what the other side sends.
struct SessionOf {
  SessionOf(const Json& vector, bool initiator)
      : session(established_of(vector, initiator), indexes, random, {}, TimePoint{}),
        peer(crypto::AeadAlgorithm::aes_256_gcm, peer_keys(vector, initiator)),
        index(index_of(vector.at(initiator ? "initiator" : "responder").at("session_index"))) {}

  // Packet keys are all that the vectors have of the secrets of Split(); so the secrets come from the Noise handshake.
  static handshake::NoiseSplit split_of(const Json& vector, bool initiator) {
    ScriptedRandom randoms[2];
    std::optional<handshake::NoiseHandshake> sides[2];
    for (const int i : {0, 1}) {
      const Json& side = vector.at(i == 0 ? "initiator" : "responder");
      randoms[i].will_draw(side.at("ephemeral_private"));
      randoms[i].will_draw(side.at(i == 0 ? "kem_seed" : "kem_m"));
      handshake::NoiseKeys keys;
      keys.static_key = key_pair_of(side.at("static_private"));
      keys.psks.push_back(secret_of<32>(vector.at("shared_secret")));
      const handshake::Suite* suite = handshake::find_suite(vector.at("suite"));
      auto noise =
          handshake::NoiseHandshake::create(suite->pattern, suite->protocol_name, suite->algorithms,
                                            i == 0 ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder,
                                            bytes_of(vector.at("prologue")), std::move(keys), randoms[i]);
      if (!noise) throw std::runtime_error("NoiseHandshake::create failed");
      sides[i].emplace(std::move(*noise));
    }
    for (const int i : {0, 1, 0}) {
      const char* payload = i == 1 ? "payload_2" : sides[0]->next_message_size(0) > 1000 ? "payload_1" : "payload_3";
      if (!sides[1 - i]->read_message(sides[i]->write_message(bytes_of(vector.at(payload))))) {
        throw std::runtime_error("a Noise message was refused");
      }
    }
    return sides[initiator ? 0 : 1]->split();
  }
  static handshake::Established established_of(const Json& vector, bool initiator) {
    handshake::Established established;
    established.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
    established.suite = handshake::find_suite(vector.at("suite"));
    established.secrets = split_of(vector, initiator);
    established.local_index = index_of(vector.at(initiator ? "initiator" : "responder").at("session_index"));
    established.remote_index = index_of(vector.at(initiator ? "responder" : "initiator").at("session_index"));
    return established;
  }
  static PacketKeys peer_keys(const Json& vector, bool initiator) {
    const Json& keys = vector.at(initiator ? "responder_to_initiator" : "initiator_to_responder");
    return {secret_of<32>(keys.at("key")), secret_of<12>(keys.at("iv")), secret_of<32>(keys.at("mask"))};
  }

  Session::Verdict receive_packet(Bytes packet) { return session.receive(TimePoint{}, packet, notes); }
  Session::Verdict receive(BytesView content) {
    Bytes packet(content.size() + session::kPacketOverhead);
    std::copy(content.begin(), content.end(), packet.begin() + session::kHeaderSize);
    peer.seal(index, counter++, packet, content.size());
    return receive_packet(std::move(packet));
  }

  // No key update is begun.
  struct NoIndexes final : handshake::IndexAllocator {
    std::uint32_t allocate() override { throw std::logic_error("no index is needed"); }
    void release(std::uint32_t) override {}
  };

  NoIndexes indexes;
  CountingRandom random;
  Session session;
  PacketCipher peer;
  std::uint32_t index;
  std::uint64_t counter = 0;
  Notes notes;
};

TEST(SessionVectors, FirstPacketsOfASessionAreThoseOfTheReference) {
  for (const Json& vector : load("handshake.json").at("handshakes")) {
    SCOPED_TRACE(vector.at("name").get<std::string>());
    SessionOf initiator(vector, true);
    SessionOf responder(vector, false);
    for (const Json& each : vector.at("packets")) {
      const bool from_initiator = each.at("from") == "initiator";
      SessionOf& sender = from_initiator ? initiator : responder;
      SessionOf& receiver = from_initiator ? responder : initiator;
      const Bytes content = bytes_of(each.at("content"));
      Bytes buffer(session::kPacketSizeDefault);
      std::size_t size = 0;
      if (content.empty()) {
        sender.session.send_keepalive();
        size = sender.session.poll_transmit(TimePoint{}, buffer);
      } else {
        std::copy(content.begin(), content.end(), buffer.begin() + session::kHeaderSize);
        size = sender.session.seal(TimePoint{}, buffer, content.size(), false);
      }
      EXPECT_EQ(hex_of(BytesView(buffer).first(size)), each.at("packet"));
      const Bytes packet = bytes_of(each.at("packet"));
      EXPECT_EQ(sender.receive_packet(packet), Session::Verdict::unauthentic) << "our own packet, reflected";
      EXPECT_EQ(receiver.receive_packet(packet), Session::Verdict::accepted);
      if (receiver.session.state() == Session::State::open) {
        EXPECT_EQ(receiver.receive_packet(packet), Session::Verdict::replayed);
      }
    }
    EXPECT_EQ(responder.session.state(), Session::State::closed);
    EXPECT_TRUE(responder.session.closed_by_peer());
    EXPECT_EQ(responder.session.close_reason(), CloseReason::normal);
  }
}

TEST(SessionVectors, GoodFrames) {
  const Json& handshake = load("handshake.json").at("handshakes").at(0);
  for (const Json& vector : vectors().at("frames").at("good")) {
    SCOPED_TRACE(vector.at("what").get<std::string>());
    SessionOf side(handshake, false);
    EXPECT_EQ(side.receive(bytes_of(vector.at("content"))), Session::Verdict::accepted);
    Json expected = Json::array();
    std::optional<int> close_reason;
    for (Json frame : vector.at("frames")) {
      if (frame.at("kind") == "CLOSE") {
        close_reason = frame.at("reason");
      } else if (frame.at("kind") != "CONTROL") {
        expected.push_back(frame);
      } else if (frame.at("what") == 0) {  // an answer to no request of ours is dropped
        frame.erase("id");
        expected.push_back(frame);
      }
    }
    EXPECT_EQ(side.notes.frames, expected);
    if (close_reason) {
      EXPECT_EQ(side.session.state(), Session::State::closed);
      EXPECT_TRUE(side.session.closed_by_peer());
      EXPECT_EQ(static_cast<int>(side.session.close_reason()), *close_reason);
    } else {
      EXPECT_EQ(side.session.state(), Session::State::open);
    }
  }
}

TEST(SessionVectors, BadFramesCloseTheSession) {
  const Json& handshake = load("handshake.json").at("handshakes").at(0);
  for (const Json& vector : vectors().at("frames").at("bad")) {
    SCOPED_TRACE(vector.at("what").get<std::string>());
    SessionOf side(handshake, true);
    EXPECT_EQ(side.receive(bytes_of(vector.at("content"))), Session::Verdict::accepted);
    EXPECT_EQ(side.session.state(), Session::State::closing);
    EXPECT_EQ(side.session.close_reason(), CloseReason::protocol);
    EXPECT_EQ(side.notes.frames, Json::array());
  }
}

// A frame of a packet that one side sent, as the vectors write it down. It is the only one of the packet.
Json answer_of(BytesView content) {
  const auto type = std::to_integer<std::uint8_t>(content[0]);
  const auto body = content.subspan((type & 0x40) != 0 ? 3 : 1);
  if ((type & 0x3f) == static_cast<int>(wire::FrameKind::path)) {
    const auto path = wire::decode<wire::PathFrame>(body, "reading a path frame");
    if (!path) return "no path frame";
    return {{"kind", "PATH"}, {"what", static_cast<int>(path->what)}, {"token", hex_of(body.subspan(1))}};
  }
  if ((type & 0x3f) != static_cast<int>(wire::FrameKind::control)) return "neither PATH nor CONTROL";
  const auto header =
      wire::decode<wire::ControlHeader>(body.first(wire::ControlHeader::kSize), "reading a control frame");
  if (!header) return "no control frame";
  return {{"kind", "CONTROL"},
          {"what", static_cast<int>(header->what)},
          {"id", hex_of(body.subspan(1, 4))},
          {"method", header->method},
          {"body", hex_of(body.subspan(wire::ControlHeader::kSize))}};
}

TEST(SessionVectors, RequestsAndChallengesAreAnsweredAlike) {
  const Json& handshake = load("handshake.json").at("handshakes").at(0);
  for (const Json& vector : vectors().at("answers")) {
    SCOPED_TRACE(vector.at("side").get<std::string>() + ": " + vector.at("what").get<std::string>());
    const bool initiator = vector.at("side") == "initiator";
    SessionOf side(handshake, initiator);
    PacketCipher cipher(crypto::AeadAlgorithm::aes_256_gcm, SessionOf::peer_keys(handshake, !initiator));
    EXPECT_EQ(side.receive(bytes_of(vector.at("content"))), Session::Verdict::accepted);
    Json answers = Json::array();
    Bytes buffer(session::kPacketSizeDefault);
    while (const std::size_t size = side.session.poll_transmit(TimePoint{}, buffer)) {
      const auto opened = open(cipher, answers.size(), BytesView(buffer).first(size));
      ASSERT_TRUE(opened);
      answers.push_back(answer_of(opened->content));
    }
    // Which path a frame belongs to is the node's business.
    session::PathFollower paths(session::Path{Endpoint::loopback(1)});
    for (const wire::PathFrame& frame : side.notes.path_frames)
      paths.on_frame(TimePoint{}, {Endpoint::loopback(2)}, frame);
    while (const auto out = paths.poll_transmit(TimePoint{})) {
      EXPECT_EQ(out->to, session::Path{Endpoint::loopback(2)});
      const Bytes type{std::byte{static_cast<std::uint8_t>(wire::FrameKind::path)}};
      answers.push_back(answer_of(joined({type, wire::encode(out->frame)})));
    }
    EXPECT_EQ(answers, vector.at("answers"));
  }
}

TEST(SessionVectors, AControlRequestIsAnsweredByWhoeverHoldsItsId) {
  SessionOf side(load("handshake.json").at("handshakes").at(0), true);
  const auto id = side.session.control().request(TimePoint{}, 3, Bytes(1, std::byte{9}));
  ASSERT_TRUE(id);
  const auto answer = [&](std::uint32_t to, std::uint8_t method) {
    Bytes content{std::byte{2}};
    const Bytes header = wire::encode(wire::ControlHeader{wire::ControlWhat::answer, to, method});
    content = joined({content, header, Bytes(1, std::byte{7})});
    EXPECT_EQ(side.receive(content), Session::Verdict::accepted);
  };
  answer(*id + 1, 3);
  answer(*id, 2);
  EXPECT_EQ(side.notes.frames.size(), 0u);
  answer(*id, 3);
  EXPECT_EQ(side.notes.frames.size(), 1u);
  answer(*id, 3);
  EXPECT_EQ(side.notes.frames.size(), 1u) << "the answer came twice";
  EXPECT_EQ(side.session.state(), Session::State::open);
}

}  // namespace
}  // namespace quantumgate::spec_vectors
