// SPDX-License-Identifier: MIT
// Goal: a session lives for days on keys that are minutes old, and nobody above it notices: what the network carries is
// taken, once, whichever keys it was sealed with; no key and no index is used beyond its time, none is kept; a session
// whose keys can not be replaced ends, and says why.
// Method: two sessions and a network in virtual time that loses, delays, reorders and repeats, by repeatable chance.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "base/byte_order.hpp"
#include "session/session.hpp"
#include "session/test_session.hpp"
#include "sim/random.hpp"

namespace quantumgate::session {
namespace {

// Counts the stream frames of its peer: each carries a number.
struct Receiver final : FrameSink {
  void on_stream_frame(TimePoint, BytesView body) override { numbers.insert(load_be<std::uint64_t>(body.first<8>())); }
  void on_datagram_frame(TimePoint, BytesView) override {}
  void on_path_frame(TimePoint, const wire::PathFrame&) override {}
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t, BytesView) override { return std::nullopt; }
  void on_control_answer(TimePoint, std::uint32_t, BytesView) override {}
  std::set<std::uint64_t> numbers;
};

struct Network {
  double loss = 0;
  double repeat = 0.02;
  Duration delay_min = 5ms;
  Duration delay_max = 5ms;
  // Whether a packet gets lost in any case: its sender is the initiator, its bytes.
  std::function<bool(bool, const Bytes&)> drops = [](bool, const Bytes&) { return false; };
};

class Pair {
 public:
  explicit Pair(const Network& weather, KeyLimits limits = {}, std::uint8_t suite = 1, std::uint64_t seed = 1)
      : network(weather), random_(seed), limits_(limits), sides_{End{true, suite, *this}, End{false, suite, *this}} {
    alice().send_keepalive();
    bob().send_keepalive();
  }

  Session& alice() { return sides_[0].session; }
  Session& bob() { return sides_[1].session; }
  const Receiver& at_alice() const { return sides_[0].receiver; }
  const Receiver& at_bob() const { return sides_[1].receiver; }
  TimePoint now() const { return now_; }
  bool open() { return alice().state() == Session::State::open && bob().state() == Session::State::open; }

  // A stream frame of `size` bytes, at least 8.
  void send(bool from_alice, std::size_t size) {
    End& end = sides_[from_alice ? 0 : 1];
    Bytes buffer(kHeaderSize + 1 + size + crypto::kAeadTagSize);
    buffer[kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
    store_be(end.sent++, std::span(buffer).subspan<kHeaderSize + 1, 8>());
    buffer.resize(end.session.seal(now_, buffer, 1 + size, false));
    put(from_alice, std::move(buffer));
  }

  // Everything up to `until`, or to the end of one of the sessions.
  void run(TimePoint until) {
    for (;;) {
      for (const bool from_alice : {true, false}) drain(from_alice);
      check();
      TimePoint next = until;
      if (!flying_.empty()) next = std::min(next, flying_.begin()->first);
      for (End& end : sides_) {
        if (const auto deadline = end.session.deadline()) next = std::min(next, *deadline);
      }
      if (next >= until) break;
      now_ = std::max(now_, next);
      while (!flying_.empty() && flying_.begin()->first <= now_) deliver();
      for (End& end : sides_) {
        if (const auto deadline = end.session.deadline(); deadline && *deadline <= now_) end.session.on_deadline(now_);
      }
      if (!open()) return;
    }
    now_ = until;
  }
  void run_for(Duration duration) { run(now_ + duration); }
  // In steps, but for no longer than an hour.
  void run_until(const std::function<bool()>& done, Duration step = 1ms) {
    const TimePoint limit = now_ + 1h;
    while (!done() && now_ < limit) run_for(step);
    EXPECT_TRUE(done());
  }

  Network network;
  std::uint64_t carried = 0;  // stream frames that the network did not lose
  std::uint64_t taken = 0;    // packets that were accepted
  std::uint64_t refused = 0;  // packets that were not lost, and not taken
  std::uint64_t replayed = 0;
  std::size_t sets_max = 0;  // of keys to receive with

  // Every index that was seen on the wire, by its receiver: when first and last, and how much was sealed for it.
  struct Use {
    TimePoint first, last;
    std::uint64_t packets = 0, bytes = 0;
  };
  std::array<std::map<std::uint32_t, Use>, 2> uses;

 private:
  struct End {
    End(bool initiator, std::uint8_t suite, Pair& pair)
        : random(pair.random_.u64()),
          session(established_for_test(initiator, suite), indexes, random, pair.limits_, pair.now_) {}
    TestIndexes indexes;
    sim::SeededRandom random;
    Session session;
    Receiver receiver;
    std::uint64_t sent = 0;
  };
  struct Flying {
    bool from_alice;
    bool again;
    Bytes packet;
  };

  bool chance(double probability) { return static_cast<double>(random_.below(1'000'000)) < probability * 1e6; }

  void put(bool from_alice, Bytes packet) {
    const auto index = load_be<std::uint32_t>(BytesView(packet).first<4>());
    Use& use = uses[from_alice ? 1 : 0].try_emplace(index, Use{now_, now_}).first->second;
    use.last = now_;
    ++use.packets;
    use.bytes += packet.size();
    if (chance(network.loss) || network.drops(from_alice, packet)) return;
    const auto delay = [&] {
      const auto range = static_cast<std::uint64_t>((network.delay_max - network.delay_min).count());
      return now_ + network.delay_min + Duration(random_.below(range + 1));
    };
    if (chance(network.repeat)) flying_.emplace(delay(), Flying{from_alice, true, packet});
    flying_.emplace(delay(), Flying{from_alice, false, std::move(packet)});
  }

  void deliver() {
    Flying flying = std::move(flying_.extract(flying_.begin()).mapped());
    End& end = sides_[flying.from_alice ? 1 : 0];
    if (end.session.state() != Session::State::open) return;
    switch (end.session.receive(now_, flying.packet, end.receiver)) {
      case Session::Verdict::accepted:
        ++taken;
        break;
      case Session::Verdict::replayed:
        ++replayed;
        break;
      case Session::Verdict::unauthentic:
        ++refused;
        break;
    }
  }

  void drain(bool from_alice) {
    Session& session = sides_[from_alice ? 0 : 1].session;
    for (;;) {
      Bytes buffer(kPacketSizeDefault);
      buffer.resize(session.poll_transmit(now_, buffer));
      if (buffer.empty()) return;
      put(from_alice, std::move(buffer));
    }
  }

  void check() {
    for (End& end : sides_) {
      const Session& session = end.session;
      sets_max = std::max(sets_max, session.receiving_keys());
      if (session.state() != Session::State::open) {
        ASSERT_EQ(session.receiving_keys(), 0u);
        continue;
      }
      ASSERT_LT(now_, session.keys_made() + limits_.age_max);
      // One index for each set of keys, and one more while an update is under way. (The other side's stays unused.)
      ASSERT_LE(end.indexes.used.size(), session.receiving_keys() + 2);
    }
  }

  TimePoint now_{};
  sim::SeededRandom random_;
  KeyLimits limits_;
  std::array<End, 2> sides_;
  std::multimap<TimePoint, Flying> flying_;
};

struct Weather {
  const char* name;
  double loss;
  Duration delay_max;
  std::uint8_t suite;
};

class RekeyInAllWeathers : public ::testing::TestWithParam<Weather> {};

TEST_P(RekeyInAllWeathers, ADayWithoutALostPacket) {
  const auto& [name, loss, delay_max, suite] = GetParam();
  Network network;
  network.loss = loss;
  network.delay_max = delay_max;
  Pair pair(network, {}, suite);
  sim::SeededRandom random(7);
  std::uint64_t sent = 0;
  while (pair.now() < TimePoint{} + 24h) {
    // Silence for up to 10 s, then a burst either way.
    pair.run_for(std::chrono::milliseconds(random.below(10'000)));
    ASSERT_TRUE(pair.open()) << describe(pair.alice().close_reason()) << describe(pair.bob().close_reason());
    for (std::uint64_t burst = random.below(8); burst > 0; --burst) {
      pair.send(random.below(2) == 0, 8 + random.below(1200));
      ++sent;
    }
  }
  pair.run_for(kKeyUpdateMin);  // the last ones arrive

  // Nothing that was carried was refused, and everything was taken once.
  EXPECT_EQ(pair.refused, 0u);
  EXPECT_GT(pair.replayed, 100u);
  const std::size_t arrived = pair.at_alice().numbers.size() + pair.at_bob().numbers.size();
  if (loss == 0) {
    EXPECT_EQ(arrived, sent);
  } else {
    EXPECT_GT(static_cast<double>(arrived), static_cast<double>(sent) * (1 - loss - 0.02));
  }

  // An update every 5 to 20 min; as either side's moment decides, about every 10.
  EXPECT_GE(pair.alice().key_updates(), 24u * 3);
  EXPECT_LE(pair.alice().key_updates(), 24u * 12);
  EXPECT_LE(pair.alice().key_updates() - pair.bob().key_updates() + 1, 2u);
  EXPECT_LE(pair.sets_max, 2u);
  for (const auto& uses : pair.uses) {
    EXPECT_GE(uses.size() + 1, pair.alice().key_updates()) << "an index for each key";
    for (const auto& [index, use] : uses) EXPECT_LT(use.last - use.first, kKeyAgeMax) << index;
  }
}

INSTANTIATE_TEST_SUITE_P(Weathers, RekeyInAllWeathers,
                         ::testing::Values(Weather{"calm", 0, 5ms, 1}, Weather{"wide", 0, 4s, 1},
                                           Weather{"rain", 0.01, 200ms, 5}, Weather{"storm", 0.1, 2s, 1},
                                           Weather{"other_keys", 0.1, 2s, 12}),
                         [](const auto& weather) { return std::string(weather.param.name); });

TEST(RekeyTest, OldKeysOpenWhatIsLateForTheGracePeriodAndAreGoneAfterIt) {
  Network network;
  Bytes held, held_too;
  bool hold = false;
  network.drops = [&](bool from_alice, const Bytes& packet) {
    if (!from_alice || !hold) return false;
    (held.empty() ? held : held_too) = packet;
    return true;
  };
  Pair pair(network);
  pair.run_for(1s);
  hold = true;
  pair.send(true, 100);
  pair.send(true, 100);
  hold = false;
  ASSERT_FALSE(held_too.empty());
  pair.run_until([&] { return pair.alice().key_updates() > 0; });
  const TimePoint made = pair.now();
  pair.run_for(kKeyGrace - 100ms);
  EXPECT_EQ(pair.bob().receiving_keys(), 2u);
  Receiver receiver;
  EXPECT_EQ(pair.bob().receive(pair.now(), held, receiver), Session::Verdict::accepted);
  EXPECT_EQ(receiver.numbers.size(), 1u);
  pair.run_for(200ms);
  EXPECT_EQ(pair.bob().receiving_keys(), 1u);
  EXPECT_EQ(pair.alice().receiving_keys(), 1u);
  EXPECT_EQ(pair.bob().receive(pair.now(), held_too, receiver), Session::Verdict::unauthentic);
  EXPECT_LT(pair.now() - made, kKeyGrace + 200ms);
}

TEST(RekeyTest, NewKeysAreSentWithAsSoonAsThePeerSurelyHasThem) {
  Network network;
  network.repeat = 0;
  Pair pair(network);
  std::array<std::uint32_t, 2> index{};
  pair.network.drops = [&](bool from_alice, const Bytes& packet) {
    index[from_alice ? 0 : 1] = load_be<std::uint32_t>(BytesView(packet).first<4>());
    return false;
  };
  pair.run_for(1s);
  pair.run_until([&] { return pair.bob().key_updates() > 0; });
  // Bob has made keys just now, and answers. 5 ms for each way.
  pair.run_for(4ms);
  pair.send(true, 8);
  pair.send(false, 8);
  EXPECT_EQ(index, (std::array<std::uint32_t, 2>{200, 100}));
  pair.run_for(2ms);
  pair.send(true, 8);
  pair.send(false, 8);
  EXPECT_EQ(index, (std::array<std::uint32_t, 2>{1000, 100})) << "Alice knows that Bob has them";
  pair.run_for(5ms);
  pair.send(false, 8);
  EXPECT_EQ(index, (std::array<std::uint32_t, 2>{1000, 1000})) << "and Bob that Alice does";
  pair.run_for(1s);
  EXPECT_EQ(pair.refused, 0u);
}

// Large packets do not pass: no message of an update comes through, small ones do.
TEST(RekeyTest, ASessionWhoseKeysCanNotBeReplacedEndsAndSaysWhy) {
  Network network;
  network.drops = [](bool, const Bytes& packet) { return packet.size() > 500; };
  Pair pair(network);
  std::uint64_t sent = 0;
  while (pair.open() && pair.now() < TimePoint{} + 1h) {
    pair.run_for(1s);
    if (!pair.open()) break;
    pair.send(true, 100);
    pair.send(false, 100);
    ++sent;
  }
  EXPECT_EQ(pair.now() - TimePoint{}, kKeyAgeMax - kKeyAgeReserve);
  EXPECT_EQ(pair.alice().close_reason(), CloseReason::key_limit);
  EXPECT_EQ(pair.bob().close_reason(), CloseReason::key_limit);
  EXPECT_GE(pair.at_bob().numbers.size() + 1, sent) << "it served to the end";
  EXPECT_EQ(pair.alice().receiving_keys() + pair.bob().receiving_keys(), 0u);
  for (const auto& uses : pair.uses) {
    ASSERT_EQ(uses.size(), 1u);
    EXPECT_LT(uses.begin()->second.last, TimePoint{} + kKeyAgeMax);
  }
}

TEST(RekeyTest, AfterALongSleepNothingIsDoneWithKeysThatAreTooOld) {
  for (const int way : {0, 1, 2}) {
    TestIndexes indexes;
    sim::SeededRandom random(1);
    Session alice(established_for_test(true), indexes, random, {}, TimePoint{});
    Session bob(established_for_test(false), indexes, random, {}, TimePoint{});
    Bytes packet(100);
    packet.resize(alice.seal(TimePoint{}, packet, 0, false));
    const TimePoint late = TimePoint{} + kKeyAgeMax;
    Receiver receiver;
    if (way == 0) {
      EXPECT_EQ(bob.receive(late, packet, receiver), Session::Verdict::unauthentic);
    }
    if (way == 1) bob.close(late, CloseReason::normal);
    if (way == 2) bob.on_deadline(late);
    EXPECT_EQ(bob.state(), Session::State::closed);
    EXPECT_FALSE(bob.has_keys());
    Bytes buffer(kPacketSizeDefault);
    EXPECT_EQ(bob.poll_transmit(late, buffer), 0u) << "not even CLOSE";
  }
}

TEST(RekeyTest, MuchUseBringsAnUpdateForwardFromEitherSide) {
  for (const bool from_alice : {true, false}) {
    for (const bool by_bytes : {true, false}) {
      KeyLimits limits;
      (by_bytes ? limits.update_bytes : limits.update_packets) = by_bytes ? 50'000 : 100;
      limits.packets_max = 1000;
      Network network;
      Pair pair(network, limits);
      for (int i = 0; i < 20'000; ++i) {
        pair.send(from_alice, by_bytes ? 1000 : 8);
        pair.run_for(200ms);
        ASSERT_TRUE(pair.open());
      }
      // As often as the grace period allows: 20,000 x 200 ms is more than an hour.
      EXPECT_GT(pair.bob().key_updates(), by_bytes ? 250u : 150u);
      EXPECT_EQ(pair.refused, 0u);
      EXPECT_EQ((from_alice ? pair.at_bob() : pair.at_alice()).numbers.size(), 20'000u);
      for (const auto& uses : pair.uses) {
        for (const auto& [index, use] : uses) EXPECT_LE(use.packets, limits.packets_max);
      }
    }
  }
}

TEST(RekeyTest, ASessionThatUsesItsKeysUpEndsWithinTheLimits) {
  for (const bool by_bytes : {true, false}) {
    KeyLimits limits;
    limits.update_packets = limits.update_bytes = 1000;
    (by_bytes ? limits.bytes_max : limits.packets_max) = by_bytes ? 2'000'000 : 5'000;
    Network network;
    Pair pair(network, limits);
    pair.run_for(1s);
    // All at once: faster than any update.
    for (int i = 0; i < 10'000 && pair.alice().state() == Session::State::open; ++i) pair.send(true, 1200);
    EXPECT_EQ(pair.alice().close_reason(), CloseReason::key_limit);
    pair.run_for(1s);
    EXPECT_EQ(pair.bob().close_reason(), CloseReason::key_limit);
    EXPECT_TRUE(pair.bob().closed_by_peer());
    const auto& use = pair.uses[1].at(200);
    EXPECT_LE(use.packets, limits.packets_max);
    EXPECT_LE(use.bytes, limits.bytes_max);
    EXPECT_GE(use.packets, by_bytes ? 1'500u : 4'900u) << "and not much earlier than it must";
  }
}

TEST(RekeyTest, TheResponderAsksWhenItsOwnMomentComes) {
  int bob_first = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Network network;
    bool asked = false;
    // A request of 4 bytes: 24 + 1 + 6 + 4.
    network.drops = [&](bool from_alice, const Bytes& packet) {
      asked = asked || (!from_alice && packet.size() == 35);
      return false;
    };
    Pair pair(network, {}, 1, seed);
    pair.run_until([&] { return pair.bob().key_updates() > 0; }, 1s);
    bob_first += asked;
    EXPECT_GE(pair.now() - TimePoint{}, kKeyUpdateMin);
  }
  EXPECT_GT(bob_first, 2);
  EXPECT_LT(bob_first, 18);
}

TEST(RekeyTest, RekeyFramesThatBreakTheProtocolEndTheSession) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, std::size_t{5}, std::size_t{631}}) {
    TestIndexes indexes;
    sim::SeededRandom random(1);
    Session alice(established_for_test(true), indexes, random, {}, TimePoint{});
    Session bob(established_for_test(false), indexes, random, {}, TimePoint{});
    Bytes packet(kPacketOverhead + 1 + size);
    packet[kHeaderSize] = wire::frame_type(wire::FrameKind::rekey);
    if (size > 4) packet[kHeaderSize + 5] = std::byte{2};  // an epoch too far
    alice.seal(TimePoint{}, packet, 1 + size, false);
    Receiver receiver;
    EXPECT_EQ(bob.receive(TimePoint{} + 1min, packet, receiver), Session::Verdict::accepted);
    EXPECT_EQ(bob.close_reason(), CloseReason::protocol);
  }
}

}  // namespace
}  // namespace quantumgate::session
