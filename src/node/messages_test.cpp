// SPDX-License-Identifier: MIT
// Goal: a peer that breaks the rules of messages and blocks loses its stream, with the code that the spec names, and
// costs no more than the stated bounds; the session's other streams do not notice.
// Method: two ends of streams joined by memory. One end is ours, with its owners; at the other the test writes bytes.
#include "node/messages.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "node/connection_stream.hpp"
#include "sim/random.hpp"

namespace quantumgate::node {
namespace {

using namespace std::chrono_literals;
using wire::BlockHead;
using wire::StreamHeader;
using wire::StreamKind;

Bytes operator+(Bytes a, BytesView b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes head(std::uint32_t size, bool compressed) {
  const auto bytes = BlockHead{size, compressed}.encode();
  return {bytes.begin(), bytes.end()};
}

Bytes text(std::string_view t) { return Bytes() + as_bytes(t); }

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

struct MessagesUnitTest : ::testing::Test {
  // The test plays the initiator; our end answers.
  stream::StreamId open(BytesView bytes, bool finish = false) {
    const auto id = peer.open();
    EXPECT_TRUE(id);
    EXPECT_EQ(peer.write(*id, bytes), bytes.size());
    if (finish) peer.finish(*id);
    run();
    return *id;
  }
  void more(stream::StreamId id, BytesView bytes, bool finish = false) {
    EXPECT_EQ(peer.write(id, bytes), bytes.size());
    if (finish) peer.finish(id);
    run();
  }

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
    from.burst_sent(now);
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
      ASSERT_TRUE(header);
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

const Bytes kHello = StreamHeader{StreamKind::messages_normal, "here"}.encode();

Bytes bomb(std::size_t size) {
  Compressor compressor;
  const Bytes zeros(size);
  return Bytes() + compressor.compress(zeros);
}

TEST_F(MessagesUnitTest, GoodMessagesPassAndTheStreamEndsWithItsSender) {
  const auto id = open(kHello + head(3, false) + text("one"));
  more(id, head(0, false) + head(5, false) + text("th"));
  EXPECT_EQ(hub.got, (std::vector<std::string>{"one", ""}));
  more(id, text("ree"), true);
  EXPECT_EQ(hub.got, (std::vector<std::string>{"one", "", "three"}));
  EXPECT_TRUE(hub.owners.empty());
  EXPECT_TRUE(hub.codes.empty() && peer_codes.empty());
}

TEST_F(MessagesUnitTest, EachBreachHasItsCode) {
  const Bytes over = bomb(1001);
  const Bytes fits = bomb(1000);
  Bytes damaged = fits;
  damaged[damaged.size() / 2] ^= std::byte{0xff};
  struct Case {
    const char* what;
    Bytes bytes;
    bool finish;
    std::uint64_t code;
  };
  const Case cases[] = {
      {"longer than the extender takes", kHello + head(1001, false), false, kStreamTooLong},
      {"the largest size there is", kHello + head(0x7fffffff, true), false, kStreamTooLong},
      {"a bomb, one byte over", kHello + head(static_cast<std::uint32_t>(over.size()), true) + over, false,
       kStreamTooLong},
      {"not zstd", kHello + head(4, true) + text("what"), false, kStreamMalformed},
      {"compressed nothing", kHello + head(0, true), false, kStreamMalformed},
      {"damaged zstd", kHello + head(static_cast<std::uint32_t>(damaged.size()), true) + damaged, false,
       kStreamMalformed},
      {"ends in a head", kHello + Bytes(3), true, kStreamMalformed},
      {"ends in a message", kHello + head(10, false) + text("half"), true, kStreamMalformed},
      {"no such extender", StreamHeader{StreamKind::messages_normal, "nowhere"}.encode(), false, kStreamNoSuchExtender},
  };
  for (const Case& c : cases) {
    const auto id = open(c.bytes, c.finish);
    ASSERT_TRUE(peer_codes.contains(id)) << c.what;
    EXPECT_EQ(peer_codes[id], c.code) << c.what;
    EXPECT_TRUE(hub.owners.empty()) << c.what;
    EXPECT_TRUE(hub.got.empty()) << c.what;
  }
  open(kHello + head(static_cast<std::uint32_t>(fits.size()), true) + fits);
  ASSERT_EQ(hub.got.size(), 1u) << "and what fits to the byte still passes";
  EXPECT_EQ(hub.got[0], std::string(1000, '\0'));
}

TEST_F(MessagesUnitTest, TheSecondStreamOfAKindWaitsAndTheThirdIsRefused) {
  const auto first = open(kHello + head(3, false) + text("one"));
  const auto second = open(kHello + head(3, false) + text("two"));
  EXPECT_EQ(hub.got, std::vector<std::string>{"one"});
  const auto third = open(kHello + head(5, false) + text("three"));
  EXPECT_EQ(peer_codes[third], kStreamRefused);
  const auto other =
      open(StreamHeader{StreamKind::messages_expedited, "here"}.encode() + head(4, false) + text("fast"));
  EXPECT_EQ(hub.got, (std::vector<std::string>{"one", "fast"})) << "other priorities have lines of their own";
  more(first, {}, true);
  EXPECT_EQ(hub.got, (std::vector<std::string>{"one", "fast", "two"}));
  EXPECT_FALSE(peer_codes.contains(second) || peer_codes.contains(other));
}

TEST_F(MessagesUnitTest, BlocksFollowTheSameRules) {
  const Bytes blocks = StreamHeader{StreamKind::blocks, "x"}.encode();
  const Bytes over = bomb(kBlockMax + 1);
  const Bytes fits = bomb(kBlockMax);
  const Bytes cases[] = {
      blocks + head(0, false),
      blocks + head(kBlockMax + 1, false),
      blocks + head(static_cast<std::uint32_t>(over.size()), true) + over,
      blocks + head(5, true) + text("what?"),
  };
  for (const Bytes& bytes : cases) {
    stream_error.reset();
    const auto id = open(bytes);
    EXPECT_EQ(peer_codes[id], kStreamMalformed);
    ASSERT_TRUE(stream_error);
    EXPECT_EQ(stream_error->code, ErrorCode::malformed);
  }
  stream_error.reset();
  open(blocks + head(10, false) + text("half"), true);
  Bytes half(10);
  EXPECT_EQ(stream->read(half), 4u);
  EXPECT_TRUE(stream_error) << "the rest never comes";

  const auto id =
      open(blocks + head(static_cast<std::uint32_t>(fits.size()), true) + fits + head(3, false) + text("end"));
  std::size_t total = 0;
  Bytes piece(10'000);
  while (const std::size_t size = stream->read(piece)) total += size;
  EXPECT_EQ(total, kBlockMax + 3);
  EXPECT_FALSE(peer_codes.contains(id));
}

}  // namespace
}  // namespace quantumgate::node
