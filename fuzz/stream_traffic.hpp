// SPDX-License-Identifier: MIT
// Users of the streams at the two ends of a session, for fuzz targets: every byte written says whose it is and where it
// stands, so that the readers notice anything lost, changed, doubled or out of order.
// Ownership: borrows the Streams.
#pragma once

#include <array>
#include <map>

#include "fuzz/traffic.hpp"

namespace quantumgate::fuzz {

class StreamTraffic final : public Traffic {
 public:
  static constexpr std::size_t kOpenMax = 24;          // by one side in one run
  static constexpr std::size_t kWrittenMax = 100'000;  // on one stream in one direction

  static stream::Limits limits() {
    return {.stream_window_bytes = 8 * 1024,
            .session_window_bytes = 20 * 1024,
            .peer_streams_max = 4,
            .send_buffer_bytes = 6 * 1024};
  }

  StreamTraffic(stream::Streams* initiator, stream::Streams* responder) : sides_{{{initiator}, {responder}}} {}

  void attach(int side, stream::Streams* streams) override { sides_.at(side).streams = streams; }
  void expect_loss() override { was_reset_ = true; }

  void act(Input& input, int side) override {
    Side& user = sides_.at(side);
    if (user.streams == nullptr) return;
    const std::uint8_t what = input.u8();
    if (what % 8 == 0) {
      open(side);
      return;
    }
    if (user.users.empty()) return;
    const auto chosen = std::next(user.users.begin(), input.u8() % user.users.size());
    switch (what % 8) {
      case 1:
      case 2:
      case 3:
        write(side, chosen->first, input.u16() % 20'000);
        break;
      case 4:
        finish(side, chosen->first);
        break;
      case 5:
      case 6:
        read(side, chosen->first, input.u16());
        break;
      case 7:
        if (what / 8 % 4 != 0) break;  // less often than the rest
        was_reset_ = true;
        user.streams->reset(chosen->first, input.u8());
        forgotten(side, chosen->first);
        break;
    }
  }

  void turn(int side, TimePoint) override { poll_events(side); }
  std::optional<TimePoint> deadline(int) const override { return std::nullopt; }
  void say(int side) override {
    const auto stream = open(side);
    REQUIRE(stream);
    write(side, *stream, 5000);
  }

  std::optional<stream::StreamId> open(int side) {
    Side& user = sides_.at(side);
    if (user.opened == kOpenMax) return std::nullopt;
    const auto id = user.streams->open();
    REQUIRE(id);
    ++user.opened;
    add(side, *id);
    return *id;
  }

  void write(int side, stream::StreamId id, std::size_t size) {
    User& user = sides_.at(side).users.at(id);
    if (user.finished) return;
    Writer& writer = writers_.at(user.tag);
    Bytes bytes(std::min(size, kWrittenMax - writer.written));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = pattern(user.tag, writer.written + i);
    const std::size_t taken = sides_.at(side).streams->write(id, bytes);
    REQUIRE(taken <= bytes.size() && taken <= limits().send_buffer_bytes);
    writer.written += taken;
  }

  void finish(int side, stream::StreamId id) {
    User& user = sides_.at(side).users.at(id);
    user.finished = true;
    writers_.at(user.tag).finished = true;
    sides_.at(side).streams->finish(id);
  }

  // True if the end was reached.
  bool read(int side, stream::StreamId id, std::size_t size) {
    User& user = sides_.at(side).users.at(id);
    stream::Streams& streams = *sides_.at(side).streams;
    const std::size_t readable = streams.readable(id);
    REQUIRE(readable <= limits().stream_window_bytes);
    Bytes bytes(std::min<std::size_t>(size, 50'000));
    const std::size_t count = streams.read(id, bytes);
    REQUIRE(count == std::min(readable, bytes.size()));
    if (!honest()) return streams.at_end(id);
    for (std::size_t i = 0; i < count; ++i) arrived(side, user, bytes[i]);
    if (!streams.at_end(id)) return false;
    if (user.source) {
      const Writer& writer = writers_.at(*user.source);
      REQUIRE(writer.finished && writer.written == user.arrived);
    } else {
      REQUIRE(user.arrived == 0);  // finished without a word
    }
    return true;
  }

  void poll_events(int side) {
    Side& user = sides_.at(side);
    if (user.streams == nullptr) return;
    while (const auto event = user.streams->poll_event()) {
      using Kind = stream::Event::Kind;
      if (event->kind == Kind::opened) {
        REQUIRE(!user.users.contains(event->stream));
        add(side, event->stream);
        continue;
      }
      REQUIRE(user.users.contains(event->stream));
      if (event->kind == Kind::reset) REQUIRE(was_reset_ || !honest());
      if (event->kind == Kind::closed) {
        const User& over = user.users.at(event->stream);
        REQUIRE(over.finished || !honest());
        if (over.source && honest()) REQUIRE(writers_.at(*over.source).written == over.arrived);
      }
      if (event->kind == Kind::closed || event->kind == Kind::reset) forgotten(side, event->stream);
    }
  }

  bool wind_up() override {
    bool over = true;
    for (const int side : {0, 1}) {
      poll_events(side);
      Side& user = sides_.at(side);
      if (user.streams == nullptr) continue;
      for (auto entry = user.users.begin(); entry != user.users.end();) {
        const auto id = (entry++)->first;  // `finish` and `read` leave the table as it is
        if (!user.users.at(id).finished) finish(side, id);
        read(side, id, 50'000);
      }
      over = over && user.users.empty();
    }
    return over;
  }

  void reset_all() {
    was_reset_ = true;
    for (const int side : {0, 1}) {
      Side& user = sides_.at(side);
      if (user.streams == nullptr) continue;
      poll_events(side);
      while (!user.users.empty()) {
        const auto id = user.users.begin()->first;
        user.streams->reset(id, 1);
        forgotten(side, id);
      }
    }
  }

  void check() const override {
    for (const Side& user : sides_) {
      if (user.streams == nullptr) continue;
      REQUIRE(user.streams->open_streams() <= kOpenMax + limits().peer_streams_max + user.users.size());
      std::size_t buffered = 0;
      for (const auto& [id, each] : user.users) buffered += user.streams->readable(id);
      REQUIRE(buffered <= limits().session_window_bytes);
    }
  }

 private:
  struct Writer {
    int side;
    std::size_t written = 0;
    bool finished = false;
    bool claimed = false;  // somebody reads it
  };
  struct User {
    std::uint8_t tag;  // of what it writes
    bool finished = false;
    std::optional<std::uint8_t> source;  // tag of what it reads, known from the first byte
    std::size_t arrived = 0;
  };
  struct Side {
    stream::Streams* streams = nullptr;
    std::map<stream::StreamId, User> users{};
    std::size_t opened = 0;
  };

  // The tag, then bytes that depend on tag and place.
  static std::byte pattern(std::uint8_t tag, std::size_t at) {
    if (at == 0) return std::byte{tag};
    return static_cast<std::byte>(at * 7 + (at >> 8) * 13 + tag * 29u);
  }

  void add(int side, stream::StreamId id) {
    const auto tag = static_cast<std::uint8_t>(writers_.size());
    if (writers_.size() > 255) distrust();  // tags are used up; only where the peer opens streams of its own
    writers_.insert_or_assign(tag, Writer{side});
    REQUIRE(sides_.at(side).users.emplace(id, User{tag}).second);
  }

  void arrived(int side, User& user, std::byte byte) {
    const std::size_t at = user.arrived++;
    if (at == 0) {
      const auto tag = std::to_integer<std::uint8_t>(byte);
      REQUIRE(writers_.contains(tag));
      Writer& writer = writers_.at(tag);
      REQUIRE(writer.side != side && !writer.claimed);
      writer.claimed = true;
      user.source = tag;
    } else {
      REQUIRE(byte == pattern(*user.source, at));
    }
    REQUIRE(user.arrived <= writers_.at(*user.source).written);
  }

  // The stream is over: nothing can be said or heard on it.
  void forgotten(int side, stream::StreamId id) {
    Side& user = sides_.at(side);
    std::array<std::byte, 8> bytes{};
    REQUIRE(user.streams->write(id, bytes) == 0 && user.streams->read(id, bytes) == 0);
    REQUIRE(user.streams->readable(id) == 0 && !user.streams->at_end(id));
    user.users.erase(id);
  }

  std::array<Side, 2> sides_;
  std::map<std::uint8_t, Writer> writers_;
  bool was_reset_ = false;
};

}  // namespace quantumgate::fuzz
