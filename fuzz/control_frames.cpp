// SPDX-License-Identifier: MIT
// Goal: whatever a peer sends as control frames and however time passes, the channel stays within its bounds and every
// request of ours ends exactly once.
// Method: the input is a schedule of requests, answers, frames (raw, or answers to ids in use) and passing time; a set
// of the requests that have not ended is the model.
#include <set>

#include "fuzz/input.hpp"
#include "session/control_channel.hpp"
#include "wire/frames.hpp"

namespace {

using namespace quantumgate;
using session::ControlChannel;

class Model {
 public:
  explicit Model(std::uint32_t first_id) : channel_(first_id) {}

  void step(fuzz::Input& input) {
    switch (input.u8() % 6) {
      case 0: {
        const std::uint8_t method = input.u8();
        const auto id = channel_.request(now_, method, input.bytes(input.u16() % (wire::kControlBodyMax + 1)));
        REQUIRE(id.has_value() == (open_.size() < session::kRequestsOpenMax));
        if (id) REQUIRE(open_.insert(*id).second);
        break;
      }
      case 1: {
        const std::uint32_t id = input.u32();
        channel_.answer(id, input.u8(), input.bytes(input.u16() % (wire::kControlBodyMax + 1)));
        break;
      }
      case 2:
        receive(input.bytes(input.u16() % 300));
        break;
      case 3: {  // an answer that may fit
        std::uint32_t id = input.u32();
        if (!open_.empty()) id = *std::next(open_.begin(), id % open_.size());
        Bytes frame = wire::encode(wire::ControlHeader{wire::ControlWhat::answer, id, input.u8()});
        const BytesView body = input.bytes(input.u8());
        frame.insert(frame.end(), body.begin(), body.end());
        receive(frame);
        break;
      }
      case 4:
        now_ += std::chrono::milliseconds(input.u16());
        channel_.on_deadline(now_);
        break;
      case 5:
        transmit();
        break;
    }
    collect_failed();
    REQUIRE(channel_.open_requests() == open_.size());
  }

  // Nobody answers any more: all requests must fail in bounded time.
  void finish() {
    for (std::size_t turns = 0; transmit(), !open_.empty(); ++turns) {
      REQUIRE(turns <= session::kRequestTriesMax * session::kRequestsOpenMax);
      const auto deadline = channel_.deadline();
      REQUIRE(deadline);
      now_ = std::max(now_, *deadline);
      channel_.on_deadline(now_);
      collect_failed();
    }
    REQUIRE(channel_.open_requests() == 0 && !channel_.deadline());
  }

 private:
  void receive(BytesView frame) {
    const auto received = channel_.receive(frame);
    const bool well_formed = frame.size() >= wire::ControlHeader::kSize && frame[0] <= std::byte{1} &&
                             frame.size() <= wire::ControlHeader::kSize + wire::kControlBodyMax;
    REQUIRE(received.has_value() == well_formed);
    if (!received || !*received) return;
    const auto& [is_request, id, method, body] = **received;
    REQUIRE(is_request == (frame[0] == std::byte{0}));
    REQUIRE(id == load_be<std::uint32_t>(frame.subspan<1, 4>()) && std::byte{method} == frame[5]);
    REQUIRE(body.size() == frame.size() - wire::ControlHeader::kSize);
    if (!is_request) REQUIRE(open_.erase(id) == 1);
  }

  void collect_failed() {
    while (const auto failed = channel_.poll_failed()) REQUIRE(open_.erase(failed->id) == 1);
  }

  void transmit() {
    for (std::size_t frames = 0;; ++frames) {
      REQUIRE(frames <= 2 * session::kRequestsOpenMax);
      const Bytes body = channel_.poll_transmit(now_);
      if (body.empty()) return;
      REQUIRE(body.size() >= wire::ControlHeader::kSize);
      REQUIRE(body.size() <= wire::ControlHeader::kSize + wire::kControlBodyMax);
    }
  }

  TimePoint now_{};
  ControlChannel channel_;
  std::set<std::uint32_t> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  Model model(input.u32());
  fuzz::run(input, model);
  model.finish();
  return 0;
}
