// SPDX-License-Identifier: MIT
// Goal: every message round-trips, has the size the spec states, and is refused truncated, extended or out of range.
#include "wire/schema.hpp"

#include <gtest/gtest.h>

#include "wire/frames.hpp"
#include "wire/handshake_messages.hpp"

namespace quantumgate::wire {
namespace {

Introduction introduction() {
  Introduction i;
  i.identity_key.fill(std::byte{1});
  i.expiry = 0x0102030405060708;
  i.signature.fill(std::byte{2});
  i.observed_port = 5000;
  i.suites.bytes = Bytes(1, std::byte{1});
  i.stream_parameters.bytes = Bytes(62, std::byte{3});
  return i;
}

TEST(SchemaTest, SizesAreThoseOfTheSpec) {
  EXPECT_EQ(encode(SealedHeader{}).size(), SealedHeader::kSize);
  EXPECT_EQ(encode(Payload1{}).size(), Payload1::kSize);
  EXPECT_EQ(encode(introduction()).size(), 1u + 32 + 8 + 64 + 16 + 2 + 2 + 63);
  EXPECT_EQ(encode(ControlHeader{}).size(), ControlHeader::kSize);
}

TEST(SchemaTest, RoundTripsAndIsBigEndian) {
  const SealedHeader header{SealedType::message2, 1, 1, 2, 0x01020304, 5, 6, {std::byte{7}}};
  const Bytes bytes = encode(header);
  EXPECT_EQ(bytes[4], std::byte{1});
  EXPECT_EQ(bytes[7], std::byte{4});
  EXPECT_EQ(*decode<SealedHeader>(bytes, ""), header);

  const Payload2 payload{11, 12, introduction()};
  EXPECT_EQ(*decode<Payload2>(encode(payload), ""), payload);
}

TEST(SchemaTest, RefusesEveryTruncation) {
  const Bytes bytes = encode(Payload2{11, 12, introduction()});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode<Payload2>(BytesView(bytes).first(size), "")) << size;
  }
}

TEST(SchemaTest, ExtensionsAreSkippedUnlessTheyMustBeUnderstood) {
  Bytes bytes = encode(introduction());
  const std::size_t size = bytes.size();
  for (const int b : {0x05, 0, 2, 9, 9, 0x06, 0, 0}) bytes.push_back(static_cast<std::byte>(b));
  EXPECT_EQ(*decode<Introduction>(bytes, ""), introduction());
  bytes[size] = std::byte{0x85};
  EXPECT_FALSE(decode<Introduction>(bytes, ""));
  bytes[size] = std::byte{0x05};
  bytes.pop_back();
  EXPECT_FALSE(decode<Introduction>(bytes, ""));
}

TEST(SchemaTest, CountsHaveBounds) {
  Introduction none = introduction();
  none.suites.bytes.clear();
  EXPECT_FALSE(decode<Introduction>(encode(none), ""));
  Introduction many = introduction();
  many.stream_parameters.bytes.resize(129);
  EXPECT_FALSE(decode<Introduction>(encode(many), ""));
}

TEST(FrameReaderTest, WalksOverFrames) {
  const Bytes content = {std::byte{0xc3}, std::byte{0}, std::byte{2}, std::byte{0},    std::byte{4},
                         std::byte{0x40}, std::byte{0}, std::byte{0}, std::byte{0x05}, std::byte{9}};
  FrameReader frames(content);
  auto frame = frames.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, 3);
  EXPECT_TRUE(frame->must_understand);
  EXPECT_EQ(decode<CloseFrame>(frame->body, "")->reason, CloseReason::protocol);
  frame = frames.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, 0);
  EXPECT_TRUE(frame->body.empty());
  frame = frames.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, 5);
  EXPECT_FALSE(frame->must_understand);
  EXPECT_EQ(frame->body.size(), 1u);
  EXPECT_FALSE(frames.next());
  EXPECT_FALSE(frames.malformed());
}

TEST(FrameReaderTest, ALengthBeyondTheContentIsMalformed) {
  const Bytes content = {std::byte{0x41}, std::byte{0}, std::byte{2}, std::byte{0}};
  FrameReader frames(content);
  EXPECT_FALSE(frames.next());
  EXPECT_TRUE(frames.malformed());
}

}  // namespace
}  // namespace quantumgate::wire
