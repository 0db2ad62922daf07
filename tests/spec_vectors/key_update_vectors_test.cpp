// SPDX-License-Identifier: MIT
// Goal: the messages and keys of key updates are those of docs/spec/03-session.md, section 9.
// Method: docs/spec/vectors/key_update.json, made by the JavaScript reference, against both roles of the C++ code, with
// the vectors' own random numbers; each frame also damaged.
#include <gtest/gtest.h>

#include "handshake/suite.hpp"
#include "session/key_update.hpp"
#include "session/packet_cipher.hpp"
#include "vectors.hpp"

namespace quantumgate::spec_vectors {
namespace {

using session::KeyUpdate;

struct OneIndex final : handshake::IndexAllocator {
  std::uint32_t allocate() override { return next; }
  void release(std::uint32_t) override {}
  std::uint32_t next = 0;
};

// One side, in the epochs of a vector one after the other.
struct Side {
  Side(const Json& vector, bool initiator)
      : name(initiator ? "initiator" : "responder"),
        update(established_of(vector, initiator), indexes, random, limits(), TimePoint{}) {
    confirm();
  }

  // Every update is due at once; what a side draws for the moment does not matter.
  static session::KeyLimits limits() {
    session::KeyLimits limits;
    limits.update_min = limits.update_max = Duration(0);
    return limits;
  }
  static handshake::Established established_of(const Json& vector, bool initiator) {
    handshake::Established e;
    e.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
    e.suite = handshake::find_suite(vector.at("protocol_name").get<std::string>());
    Secret<32> first = secret_of<32>(vector.at("secrets").at(0)), second = secret_of<32>(vector.at("secrets").at(1));
    e.secrets.sending = std::move(initiator ? first : second);
    e.secrets.receiving = std::move(initiator ? second : first);
    e.handshake_hash = bytes_of(vector.at("handshake_hash"));
    return e;
  }

  void confirm() {
    random.will_draw(Bytes(8));
    update.confirm(now);
    now += session::kKeyGrace;
  }
  void script(const Json& epoch) {
    const Json& own = epoch.at(name);
    random.will_draw(own.at("ephemeral_private"));
    random.will_draw(own.at(own.contains("kem_seed") ? "kem_seed" : "kem_m"));
    indexes.next = index_of(own.at("index"));
  }
  void expect_frames(const Json& epoch) {
    for (const Json& frame : epoch.at(name).at("frames")) {
      Bytes body(session::kPacketSizeDefault);
      body.resize(update.poll_transmit(now, body));
      EXPECT_EQ(hex_of(body), frame);
    }
    Bytes more(session::kPacketSizeDefault);
    EXPECT_EQ(update.poll_transmit(now, more), 0u);
  }
  // Both frames of the other side, first to last; the keys that come of them.
  std::optional<KeyUpdate::NewKeys> read(const Json& frames) {
    EXPECT_FALSE(*update.receive(now, bytes_of(frames.at(0))));
    for (std::size_t at = 5 * 8; at < bytes_of(frames.at(1)).size() * 8; at += 701) {
      EXPECT_FALSE(update.receive(now, with_bit_flipped(bytes_of(frames.at(1)), at))) << at;
      EXPECT_FALSE(*update.receive(now, bytes_of(frames.at(0)))) << "a failed message leaves nothing behind";
    }
    auto received = update.receive(now, bytes_of(frames.at(1)));
    EXPECT_TRUE(received);
    return received ? std::move(*received) : std::nullopt;
  }

  std::string name;
  OneIndex indexes;
  ScriptedRandom random;
  KeyUpdate update;
  TimePoint now{};
};

TEST(KeyUpdateVectors, MessagesAndKeysOfBothRoles) {
  std::size_t suites = 0;
  for (const Json& vector : load("key_update.json").at("sessions")) {
    SCOPED_TRACE(vector.at("protocol_name").get<std::string>());
    const handshake::Suite& suite = *handshake::find_suite(vector.at("protocol_name").get<std::string>());
    EXPECT_EQ(handshake::key_update_protocol(suite), vector.at("update_protocol_name"));
    Side initiator(vector, true), responder(vector, false);
    for (const Json& epoch : vector.at("updates")) {
      const Json& ours = epoch.at("initiator");
      const Json& theirs = epoch.at("responder");
      initiator.script(epoch);
      initiator.update.on_deadline(initiator.now);
      initiator.expect_frames(epoch);
      responder.script(epoch);
      const auto responders = responder.read(ours.at("frames"));
      ASSERT_TRUE(responders);
      responder.expect_frames(epoch);
      const auto initiators = initiator.read(theirs.at("frames"));
      ASSERT_TRUE(initiators);

      EXPECT_EQ(initiators->remote_index, index_of(theirs.at("index")));
      EXPECT_EQ(responders->remote_index, index_of(ours.at("index")));
      const auto expect_keys = [&](const Secret<32>& secret, const char* way) {
        const auto keys = session::PacketKeys::derive(suite.algorithms.hash, secret);
        EXPECT_EQ(hex_of(keys.key.view()), epoch.at("keys").at(way).at("key"));
        EXPECT_EQ(hex_of(keys.iv.view()), epoch.at("keys").at(way).at("iv"));
        EXPECT_EQ(hex_of(keys.mask.view()), epoch.at("keys").at(way).at("mask"));
      };
      expect_keys(initiators->secrets.sending, "initiator_to_responder");
      expect_keys(initiators->secrets.receiving, "responder_to_initiator");
      expect_keys(responders->secrets.sending, "responder_to_initiator");
      expect_keys(responders->secrets.receiving, "initiator_to_responder");
      EXPECT_EQ(initiator.random.left() + responder.random.left(), 0u);
      initiator.confirm();
      responder.confirm();
    }
    ++suites;
  }
  EXPECT_EQ(suites, handshake::all_suites().size());
}

}  // namespace
}  // namespace quantumgate::spec_vectors
