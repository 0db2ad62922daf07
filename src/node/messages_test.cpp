// SPDX-License-Identifier: MIT
// Goal: a peer that breaks the rules of messages and blocks loses its stream, with the code that the spec names, and
// costs no more than the stated bounds; the session's other streams do not notice.
// Method: two ends of streams joined by memory. One end is ours, with its owners; at the other the test writes bytes.
#include "node/messages_test.hpp"

#include <gtest/gtest.h>

namespace quantumgate::node {
namespace {

using testing::operator+;
using wire::BlockHead;
using wire::StreamHeader;
using wire::StreamKind;

Bytes head(std::uint32_t size, bool compressed) {
  const auto bytes = BlockHead{size, compressed}.encode();
  return {bytes.begin(), bytes.end()};
}

Bytes text(std::string_view t) { return Bytes() + as_bytes(t); }

struct MessagesUnitTest : ::testing::Test, testing::StreamEnds {
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
