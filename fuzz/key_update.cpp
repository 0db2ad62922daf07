// SPDX-License-Identifier: MIT
// Goal: no schedule of losses, repetitions, damage, delays and misbehaving peers breaks a session whose keys are
// replaced all the time: what the network carries under keys that live is taken once; honest ends never accuse each
// other, agree on the keys in the end, and hold no more of them than they need; whoever breaks the protocol ends the
// session, and nothing else does. Method: two sessions and a network in virtual time. The input is a schedule of what
// happens to packets and of what the two send; an end may be made to say anything in a REKEY frame.
#include <deque>
#include <set>

#include "fuzz/input.hpp"
#include "session/session.hpp"
#include "session/test_established.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using session::Session;
using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 600;
constexpr std::size_t kInFlightMax = 32;

struct Indexes final : handshake::IndexAllocator {
  explicit Indexes(std::uint32_t first) : used{first}, next(first + 1) {}
  std::uint32_t allocate() override {
    used.insert(next);
    return next++;
  }
  void release(std::uint32_t index) override { REQUIRE(used.erase(index) == 1); }
  std::set<std::uint32_t> used;
  std::uint32_t next;
};

handshake::Established established(bool initiator, const handshake::Suite& suite) {
  handshake::Established e = session::established_for_test(initiator, suite.id);
  e.local_index = initiator ? 1000 : 2000;
  e.remote_index = initiator ? 2000 : 1000;
  return e;
}

// Little is needed for an update, so that a short input brings many.
session::KeyLimits limits() {
  session::KeyLimits limits;
  limits.update_min = 12s;
  limits.update_max = 30s;
  limits.update_packets = 40;
  limits.age_max = 90s;
  return limits;
}

struct End final : session::FrameSink {
  End(bool initiator, const handshake::Suite& suite, RandomSource& random, TimePoint now)
      : indexes(initiator ? 1000 : 2000), session(established(initiator, suite), indexes, random, limits(), now) {
    session.send_keepalive();
  }
  void on_stream_frame(TimePoint, BytesView body) override {
    REQUIRE(body.size() == 8);
    REQUIRE(numbers.insert(load_be<std::uint64_t>(body.first<8>())).second);
  }
  void on_datagram_frame(TimePoint, BytesView) override { REQUIRE(false); }
  void on_path_frame(TimePoint, const wire::PathFrame&) override { REQUIRE(false); }
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t, BytesView) override { return std::nullopt; }
  void on_control_answer(TimePoint, std::uint32_t, BytesView) override { REQUIRE(false); }

  Indexes indexes;
  Session session;
  std::set<std::uint64_t> numbers;  // of the stream frames that came
};

struct Flying {
  Bytes packet;
  TimePoint sent;
  Bytes original = packet;  // before any damage
};

class World {
 public:
  explicit World(const handshake::Suite& suite)
      : ends_{End{true, suite, random_, now_}, End{false, suite, random_, now_}} {
    run();
    settle();
  }

  void step(fuzz::Input& input) {
    const std::uint8_t what = input.u8();
    const int to = what / 16 % 2;
    auto& queue = flying_[static_cast<std::size_t>(to)];
    switch (what % 16) {
      case 0:
      case 1:
        deliver(to, 0);
        break;
      case 2:
        deliver(to, input.u8());
        break;
      case 3:  // lost
        if (!queue.empty()) queue.erase(queue.begin() + input.u8() % static_cast<std::ptrdiff_t>(queue.size()));
        break;
      case 4:  // twice
        if (!queue.empty() && queue.size() < kInFlightMax) queue.push_back(queue[input.u8() % queue.size()]);
        break;
      case 5:
        if (!queue.empty()) fuzz::damage(input, queue[input.u8() % queue.size()].packet);
        break;
      case 6:
      case 7:
        advance(std::chrono::milliseconds(input.u8() * 10));
        break;
      case 8:
        advance(std::chrono::milliseconds(input.u8() * 100));
        break;
      case 9:
      case 10:
        for (int packets = 1 + input.u8() % 8; packets > 0; --packets) say(1 - to);
        break;
      case 11:
        settle();
        break;
      case 12:
        advance(1s);
        settle();
        break;
      case 13:
        misbehave(input, 1 - to);
        break;
      case 14:  // nothing that is as large as a message of an update passes
        std::erase_if(queue, [](const Flying& flying) { return flying.packet.size() > 500; });
        break;
      case 15:
        advance(10s);
        break;
    }
    run();
    check();
  }

  // The network behaves again. If both sessions live they come to terms.
  void finish() {
    for (int seconds = 0; seconds < 45 && open(); ++seconds) {
      settle();
      advance(1s);
      check();
    }
    if (!open() || hostile_) return;
    settle();
    const std::array before{ends_[0].numbers.size(), ends_[1].numbers.size()};
    for (const int from : {0, 1}) say(from);
    settle();
    if (!open()) return;
    REQUIRE(ends_[0].numbers.size() == before[0] + 1 && ends_[1].numbers.size() == before[1] + 1);
    REQUIRE(ends_[0].session.key_updates() == ends_[1].session.key_updates());
    REQUIRE(ends_[0].session.key_updates() > 0);
  }

 private:
  End& end(int which) { return ends_[static_cast<std::size_t>(which)]; }
  bool open() {
    return ends_[0].session.state() == Session::State::open && ends_[1].session.state() == Session::State::open;
  }

  void put(int to, Bytes packet) {
    auto& queue = flying_[static_cast<std::size_t>(to)];
    if (queue.size() < kInFlightMax) queue.push_back({std::move(packet), now_});
  }

  void say(int from) {
    End& sender = end(from);
    if (sender.session.state() != Session::State::open) return;
    Bytes packet(session::kPacketOverhead + 1 + 8);
    packet[session::kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
    store_be(next_number_++, std::span(packet).subspan<session::kHeaderSize + 1, 8>());
    sender.session.seal(now_, packet, 9, false);
    put(1 - from, std::move(packet));
  }

  void misbehave(fuzz::Input& input, int from) {
    End& sender = end(from);
    if (sender.session.state() != Session::State::open) return;
    const std::uint8_t how = input.u8();
    Bytes body(5);
    body[0] = std::byte{static_cast<std::uint8_t>(how % 5)};
    store_be(sender.session.key_updates() + how / 5 % 4 - 1, std::span(body).subspan<1, 4>());
    const BytesView given = input.bytes(input.u16() % 900);
    body.insert(body.end(), given.begin(), given.end());
    if (how / 20 % 3 == 0) body.resize(5 + (how % 2 == 0 ? 626 : 578));
    Bytes packet(session::kPacketOverhead + 1 + body.size());
    packet[session::kHeaderSize] = wire::frame_type(wire::FrameKind::rekey);
    std::ranges::copy(body, packet.begin() + session::kHeaderSize + 1);
    sender.session.seal(now_, packet, 1 + body.size(), false);
    hostile_ = true;
    put(1 - from, std::move(packet));
  }

  void deliver(int to, std::size_t number) {
    auto& queue = flying_[static_cast<std::size_t>(to)];
    if (queue.empty()) return;
    const auto chosen = queue.begin() + static_cast<std::ptrdiff_t>(number % queue.size());
    Flying flying = std::move(*chosen);
    queue.erase(chosen);
    End& receiver = end(to);
    const bool was_open = receiver.session.state() == Session::State::open;
    const bool whole = flying.packet == flying.original;
    const bool known = flying.packet.size() >= 4 &&
                       receiver.indexes.used.contains(load_be<std::uint32_t>(BytesView(flying.packet).first<4>()));
    const std::uint32_t updates = receiver.session.key_updates();
    const std::size_t frames = receiver.numbers.size();
    const auto verdict = receiver.session.receive(now_, flying.packet, receiver);
    if (!was_open || !whole) {
      REQUIRE(verdict == Session::Verdict::unauthentic);
      REQUIRE(receiver.session.key_updates() == updates && receiver.numbers.size() == frames);
    } else if (known) {
      // Under keys that live: taken, or taken before.
      REQUIRE(verdict != Session::Verdict::unauthentic);
    } else {
      REQUIRE(verdict == Session::Verdict::unauthentic && now_ - flying.sent >= session::kKeyGrace);
    }
    run();
  }

  void settle() {
    for (int packets = 0; !flying_[0].empty() || !flying_[1].empty(); ++packets) {
      REQUIRE(packets < 2000);
      deliver(flying_[0].empty() ? 1 : 0, 0);
    }
  }

  void run() {
    for (const int from : {0, 1}) {
      for (int packets = 0;; ++packets) {
        REQUIRE(packets <= 40);
        Bytes packet(session::kPacketSizeDefault);
        packet.resize(end(from).session.poll_transmit(now_, packet));
        if (packet.empty()) break;
        put(1 - from, std::move(packet));
      }
    }
  }

  void advance(Duration by) {
    const TimePoint until = now_ + by;
    for (int turns = 0;; ++turns) {
      REQUIRE(turns < 1000);
      TimePoint next = until;
      for (const End& each : ends_) {
        if (const auto deadline = each.session.deadline()) next = std::min(next, *deadline);
      }
      now_ = std::max(now_, next);
      for (End& each : ends_) each.session.on_deadline(now_);
      run();
      if (now_ >= until) return;
    }
  }

  void check() {
    for (const End& each : ends_) {
      const Session& session = each.session;
      REQUIRE(session.receiving_keys() <= 3 && each.indexes.used.size() <= 4);
      REQUIRE(session.has_keys() == (session.state() == Session::State::open));
      if (session.state() == Session::State::open) {
        REQUIRE(session.deadline() && session.receiving_keys() >= 1);
        REQUIRE(now_ < session.keys_made() + limits().age_max);
      } else {
        REQUIRE(session.receiving_keys() == 0);
        const CloseReason reason = session.close_reason();
        REQUIRE(reason == CloseReason::idle || reason == CloseReason::key_limit ||
                (hostile_ && reason == CloseReason::protocol));
      }
    }
    const std::uint32_t ours = ends_[0].session.key_updates(), theirs = ends_[1].session.key_updates();
    REQUIRE(theirs - ours <= 1);  // the responder makes keys first
  }

  TimePoint now_{};
  sim::SeededRandom random_{1};
  std::array<End, 2> ends_;                   // Alice, who is the initiator, and Bob
  std::array<std::deque<Flying>, 2> flying_;  // to Alice, to Bob
  std::uint64_t next_number_ = 0;
  bool hostile_ = false;  // an end was made to misbehave
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world(*handshake::find_suite(input.u8() % 8 == 0 ? 5 : 1));
  fuzz::run(input, world, kStepsMax);
  world.finish();
  return 0;
}
