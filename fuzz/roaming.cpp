// SPDX-License-Identifier: MIT
// Goal: no schedule of moves, losses and repetitions, and nobody who sends packets on from elsewhere, breaks a session
// whose two ends change their addresses: a path is taken only if a challenge found somebody there, an unproven one gets
// at most three times the bytes that came from it, nobody is accused, and once the network behaves both find each
// other, or both notice that they can not. Method: two sessions with their path followers in virtual time. The input is
// a schedule of moves, of what happens to packets, and of what Mallory does with those that she sees: she sees all, and
// has no keys.
//
//     Alice, at one of four places  --->  flying_  --->  Bob, at one of four places
//                                       Mallory, at hers
#include <deque>
#include <map>
#include <set>

#include "fuzz/input.hpp"
#include "session/path_follower.hpp"
#include "session/session.hpp"
#include "session/test_established.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using session::Path;
using session::PathFollower;
using session::Session;
using namespace std::chrono_literals;

constexpr std::size_t kStepsMax = 500;
constexpr std::size_t kFlyingMax = 48;
constexpr std::size_t kCaughtMax = 16;
constexpr std::size_t kPathPacketSize = session::kPacketOverhead + 1 + wire::PathFrame::kSize;
constexpr Duration kRoundTrip = 50ms;
const Endpoint kMallory = Endpoint::v4(10, 9, 0, 1, 9);

Endpoint place(int side, std::uint8_t number) {
  return Endpoint::v4(10, static_cast<std::uint8_t>(side), 0, static_cast<std::uint8_t>(number % 4),
                      static_cast<std::uint16_t>(1000 + number % 4));
}

struct Indexes final : handshake::IndexAllocator {
  explicit Indexes(std::uint32_t first) : next(first) {}
  std::uint32_t allocate() override { return next++; }
  void release(std::uint32_t) override {}
  std::uint32_t next;
};

struct End final : session::FrameSink {
  End(int which, RandomSource& random, TimePoint now)
      : side(which),
        at(place(which, 0)),
        indexes(which == 0 ? 1000 : 2000),
        session(session::established_for_test(which == 0), indexes, random, {}, now),
        paths(Path{place(1 - which, 0)}) {
    session.send_keepalive();
  }
  void on_stream_frame(TimePoint, BytesView) override { ++heard; }
  void on_datagram_frame(TimePoint, BytesView) override { REQUIRE(false); }
  void on_path_frame(TimePoint now, const wire::PathFrame& frame) override { paths.on_frame(now, from, frame); }
  std::optional<Bytes> on_control_request(TimePoint, std::uint8_t, BytesView) override { return std::nullopt; }
  void on_control_answer(TimePoint, std::uint32_t, BytesView) override { REQUIRE(false); }

  bool open() const { return session.state() == Session::State::open; }

  int side;
  Endpoint at;
  Indexes indexes;
  Session session;
  PathFollower paths;
  Path from;                                   // of the packet that is being received
  std::map<Path, std::size_t> received, sent;  // bytes from and to paths while they were not proven
  std::size_t heard = 0;
};

struct Flying {
  Endpoint from, to;
  Bytes packet;
};

class World {
 public:
  World() { run(); }

  void step(fuzz::Input& input) {
    const std::uint8_t what = input.u8();
    End& end = ends_[what / 16 % 2];
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
        deliver(0);
        break;
      case 3:
        deliver(input.u8());
        break;
      case 4:  // lost
        if (!flying_.empty()) flying_.erase(chosen(input.u8()));
        break;
      case 5:  // twice
        if (!flying_.empty()) put(*chosen(input.u8()));
        break;
      case 6: {  // damaged
        if (!flying_.empty()) fuzz::damage(input, chosen(input.u8())->packet);
        break;
      }
      case 7:  // Mallory is faster
        if (!flying_.empty()) {
          const Flying original = *chosen(input.u8());
          arrive({kMallory, original.to, original.packet});
        }
        break;
      case 8:  // Mallory sends on what came to her, or what she has copied
        if (!caught_.empty()) {
          arrive({kMallory, ends_[input.u8() % 2].at, caught_[input.u8() % caught_.size()]});
        }
        break;
      case 9:  // in the name of somebody else
        if (!flying_.empty()) {
          const Flying original = *chosen(input.u8());
          const std::uint8_t where = input.u8();
          arrive({place(where / 4 % 2, where), original.to, original.packet});
        }
        break;
      case 10:
      case 11:
        end.at = place(end.side, input.u8());
        break;
      case 12:
        say(end);
        break;
      case 13:
        settle();
        break;
      case 14:
        advance(std::chrono::milliseconds(input.u8() * 8));
        break;
      case 15:
        advance(std::chrono::milliseconds(input.u8() * 100));
        break;
    }
    run();
    check();
  }

  void finish() {
    for (int seconds = 0; seconds < 70 && both_open(); ++seconds) {
      for (End& end : ends_) say(end);
      settle();
      advance(1s);
      check();
    }
    if (!both_open()) return;
    const std::size_t heard[] = {ends_[0].heard, ends_[1].heard};
    for (End& end : ends_) say(end);
    settle();
    for (const int side : {0, 1}) {
      REQUIRE(ends_[side].paths.proven() == Path{ends_[1 - side].at});
      REQUIRE(ends_[side].heard == heard[side] + 1);
    }
  }

 private:
  bool both_open() const { return ends_[0].open() && ends_[1].open(); }
  std::deque<Flying>::iterator chosen(std::size_t number) {
    return flying_.begin() + static_cast<std::ptrdiff_t>(number % flying_.size());
  }

  void put(const Flying& flying) {
    if (flying_.size() < kFlyingMax) flying_.push_back(flying);
  }
  void send(End& end, const Path& to, Bytes packet) {
    if (to != end.paths.proven()) {
      std::size_t& sent = end.sent[to];
      sent += packet.size();
      REQUIRE(sent <= session::kPathBytesFactor * end.received[to]);
    }
    put({end.at, to.remote, std::move(packet)});
  }

  void say(End& end) {
    if (!end.open()) return;
    Bytes packet(session::kPacketOverhead + 9);
    packet[session::kHeaderSize] = wire::frame_type(wire::FrameKind::stream);
    end.session.seal(now_, packet, 9, false);
    send(end, end.paths.proven(), std::move(packet));
  }

  void deliver(std::size_t number) {
    if (flying_.empty()) return;
    const auto which = chosen(number);
    const Flying flying = std::move(*which);
    flying_.erase(which);
    arrive(flying);
  }

  void arrive(const Flying& flying) {
    const bool somebody = flying.to == kMallory || flying.to == ends_[0].at || flying.to == ends_[1].at;
    if (somebody && flying.packet.size() == kPathPacketSize) reached_.insert(flying.to);
    if (flying.to == kMallory) {
      caught_.push_back(flying.packet);
      if (caught_.size() > kCaughtMax) caught_.pop_front();
    }
    for (End& end : ends_) {
      if (flying.to == end.at) receive(end, flying);
    }
    run();
  }

  void receive(End& end, const Flying& flying) {
    Bytes packet = flying.packet;
    const Path before = end.paths.proven();
    end.from = Path{flying.from};
    if (end.from != before) end.received[end.from] += packet.size();
    const auto verdict = end.session.receive(now_, packet, end);
    if (verdict == Session::Verdict::accepted && end.from != end.paths.proven()) {
      end.paths.on_packet(now_, end.from, packet.size(), end.session.newest(), kRoundTrip, random_);
    }
    moved(end, before);
  }

  void moved(End& end, const Path& before) {
    const Path& now = end.paths.proven();
    REQUIRE(end.paths.poll_moved() == (now != before));
    if (now == before) return;
    REQUIRE(reached_.contains(now.remote));
    end.received.clear();
    end.sent.clear();
    end.session.want_key_update(now_);
  }

  void settle() {
    for (int packets = 0; !flying_.empty(); ++packets) {
      REQUIRE(packets < 2000);
      deliver(0);
    }
  }

  void run() {
    for (End& end : ends_) {
      for (int packets = 0;; ++packets) {
        REQUIRE(packets <= 40);
        Bytes packet(session::kPacketSizeDefault);
        packet.resize(end.session.poll_transmit(now_, packet));
        if (packet.empty()) break;
        send(end, end.paths.proven(), std::move(packet));
      }
      while (end.open()) {
        const auto out = end.paths.poll_transmit(now_);
        if (!out) break;
        const Bytes body = wire::encode(out->frame);
        Bytes packet(kPathPacketSize);
        packet[session::kHeaderSize] = wire::frame_type(wire::FrameKind::path);
        std::ranges::copy(body, packet.begin() + session::kHeaderSize + 1);
        end.session.seal(now_, packet, 1 + body.size(), false);
        send(end, out->to, std::move(packet));
      }
    }
  }

  void advance(Duration by) {
    const TimePoint until = now_ + by;
    for (int turns = 0;; ++turns) {
      REQUIRE(turns < 1000);
      TimePoint next = until;
      for (const End& end : ends_) {
        if (const auto deadline = end.session.deadline()) next = std::min(next, *deadline);
        if (const auto deadline = end.paths.deadline(); deadline && end.open()) next = std::min(next, *deadline);
      }
      now_ = std::max(now_, next);
      for (End& end : ends_) {
        end.session.on_deadline(now_);
        const Path before = end.paths.proven();
        end.paths.on_deadline(now_);
        if (end.open()) moved(end, before);
      }
      run();
      if (now_ >= until) return;
    }
  }

  void check() const {
    for (const End& end : ends_) {
      if (end.open()) continue;
      const CloseReason reason = end.session.close_reason();
      REQUIRE(reason == CloseReason::idle || reason == CloseReason::key_limit);
    }
  }

  TimePoint now_{};
  sim::SeededRandom random_{1};
  std::array<End, 2> ends_{End{0, random_, now_}, End{1, random_, now_}};
  std::deque<Flying> flying_;
  std::deque<Bytes> caught_;    // by Mallory
  std::set<Endpoint> reached_;  // where a packet as large as a challenge has found somebody
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world;
  fuzz::run(input, world, kStepsMax);
  world.finish();
  return 0;
}
