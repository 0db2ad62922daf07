// SPDX-License-Identifier: MIT
// Goal: no byte of anything that a node sends can be told from a random one, whatever kind of packet it is in, so that
// all a tap learns is sizes, times and addresses.
// Method: the same two nodes go through 1,300 sessions in virtual time; of each session one datagram of each kind is
// kept. That a kind is what its name says shows in its size, which is known. Each position of each kind is then tested.
// Content that would show through is all zeros. Packets of which most is padding, and cover, come from 1,300 sessions
// of two nodes that fill up all packets. Everything follows from the seed.
#include "tests/adversary/randomness.hpp"

#include <gmock/gmock.h>

#include <cstdio>
#include <functional>

#include "session/constants.hpp"
#include "tests/network/network_test.hpp"
#include "wire/frames.hpp"
#include "wire/test_censor_rule.hpp"

namespace quantumgate::adversary_test {
namespace {

using namespace std::chrono_literals;
using network_test::TestNode;

constexpr std::size_t kSessions = 1300;
static_assert(kSessions >= kSamplesMin);

constexpr std::size_t frame_packet(std::size_t body) { return session::kPacketOverhead + 1 + body; }
constexpr std::size_t kControlPacket = frame_packet(wire::ControlHeader::kSize);
constexpr std::size_t kPathPacket = frame_packet(wire::PathFrame::kSize);
constexpr std::size_t kClosePacket = frame_packet(2);
constexpr std::size_t kRekeyPacket1 = frame_packet(wire::RekeyHeader::kSize + 1252 / 2);
constexpr std::size_t kRekeyPacket2 = frame_packet(wire::RekeyHeader::kSize + 1156 / 2);
constexpr const char* kSink = "test.zeros";

struct Seen {
  bool from_alice;
  Bytes data;
};

// Alice dials Bob again and again; what passes is kept until it is asked for.
class Sessions {
 public:
  Sessions() {
    alice_.host.set_wall_clock_offset(10min);  // so that Bob asks for a cookie each time
    simulator_.set_default_link({.delay = 10ms});
    simulator_.add_tap([this](const sim::PassingDatagram& passing) {
      passed_.push_back({passing.to == bob_.host.v4(5000), Bytes(passing.data.begin(), passing.data.end())});
      return sim::Verdict{};
    });
  }

  // One session, of which one datagram of each kind is added to `kinds`.
  void hold(std::map<std::string, std::vector<Bytes>>& kinds) {
    const auto keep = [&](const char* kind, bool from_alice, std::size_t size, std::size_t which = 0) {
      for (const Seen& seen : passed_) {
        if (seen.from_alice != from_alice || seen.data.size() != size || which-- > 0) continue;
        kinds[kind].push_back(seen.data);
        return;
      }
      ADD_FAILURE() << "no " << kind << " of " << size << " bytes in session " << kinds[kind].size();
    };

    passed_.clear();
    ASSERT_TRUE(alice_.connect(bob_.address()));
    simulator_.run_for(1s);
    keep("message 1, piece 0", true, 704, 0);
    keep("message 1, piece 1", true, 704, 1);
    keep("cookie", false, 76);
    keep("message 1 with a cookie, piece 0", true, 704, 2);
    keep("message 1 with a cookie, piece 1", true, 704, 3);
    keep_message_2_and_3(kinds);
    keep("keepalive of the responder", false, session::kPacketOverhead);

    passed_.clear();
    const auto stream = alice_.node->open_stream(bob_.identity.uuid(), kSink, {.compression = Compression::off});
    ASSERT_TRUE(stream);
    (*stream)->write(Bytes(20'000));
    (*stream)->finish();
    alice_.node->post([] {});
    simulator_.run_for(1s);
    keep("data", true, session::kPacketSizeDefault);
    keep("probe of the path", true, NodeOptions().packet_size_max);
    keep_smallest("acknowledgement", false, kinds);

    passed_.clear();
    ASSERT_TRUE(alice_.node->send_datagram(bob_.identity.uuid(), kSink, Bytes(100)));
    alice_.node->post([] {});
    simulator_.run_for(5ms);
    simulator_.run_for(100ms);
    keep("datagram", true, frame_packet(wire::kDatagramIdSize + 100));

    passed_.clear();
    simulator_.run_for(28s);
    keep("keepalive of the initiator", true, session::kPacketOverhead);
    simulator_.run_for(5s);
    // The end of the streams: generation; result.
    keep("control request", true, kControlPacket + 1);
    keep("control answer", false, kControlPacket + 1);

    passed_.clear();
    ASSERT_TRUE(simulator_.run_until([&] { return alice_.node->peers().at(0).key_updates == 1; }, 2min));
    simulator_.run_for(1s);
    keep("key update, half 0", true, kRekeyPacket1, 0);
    keep("key update, half 1", true, kRekeyPacket1, 1);
    keep("key update, half 2", false, kRekeyPacket2, 0);
    keep("key update, half 3", false, kRekeyPacket2, 1);
    keep("control request under new keys", true, kControlPacket);
    keep("control answer under new keys", false, kControlPacket);

    passed_.clear();
    alice_.host.set_addresses({Endpoint::v4(10, 9, 0, ++places_, 0)});
    ASSERT_TRUE(alice_.node->send_datagram(bob_.identity.uuid(), kSink, Bytes(100)));
    alice_.node->post([] {});
    simulator_.run_for(5s);
    keep("path challenge", false, kPathPacket);
    keep("path answer", true, kPathPacket);

    passed_.clear();
    ASSERT_TRUE(alice_.node->disconnect(bob_.identity.uuid()));
    simulator_.run_for(10s);
    keep("close", true, kClosePacket);
  }

 private:
  void keep_message_2_and_3(std::map<std::string, std::vector<Bytes>>& kinds) {
    // Message 2: the two after the cookie. Message 3: the first of Alice that is no piece of message 1.
    std::vector<const Seen*> from_alice, from_bob;
    for (const Seen& seen : passed_) {
      if (seen.data.size() == 704 && seen.from_alice) continue;
      (seen.from_alice ? from_alice : from_bob).push_back(&seen);
    }
    ASSERT_GE(from_alice.size(), 1u);
    ASSERT_GE(from_bob.size(), 4u) << "cookie, message 2, keepalive";
    kinds["message 2, piece 0"].push_back(from_bob[1]->data);
    kinds["message 2, piece 1"].push_back(from_bob[2]->data);
    kinds["message 3"].push_back(from_alice[0]->data);
  }
  void keep_smallest(const char* kind, bool from_alice, std::map<std::string, std::vector<Bytes>>& kinds) {
    const Seen* smallest = nullptr;
    for (const Seen& seen : passed_) {
      if (seen.from_alice != from_alice) continue;
      if (smallest == nullptr || seen.data.size() < smallest->data.size()) smallest = &seen;
    }
    ASSERT_NE(smallest, nullptr);
    kinds[kind].push_back(smallest->data);
  }

  sim::Simulator simulator_{1};
  std::shared_ptr<Extender> zeros_ = make_extender(kSink, {.on_stream = [](std::shared_ptr<Stream> stream) {
                                                     stream->on_readable([stream] {
                                                       Bytes out(20'000);
                                                       while (stream->read(out) > 0) continue;
                                                       if (stream->at_end()) stream->finish();
                                                     });
                                                   }});
  TestNode alice_{simulator_, 1, {.anywhere = true, .extenders = {zeros_}, .privacy = {.key_update = {60s, 60s}}}};
  TestNode bob_{simulator_, 2, {.extenders = {zeros_}, .privacy = {.key_update = {60s, 60s}}}};
  std::vector<Seen> passed_;
  std::uint8_t places_ = 0;
};

std::vector<Bytes> random_samples(std::uint64_t seed) {
  sim::SeededRandom random(seed);
  std::vector<Bytes> samples(kSessions, Bytes(64));
  for (Bytes& sample : samples) random.fill(sample);
  return samples;
}

TEST(RandomnessTest, EveryByteOfEveryKindOfPacketLooksRandom) {
  std::map<std::string, std::vector<Bytes>> kinds;
  Sessions sessions;
  for (std::size_t i = 0; i < kSessions; ++i) {
    ASSERT_NO_FATAL_FAILURE(sessions.hold(kinds));
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(kinds.size(), 25u);
  for (const auto& [kind, samples] : kinds) {
    EXPECT_EQ(samples.size(), kSessions) << kind;
    for (const std::string& finding : not_random(samples)) ADD_FAILURE() << kind << ": " << finding;
  }

  // For information: the rule that blocks connections which look random looks at TCP only, where we look otherwise
  // (src/wire/tcp_framing_test.cpp). It would find us here.
  std::size_t blocked = 0;
  for (const Bytes& first : kinds["message 1, piece 0"]) blocked += wire::censor_rule_blocks(first);
  std::printf("The published censor rule for TCP would block %zu of %zu first UDP datagrams.\n", blocked, kSessions);
  RecordProperty("first_datagrams_that_the_tcp_rule_would_block", static_cast<int>(blocked));
}

TEST(RandomnessTest, PaddingAndCoverLookRandom) {
  sim::Simulator simulator(2);
  simulator.set_default_link({.delay = 10ms});
  // The clock of cover is slow, so that it is known which packet is which.
  const Privacy clock{.padding = Padding::full, .cover = Cover::constant, .cover_interval = 1s};
  const auto silent = make_extender(kSink, {});
  TestNode alice(simulator, 1, {.extenders = {silent}, .privacy = clock});
  TestNode bob(simulator, 2, {.extenders = {silent}, .privacy = clock});
  std::vector<Bytes> from_alice, from_bob;
  simulator.add_tap([&](const sim::PassingDatagram& passing) {
    auto& passed = passing.to == bob.host.v4(5000) ? from_alice : from_bob;
    passed.emplace_back(passing.data.begin(), passing.data.end());
    return sim::Verdict{};
  });

  std::map<std::string, std::vector<Bytes>> kinds;
  for (std::size_t i = 0; i < kSessions; ++i) {
    ASSERT_TRUE(alice.connect(bob.address()));
    simulator.run_for(10s);  // at one packet a second it takes some until all is said
    const std::uint64_t cover_then = alice.node->counters().cover_bytes_sent;
    from_alice.clear();
    from_bob.clear();
    simulator.run_for(1s);
    ASSERT_EQ(from_alice.size(), 1u);
    ASSERT_EQ(from_bob.size(), 1u);
    ASSERT_EQ(alice.node->counters().cover_bytes_sent - cover_then, from_alice[0].size()) << "it was cover";
    kinds["cover of the initiator"].push_back(from_alice[0]);
    kinds["cover of the responder"].push_back(from_bob[0]);

    from_alice.clear();
    ASSERT_TRUE(alice.node->send_datagram(bob.identity.uuid(), kSink, Bytes(10)));
    alice.node->post([] {});
    simulator.run_for(1s);
    ASSERT_EQ(from_alice.size(), 1u);
    kinds["datagram with much padding"].push_back(from_alice[0]);

    from_alice.clear();
    ASSERT_TRUE(alice.node->disconnect(bob.identity.uuid()));
    simulator.run_for(10s);
    ASSERT_GE(from_alice.size(), 1u);
    kinds["close with padding"].push_back(from_alice[0]);
  }
  for (const auto& [kind, samples] : kinds) {
    EXPECT_EQ(samples.size(), kSessions) << kind;
    EXPECT_EQ(samples[0].size(), session::kPacketSizeDefault) << kind;
    for (const std::string& finding : not_random(samples)) ADD_FAILURE() << kind << ": " << finding;
  }
}

TEST(RandomnessTest, RandomBytesPass) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_THAT(not_random(random_samples(seed)), testing::IsEmpty());
}

TEST(RandomnessTest, WhatIsNotRandomIsFound) {
  const auto found = [](const std::function<void(std::size_t, Bytes&)>& spoil) {
    auto samples = random_samples(1);
    for (std::size_t i = 0; i < samples.size(); ++i) spoil(i, samples[i]);
    return not_random(samples);
  };
  const auto all_name = [](const char* byte) {
    return testing::AllOf(testing::SizeIs(testing::Ge(1u)), testing::Each(testing::HasSubstr(byte)));
  };
  EXPECT_THAT(found([](std::size_t, Bytes& sample) { sample[17] = std::byte{0x45}; }), all_name("byte 17"));
  EXPECT_THAT(found([](std::size_t, Bytes& sample) { sample[63] &= std::byte{0x7f}; }), all_name("byte 63"));
  EXPECT_THAT(found([](std::size_t i, Bytes& sample) {
                if (i % 20 == 0) sample[3] = std::byte{0};  // in one session of twenty
              }),
              all_name("byte 3"));
  EXPECT_THAT(found([](std::size_t i, Bytes& sample) { sample[4] = static_cast<std::byte>(i); }), all_name("byte 4"));
  EXPECT_THAT(found([](std::size_t, Bytes& sample) { sample[31] = sample[30]; }), all_name("byte 30"));
  EXPECT_THAT(found([](std::size_t i, Bytes& sample) {
                if (i == 5) sample.pop_back();
              }),
              testing::ElementsAre("lengths differ"));
  EXPECT_THAT(not_random({}), testing::ElementsAre("0 samples are too few; 1280 are needed"));
}

}  // namespace
}  // namespace quantumgate::adversary_test
