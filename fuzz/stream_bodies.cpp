// SPDX-License-Identifier: MIT
// Goal: Streams take any frame body and any signal in either role without fault and within their bounds; without such
// misbehaviour every byte arrives, once and in order, whatever the path loses, doubles and reorders.
// Method: two Streams in virtual time. The input is a schedule of what their users do and of what happens to bodies and
// signals. Schedules in which nobody misbehaved must end with every stream finished both ways and read to its end.
#include <deque>

#include "fuzz/stream_traffic.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::stream;
using namespace std::chrono_literals;
using fuzz::StreamTraffic;

constexpr std::size_t kStepsMax = 500;
constexpr std::size_t kInFlightMax = 200;

class World {
 public:
  void step(fuzz::Input& input) {
    const std::uint8_t what = input.u8();
    const int side = what / 16 % 2;
    auto& queue = in_flight_.at(side);  // towards the other side
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
        traffic_.act(input, side);
        break;
      case 4:
        room_ = Streams::kRoomMin + input.u8() * 4;
        break;
      case 5:
      case 6:
        deliver(side, 0);
        break;
      case 7:
        deliver(side, input.u8());
        break;
      case 8:
        take(side, input.u8());
        break;
      case 9:
        if (queue.size() < kInFlightMax) {
          if (const auto body = take(side, input.u8())) queue.insert(queue.end(), 2, *body);
        }
        break;
      case 10:
        advance(std::chrono::milliseconds(input.u8() * (what >= 128 ? 200 : 1)));
        break;
      case 11:
        settle();
        break;
      case 12: {  // changed by somebody who holds the keys
        if (auto body = take(side, input.u8())) {
          fuzz::damage(input, *body);
          misbehave(side, *body);
        }
        break;
      }
      case 13:
        misbehave(side, input.bytes(input.u16() % 1400));
        break;
      case 14:
        signal(side, input.u8() % 4 == 0);
        break;
      case 15: {  // a signal that the other side did not send
        const auto kind = static_cast<Signal>(1 + input.u8() % 3);
        const SignalRequest request{kind, static_cast<std::uint8_t>(streams(side).generation() + input.u8() % 3 - 1)};
        if (input.u8() % 2 == 0) break;
        traffic_.distrust();
        streams(side).on_signal(now_, request);
        break;
      }
    }
    run();
    traffic_.check();
  }

  void finish() {
    for (int turns = 0; !traffic_.wind_up(); ++turns) {
      settle();
      if (turns > 100 && !traffic_.honest()) break;
      REQUIRE(turns <= 600);
      advance(pause());
    }
    // What was reset may have to be said again until both ends have forgotten it.
    for (int turns = 0; turns == 0 || initiator_.open_streams() + responder_.open_streams() > 0; ++turns) {
      traffic_.reset_all();
      settle();
      traffic_.check();
      if (turns > 10 && !traffic_.honest()) break;
      REQUIRE(turns <= 600);
      advance(pause());
    }
  }

 private:
  Streams& streams(int side) { return side == 0 ? initiator_ : responder_; }

  // To the next thing that an end means to do: after an outage that may be far away, since QUIC backs off.
  Duration pause() const {
    const auto next =
        std::min(initiator_.deadline().value_or(TimePoint::max()), responder_.deadline().value_or(TimePoint::max()));
    return traffic_.honest() && next != TimePoint::max() ? std::max<Duration>(100ms, next - now_) : 100ms;
  }

  std::optional<Bytes> take(int side, std::size_t number) {
    auto& queue = in_flight_.at(side);
    if (queue.empty()) return std::nullopt;
    const auto chosen = queue.begin() + static_cast<std::ptrdiff_t>(number % queue.size());
    Bytes body = std::move(*chosen);
    queue.erase(chosen);
    return body;
  }

  void deliver(int side, std::size_t number) {
    if (const auto body = take(side, number)) streams(1 - side).receive(now_, *body);
  }

  void misbehave(int side, BytesView body) {
    traffic_.distrust();
    streams(1 - side).receive(now_, body);
  }

  // The oldest signal reaches the other side and is answered, or fails.
  void signal(int side, bool lost) {
    auto& queue = signals_.at(side);
    if (queue.empty()) return;
    const SignalRequest request = queue.front();
    queue.pop_front();
    if (lost) return streams(side).on_signal_failed(now_, request);
    streams(side).on_signal_answer(now_, request, streams(1 - side).on_signal(now_, request));
  }

  void run() {
    for (const int side : {0, 1}) {
      traffic_.poll_events(side);
      for (int bodies = 0;; ++bodies) {
        REQUIRE(bodies < 2000);
        Bytes body(room_);
        const std::size_t size = streams(side).poll_transmit(now_, body);
        REQUIRE(size <= body.size());
        if (size == 0) break;
        body.resize(size);
        if (in_flight_.at(side).size() < kInFlightMax) in_flight_.at(side).push_back(std::move(body));
      }
      streams(side).burst_sent();
      while (const auto request = streams(side).poll_signal()) {
        signals_.at(side).push_back(*request);
        REQUIRE(signals_.at(side).size() <= 64);
      }
      traffic_.poll_events(side);
    }
  }

  void settle() {
    run();
    for (int turns = 0; turns < 3000; ++turns) {
      bool quiet = true;
      for (const int side : {0, 1}) {
        quiet = quiet && in_flight_.at(side).empty() && signals_.at(side).empty();
        deliver(side, 0);
        signal(side, false);
      }
      if (quiet) break;
      run();
    }
  }

  void advance(Duration by) {
    const TimePoint until = now_ + by;
    for (int turns = 0; now_ < until; ++turns) {
      REQUIRE(turns < 3000);
      TimePoint next = until;
      for (const int side : {0, 1}) {
        if (const auto deadline = streams(side).deadline()) next = std::min(next, *deadline);
      }
      now_ = std::max(now_, next);
      for (const int side : {0, 1}) {
        if (const auto deadline = streams(side).deadline(); deadline && *deadline <= now_) {
          streams(side).on_deadline(now_);
        }
      }
      run();
    }
  }

  TimePoint now_{5s};
  sim::SeededRandom random_{1};
  Streams initiator_{Role::initiator, StreamTraffic::limits(), Streams::encoded_parameters(StreamTraffic::limits()),
                     random_};
  Streams responder_{Role::responder, StreamTraffic::limits(), {}, random_};
  StreamTraffic traffic_{&initiator_, &responder_};
  std::size_t room_ = 1180;
  std::array<std::deque<Bytes>, 2> in_flight_;
  std::array<std::deque<SignalRequest>, 2> signals_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world;
  fuzz::run(input, world, kStepsMax);
  world.finish();
  return 0;
}
