// SPDX-License-Identifier: MIT
// Two ends of a session's streams, joined by memory: at one of them messages and blocks are read as in a Connection, at
// the other whoever tests writes what it likes.   Layer: node, tests and fuzzing only.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "node/connection_stream.hpp"
#include "node/messages.hpp"
#include "sim/random.hpp"

namespace quantumgate::node::testing {

using namespace std::chrono_literals;
using wire::StreamHeader;
using wire::StreamKind;

inline Bytes operator+(Bytes a, BytesView b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Our end: what Connection does for the owners of its streams.
struct Hub final : StreamHub, MessageHost {
  explicit Hub(stream::Streams& s) : its_streams(s) {}
  const PeerUuid& peer_uuid() const noexcept override { return peer; }
  stream::Streams& streams() noexcept override { return its_streams; }
  Compressor& compressor() noexcept override { return its_compressor; }
  void touched() override {}
  void wake(stream::StreamId id) override { woken.push_back(id); }
  void break_off(stream::StreamId id, std::uint64_t code) override {
    codes.push_back(code);
    its_streams.reset(id, code);
    owners.erase(id);
  }
  Result<stream::StreamId> open_message_stream(StreamKind, const std::string&, Priority) override {
    return fail(ErrorCode::unsupported);
  }
  void own(stream::StreamId id, std::shared_ptr<StreamOwner> owner) override { owners[id] = std::move(owner); }
  std::optional<std::size_t> message_size_max(const std::string& extender) const override {
    if (extender != "here") return std::nullopt;
    return 1000;
  }
  void on_message(const std::string&, Message message) override { got.emplace_back(message.text()); }
  void on_message_room(const std::string&) override {}
  std::function<void(std::function<void()>)> poster() override {
    return [](const std::function<void()>&) {};
  }

  stream::Streams& its_streams;
  PeerUuid peer;
  Compressor its_compressor;
  std::map<stream::StreamId, std::shared_ptr<StreamOwner>> owners;
  std::vector<stream::StreamId> woken;
  std::vector<std::uint64_t> codes;
  std::vector<std::string> got;
};

struct StreamEnds {
  void run() {
    for (int quiet = 0; quiet < 3;) {
      now += 30ms;
      bool moved = move(peer, ours) | move(ours, peer);
      while (const auto event = ours.poll_event()) moved = true, attend(*event);
      for (const auto id : std::exchange(hub.woken, {})) {
        moved = true;
        if (const auto found = hub.owners.find(id); found != hub.owners.end()) {
          const auto owner = found->second;
          owner->announce_readable();
        }
      }
      while (const auto event = peer.poll_event()) {
        moved = true;
        if (event->kind == stream::Event::Kind::reset) peer_codes[event->stream] = event->code;
      }
      for (auto* end : {&peer, &ours}) {
        if (const auto deadline = end->deadline(); deadline && *deadline <= now) end->on_deadline(now);
      }
      quiet = moved ? 0 : quiet + 1;
    }
  }

  bool move(stream::Streams& from, stream::Streams& to) {
    std::array<std::byte, 1200> room;
    bool any = false;
    while (const std::size_t size = from.poll_transmit(now, room)) {
      to.receive(now, BytesView(room).first(size));
      any = true;
    }
    from.burst_sent();
    return any;
  }

  void attend(const stream::Event& event) {
    using Kind = stream::Event::Kind;
    if (event.kind == Kind::opened) return;
    const auto found = hub.owners.find(event.stream);
    if (found == hub.owners.end()) {
      // The header always comes in one piece here.
      if (event.kind != Kind::readable) return;
      Bytes front(2);
      ours.read(event.stream, front);
      Bytes rest(*StreamHeader::size(front) - 2);
      ours.read(event.stream, rest);
      const auto header = StreamHeader::decode(front + rest);
      if (!header) return ours.reset(event.stream, kStreamMalformedHeader);
      if (wire::carries_messages(header->kind)) return messages.accept(event.stream, *header);
      const bool blocks = header->kind == StreamKind::blocks;
      stream = std::make_shared<ConnectionStream>(hub, event.stream, blocks, false);
      stream->on_closed([this](std::optional<Error> error, std::uint64_t) { stream_error = error; });
      hub.own(event.stream, stream);
      return stream->announce_readable();
    }
    const auto owner = found->second;
    if (event.kind == Kind::readable) owner->announce_readable();
    if (event.kind == Kind::closed || event.kind == Kind::reset) {
      hub.owners.erase(event.stream);
      owner->announce_closed(std::nullopt, event.code);
    }
  }

  sim::SeededRandom random{1};
  TimePoint now{};
  stream::Streams peer{stream::Role::initiator, {}, stream::Streams::encoded_parameters({}), random};
  stream::Streams ours{stream::Role::responder, {}, {}, random};
  Hub hub{ours};
  Messages messages{hub, hub};
  std::shared_ptr<ConnectionStream> stream;
  std::optional<Error> stream_error;
  std::map<stream::StreamId, std::uint64_t> peer_codes;
};

}  // namespace quantumgate::node::testing
