// SPDX-License-Identifier: MIT
// Goal: whatever a path does to probes and their answers, and whenever, packets are never larger than a size that was
// answered, nor probes more frequent than they may be; where nothing large passes they are small soon; and on a path
// that behaves the size is found, whatever was before.
// Method: the input is a schedule of time, use, progress, what the path carries, and answers: lost, late, repeated,
// invented. Time goes from deadline to deadline, as the engine's owner would have it.
#include <deque>
#include <set>

#include "fuzz/input.hpp"
#include "session/constants.hpp"
#include "session/path_mtu.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::session;

constexpr std::size_t kAnswersMax = 16;

class World {
 public:
  explicit World(fuzz::Input& input)
      : size_max_(kPacketSizeDefault + input.u8() % (kPacketSizeMax - kPacketSizeDefault + 1)), mtu_(now_, size_max_) {}

  void step(fuzz::Input& input) {
    const std::uint8_t what = input.u8();
    switch (what % 8) {
      case 0:
        use();
        break;
      case 1:
        advance(std::chrono::milliseconds(input.u8() * 4));
        break;
      case 2:
        advance(std::chrono::milliseconds(input.u8() * 1000));
        break;
      case 3:
        carries_ = what / 8 % 2 == 0 ? 0 : kPacketSizeDefault + input.u8();
        break;
      case 4:  // an answer, in whatever order
        if (!answers_.empty()) answer(answers_[input.u8() % answers_.size()]);
        break;
      case 5:
        answer({input.u32(), 0});
        break;
      case 6:
        round_trip_ = std::chrono::milliseconds(input.u16());
        break;
      case 7:
        if (what / 8 % 4 == 0) mtu_.on_doubt(now_, round_trip_, random_);
        last_received_ = now_;
        break;
    }
    run();
  }

  void finish() {
    carries_ = size_max_;
    round_trip_ = 40ms;
    answers_.clear();
    for (const TimePoint end = now_ + kMtuSearchInterval + 2min; now_ < end;) {
      last_received_ = now_;
      ++delivered_;
      use();
      run();
      while (!answers_.empty()) answer(answers_.front());
      advance(100ms);
    }
    REQUIRE(mtu_.size() == size_max_);

    carries_ = 0;  // and yet something comes
    const TimePoint dead = now_;
    while (now_ < dead + kMtuWaitMax + 1s) {
      last_received_ = now_;
      use();
      run();
      advance(100ms);
    }
    REQUIRE(mtu_.size() == kPacketSizeDefault);
  }

 private:
  struct Answer {
    std::uint64_t token;
    std::size_t size;
  };

  void use() {
    mtu_.on_progress(now_, delivered_, true, round_trip_, random_);
    mtu_.on_use(now_, round_trip_, random_);
  }

  void answer(Answer answer) {
    const std::size_t before = mtu_.size();
    mtu_.on_answer(now_, answer.token, random_);
    if (answer.size != 0) {
      answered_.insert(answer.size);
      std::erase_if(answers_, [&](const Answer& one) { return one.token == answer.token; });
    } else {
      REQUIRE(mtu_.size() == before);
    }
  }

  void run() {
    for (int sent = 0; const auto probe = mtu_.poll_transmit(now_); ++sent) {
      REQUIRE(sent == 0);
      REQUIRE(probe->frame.what == wire::PathWhat::challenge);
      REQUIRE(probe->size >= kPacketSizeDefault && probe->size <= size_max_);
      const bool same = probe->frame.token == token_;
      REQUIRE(!same || (probe->size == size_ && now_ >= sent_ + kMtuWaitMin));
      token_ = probe->frame.token;
      size_ = probe->size;
      sent_ = now_;
      if (probe->size <= carries_ && answers_.size() < kAnswersMax) answers_.push_back({token_, size_});
    }
    REQUIRE(mtu_.size() == kPacketSizeDefault || answered_.contains(mtu_.size()));
  }

  void advance(Duration time) {
    const TimePoint end = now_ + time;
    for (int turns = 0;; ++turns) {
      const auto next = mtu_.deadline();
      if (!next || *next > end) break;
      REQUIRE(turns < 10'000);
      now_ = std::max(now_, *next);
      mtu_.on_deadline(now_, last_received_, random_);
      run();
    }
    now_ = end;
  }

  sim::SeededRandom random_{1};
  TimePoint now_{1h};
  const std::size_t size_max_;
  PathMtu mtu_;
  std::size_t carries_ = kPacketSizeMax;
  Duration round_trip_ = 40ms;
  TimePoint last_received_{};
  std::uint64_t delivered_ = 0;
  std::deque<Answer> answers_;  // on their way; at most kAnswersMax
  std::set<std::size_t> answered_;
  std::uint64_t token_ = 0;  // these three: the last probe
  std::size_t size_ = 0;
  TimePoint sent_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  World world(input);
  fuzz::run(input, world, 2000);
  world.finish();
  return 0;
}
