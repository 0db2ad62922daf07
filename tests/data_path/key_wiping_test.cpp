// SPDX-License-Identifier: MIT
// Goal: keys that were replaced are nowhere in the program's memory, and no memory was given back with a key in it.
// Method: watched_memory.hpp. Every block is searched for the first keys of a session when it is freed, and all that
// are left after an update's grace period, or after the end of the session.
#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/aead.hpp"
#include "session/session.hpp"
#include "sim/random.hpp"
#include "tests/data_path/watched_memory.hpp"

namespace quantumgate::session {
namespace {

struct Nobody final : FrameSink {
  void on_stream_frame(TimePoint, BytesView) override {}
  void on_datagram_frame(TimePoint, BytesView) override {}
  void on_path_frame(TimePoint, const wire::PathFrame&) override {}
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t, BytesView) override { return std::nullopt; }
  void on_control_answer(TimePoint, std::uint32_t, BytesView) override {}
};

struct Indexes final : handshake::IndexAllocator {
  std::uint32_t allocate() override { return next++; }
  void release(std::uint32_t) override {}
  std::uint32_t next = 1000;
};

// The secrets of the handshake. Not on the heap, as a fixture is.
Secret<32> one, two;

struct KeyWipingTest : ::testing::TestWithParam<std::pair<std::uint8_t, crypto::AeadLibrary>> {
  KeyWipingTest() { crypto::use_aead_library(GetParam().second); }
  ~KeyWipingTest() override {
    crypto::use_aead_library(crypto::AeadLibrary::fastest);
    watched::forget();
  }
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has its own allocator";
#endif
    ASSERT_TRUE(watched::openssl_is_watched());
    random.fill(one.mutable_view());
    random.fill(two.mutable_view());
    const auto hash = handshake::find_suite(GetParam().first)->algorithms.hash;
    for (const auto* secret : {&one, &two}) {
      const PacketKeys keys = PacketKeys::derive(hash, *secret);
      watched::look_for(secret->view());
      watched::look_for(keys.key.view());
      watched::look_for(keys.iv.view());
      watched::look_for(keys.mask.view());
    }
    alice = make(true);
    bob = make(false);
  }

  std::unique_ptr<Session> make(bool initiator) {
    handshake::Established e;
    e.role = initiator ? handshake::NoiseRole::initiator : handshake::NoiseRole::responder;
    e.suite = handshake::find_suite(GetParam().first);
    e.secrets = {(initiator ? one : two).clone(), (initiator ? two : one).clone()};
    e.local_index = initiator ? 100 : 200;
    e.remote_index = initiator ? 200 : 100;
    auto session = std::make_unique<Session>(e, indexes, random, KeyLimits{}, now);
    session->send_keepalive();
    return session;
  }

  void carry() {
    for (bool idle = false; !idle;) {
      idle = true;
      for (const auto& [from, to] : {std::pair(alice.get(), bob.get()), std::pair(bob.get(), alice.get())}) {
        Bytes packet(kPacketSizeDefault);
        packet.resize(from->poll_transmit(now, packet));
        if (packet.empty()) continue;
        idle = false;
        to->receive(now, packet, nobody);
      }
    }
  }
  void step() {
    now = std::min(*alice->deadline(), *bob->deadline());
    alice->on_deadline(now);
    bob->on_deadline(now);
    carry();
  }

  sim::SeededRandom random{1};
  Indexes indexes;
  Nobody nobody;
  TimePoint now{};
  std::unique_ptr<Session> alice, bob;
};

TEST_P(KeyWipingTest, AfterTheGracePeriodAndNotBefore) {
  carry();
  EXPECT_GE(watched::places(), 4u) << "a search that finds nothing proves nothing";
  while (alice->key_updates() == 0 && now < TimePoint{} + 1h) step();
  ASSERT_EQ(bob->key_updates(), 1u);
  EXPECT_EQ(alice->receiving_keys() + bob->receiving_keys(), 4u);
  EXPECT_GE(watched::places(), 2u) << "one to receive with at each end";
  const TimePoint end = now + kKeyGrace;
  while (now < end) step();
  EXPECT_LE(now, end + kKeepaliveMax);
  EXPECT_EQ(alice->receiving_keys() + bob->receiving_keys(), 2u);
  EXPECT_EQ(watched::places(), 0u);
  EXPECT_EQ(watched::freed_places(), 0u);
  ASSERT_TRUE(alice->has_keys() && bob->has_keys());
}

TEST_P(KeyWipingTest, AtTheEndOfTheSession) {
  carry();
  EXPECT_GE(watched::places(), 4u);
  alice->close(now, CloseReason::normal);
  carry();
  EXPECT_FALSE(alice->has_keys() || bob->has_keys());
  EXPECT_EQ(watched::places(), 0u);
  EXPECT_EQ(watched::freed_places(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Ciphers, KeyWipingTest,
    ::testing::Values(std::pair<std::uint8_t, crypto::AeadLibrary>{1, crypto::AeadLibrary::fastest},
                      std::pair<std::uint8_t, crypto::AeadLibrary>{1, crypto::AeadLibrary::openssl},
                      std::pair<std::uint8_t, crypto::AeadLibrary>{5, crypto::AeadLibrary::openssl}));

}  // namespace
}  // namespace quantumgate::session
