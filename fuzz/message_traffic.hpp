// SPDX-License-Identifier: MIT
// Users who send each other messages over the streams of a session, for fuzz targets: every message says whose it is
// and which, so that anything lost, changed, doubled or out of order is noticed, and everybody who waits is told once.
// Ownership: borrows the Streams.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "fuzz/traffic.hpp"
#include "node/messages.hpp"
#include "node/stream_table.hpp"
#include "quantumgate/stream.h"

namespace quantumgate::fuzz {

class MessageTraffic final : public Traffic {
 public:
  static constexpr std::size_t kSentMax = 300;       // by one side in one run
  static constexpr std::size_t kSizeMax = 20'000;    // of a message, above the window of a stream
  static constexpr std::uint32_t kHeldMax = 1024;    // what an extender may keep
  static constexpr const char* kName = "fuzz.talk";  // of the extender at both ends

  MessageTraffic() {
    for (const int side : {0, 1}) sides_.at(side).other = &sides_.at(1 - side);
    for (Side& side : sides_) side.traffic = this;
  }
  ~MessageTraffic() override { REQUIRE(sides_[0].streams_ == nullptr && sides_[1].streams_ == nullptr); }
  MessageTraffic(const MessageTraffic&) = delete;
  MessageTraffic& operator=(const MessageTraffic&) = delete;

  void attach(int side, stream::Streams* streams) override { sides_.at(side).attach(streams); }
  void expect_loss() override {}
  void act(Input& input, int side) override {
    if (sides_.at(side).streams_ != nullptr) sides_.at(side).act(input);
  }
  void turn(int side, TimePoint now) override {
    if (sides_.at(side).streams_ != nullptr) sides_.at(side).turn(now);
  }
  std::optional<TimePoint> deadline(int side) const override {
    const Side& user = sides_.at(side);
    return user.streams_ == nullptr ? std::nullopt : user.messages->deadline();
  }
  void say(int side) override { REQUIRE(sides_.at(side).send(Priority::normal, 5000, true)); }
  bool wind_up() override {
    bool over = true;
    for (Side& side : sides_) {
      REQUIRE(side.streams_ != nullptr);
      side.hold = false;
      side.held.clear();
      over = over && side.pending.empty() && !side.refused;
    }
    // Nothing was lost on the way.
    for (const Side& side : sides_) over = over && side.expected == side.other->sent;
    return over;
  }
  void check() const override {
    for (const Side& side : sides_) {
      REQUIRE(side.held.size() <= kHeldMax && side.table.incomplete() <= 256);
      REQUIRE(side.streams_ == nullptr || side.pending.size() <= side.sent_in_all());
    }
  }

 private:
  // One end: what a Connection does for messages.
  struct Side final : node::StreamHub, node::MessageHost {
    // --- the user ---

    void act(Input& input) {
      const std::uint8_t what = input.u8();
      switch (what % 8) {
        case 6:
          hold = !hold;
          break;
        case 7:
          held.clear();
          break;
        default:
          send(static_cast<Priority>(what / 8 % 3), input.u16() % kSizeMax, what / 24 % 2 == 0);
          break;
      }
    }

    bool send(Priority priority, std::size_t size, bool compress) {
      std::uint32_t& number = sent.at(static_cast<std::size_t>(priority));
      if (sent_in_all() == kSentMax) return false;
      const auto key = std::pair(priority, number);
      sending = true;
      const auto queued =
          messages->send(kName, content(priority, number, size), priority, compress, [this, key](Result<void>) {
            REQUIRE(!sending);
            REQUIRE(pending.erase(key) == 1);
          });
      sending = false;
      if (queued) {
        pending.insert(key);
        ++number;
      } else {
        REQUIRE(queued.error().code == ErrorCode::would_block || queued.error().code == ErrorCode::limit);
        refused = refused || queued.error().code == ErrorCode::would_block;
      }
      return queued.has_value();
    }

    std::size_t sent_in_all() const { return std::size_t{sent[0]} + sent[1] + sent[2]; }

    // Its number, then bytes that depend on that and on the place; some of it can be compressed.
    static Bytes content(Priority priority, std::uint32_t number, std::size_t size) {
      Bytes bytes(4 + size);
      store_be(number, std::span(bytes).first<4>());
      const std::size_t period = number % 2 == 0 ? 16 : 251;
      for (std::size_t i = 0; i < size; ++i) {
        bytes[4 + i] = static_cast<std::byte>(i % period * 7 + number * 29 + static_cast<std::size_t>(priority));
      }
      return bytes;
    }

    void on_message(const std::string& extender, Message message) override {
      REQUIRE(extender == kName);
      if (traffic->honest()) {
        const BytesView bytes = message.bytes();
        const auto priority = static_cast<std::size_t>(message.priority());
        REQUIRE(bytes.size() >= 4);
        const auto number = load_be<std::uint32_t>(bytes.first<4>());
        // Those between are lost with a stream that broke off; none comes twice, or late.
        REQUIRE(number >= expected.at(priority) && number < other->sent.at(priority));
        REQUIRE(std::ranges::equal(bytes, content(message.priority(), number, bytes.size() - 4)));
        expected.at(priority) = number + 1;
      }
      if (hold) held.push_back(std::move(message));
    }
    void on_message_room(const std::string& extender) override {
      REQUIRE(extender == kName);
      refused = false;
    }

    // --- the connection ---

    void attach(stream::Streams* streams) {
      if (streams_ != nullptr) {
        // As Connection::end_streams: everybody who waits is told.
        posted.reset();
        table.end(Error{ErrorCode::closed, "using a stream"});
        REQUIRE(pending.empty() && !refused);
        messages.reset();
        held.clear();
      }
      streams_ = streams;
      if (streams_ == nullptr) return;
      posted = std::make_shared<std::deque<std::function<void()>>>();
      messages = std::make_unique<node::Messages>(static_cast<node::StreamHub&>(*this),
                                                  static_cast<node::MessageHost&>(*this));
    }

    void turn(TimePoint now) {
      while (!posted->empty()) {
        const auto work = std::move(posted->front());
        posted->pop_front();
        work();
      }
      table.serve(*streams_, [this](stream::StreamId id, const auto& header) { accept(id, header); });
      messages->tidy(now);
    }

    void accept(stream::StreamId id, const Result<wire::StreamHeader>& header) {
      const bool is_ours = header && header->name == kName && wire::carries_messages(header->kind);
      REQUIRE(is_ours || !traffic->honest());
      if (!is_ours) return streams_->reset(id, kStreamNoSuchExtender);
      messages->accept(id, *header);
    }

    const PeerUuid& peer_uuid() const noexcept override { return uuid; }
    stream::Streams& streams() noexcept override { return *streams_; }
    node::Compressor& compressor() noexcept override {
      static node::Compressor shared;  // remembers nothing from one call to the next
      return shared;
    }
    void touched() override {}
    void wake(stream::StreamId id) override { table.wake(id); }
    void break_off(stream::StreamId id, std::uint64_t code) override {
      REQUIRE(!traffic->honest());
      streams_->reset(id, code);
      table.drop(id);
    }
    Result<stream::StreamId> open_message_stream(wire::StreamKind kind, const std::string& extender,
                                                 Priority priority) override {
      const auto id = streams_->open(priority);
      if (!id) return fail(id.error());
      const Bytes header = wire::StreamHeader{kind, extender}.encode();
      REQUIRE(streams_->write(*id, header) == header.size());
      return *id;
    }
    void own(stream::StreamId id, std::shared_ptr<node::StreamOwner> owner) override {
      table.own(id, std::move(owner));
    }
    std::optional<std::size_t> message_size_max(const std::string& extender) const override {
      if (extender != kName) return std::nullopt;
      return 4 + kSizeMax;
    }
    std::function<void(std::function<void()>)> poster() override {
      return [queue = std::weak_ptr(posted)](std::function<void()> work) {
        if (const auto open = queue.lock()) open->push_back(std::move(work));
      };
    }

    MessageTraffic* traffic = nullptr;
    Side* other = nullptr;
    PeerUuid uuid;
    stream::Streams* streams_ = nullptr;
    std::unique_ptr<node::Messages> messages;
    node::StreamTable table;
    std::shared_ptr<std::deque<std::function<void()>>> posted;

    std::array<std::uint32_t, 3> sent{};                   // by priority; all that were accepted
    std::set<std::pair<Priority, std::uint32_t>> pending;  // accepted, and not told what became of them
    bool refused = false;                                  // would_block, and no room since
    bool sending = false;
    std::array<std::uint32_t, 3> expected{};  // by priority: above all that have arrived
    bool hold = false;
    std::vector<Message> held;
  };

  std::array<Side, 2> sides_;
};

}  // namespace quantumgate::fuzz
