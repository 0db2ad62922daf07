// SPDX-License-Identifier: MIT
// Goal: lines arrive once, in order, acknowledged; a hostile twin gets its stream reset and nothing else happens.
// Method: two nodes joined by memory (extenders/common/fake_node.hpp); the hostile side speaks raw bytes.
#include "extenders/chat/chat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "extenders/common/fake_node.hpp"

namespace quantumgate::chat {
namespace {

using ::testing::ElementsAre;
using testing::FakeNode;
using testing::FakeStream;

class ChatTest : public ::testing::Test {
 protected:
  void SetUp() override {
    FakeNode::join(a_, b_);
    a_.add(chat_a_);
    b_.add(chat_b_);
  }
  void TearDown() override {
    a_.stop();
    b_.stop();
    a_.run();
  }

  static std::vector<std::string> texts(Chat& chat) {
    std::vector<std::string> out;
    for (const Line& line : chat.history().lines()) {
      out.push_back((line.outgoing ? line.delivered ? ">" : "!" : "<") + line.text);
    }
    return out;
  }

  // Speaks `bytes` to b's chat and returns the code with which it breaks the stream off, if it does.
  std::optional<std::uint64_t> code_for(std::string_view bytes, bool finish = false) {
    const auto raw = a_.raw_stream(kName);
    std::optional<std::uint64_t> seen;
    raw->on_closed([&](std::optional<Error> error, std::uint64_t code) {
      if (error) seen = code;
    });
    raw->write(as_bytes(bytes));
    if (finish) raw->finish();
    a_.run();
    raw->reset(0);
    a_.run();
    return seen;
  }

  FakeNode a_{1}, b_{2};
  std::shared_ptr<Chat> chat_a_ = std::make_shared<Chat>();
  std::shared_ptr<Chat> chat_b_ = std::make_shared<Chat>();
};

TEST_F(ChatTest, LinesGoBothWays) {
  int done = 0;
  const auto count = [&](Result<void> result) { done += result ? 1 : 100; };
  ASSERT_TRUE(chat_a_->send(b_.uuid(), "hello", count));
  ASSERT_TRUE(chat_a_->send(b_.uuid(), "gr\xc3\xbc\xc3\x9f dich", count));
  a_.run();
  ASSERT_TRUE(chat_b_->send(a_.uuid(), "hello yourself", count));
  a_.run();
  EXPECT_EQ(3, done);
  EXPECT_THAT(texts(*chat_b_), ElementsAre("<hello", "<gr\xc3\xbc\xc3\x9f dich", ">hello yourself"));
  EXPECT_THAT(texts(*chat_a_), ElementsAre(">hello", ">gr\xc3\xbc\xc3\x9f dich", "<hello yourself"));
  EXPECT_EQ(1u, chat_b_->history().lines().front().number);
}

TEST_F(ChatTest, TheLongestLineFitsAndNoOther) {
  EXPECT_TRUE(chat_a_->send(b_.uuid(), std::string(kLineBytesMax, 'x'), {}));
  a_.run();
  EXPECT_EQ(1u, chat_b_->history().lines().size());
  for (const std::string& bad :
       {std::string(), std::string(kLineBytesMax + 1, 'x'), std::string("a\nb"), std::string("\xff")}) {
    EXPECT_EQ(ErrorCode::invalid_argument, chat_a_->send(b_.uuid(), bad, {}).error().code);
  }
}

TEST_F(ChatTest, KeepsABoundedHistoryAndTellsFollowers) {
  std::uint64_t followed = 0;
  const auto follower = chat_b_->follow([&](const Line&) { ++followed; });
  const int many = static_cast<int>(kHistoryLinesPerPeer) + 44;
  for (int i = 0; i < many; ++i) {
    ASSERT_TRUE(chat_a_->send(b_.uuid(), std::to_string(i), {}));
    a_.run();
  }
  EXPECT_EQ(static_cast<std::uint64_t>(many), followed);
  EXPECT_EQ(kHistoryLinesPerPeer, chat_b_->history().lines().size());
  EXPECT_EQ("44", chat_b_->history().lines().front().text);
  chat_b_->unfollow(follower);
  ASSERT_TRUE(chat_a_->send(b_.uuid(), "x", {}));
  a_.run();
  EXPECT_EQ(static_cast<std::uint64_t>(many), followed);
}

TEST_F(ChatTest, WaitsForRoomUpToABound) {
  int sent = 0;
  while (chat_a_->send(b_.uuid(), std::string(kLineBytesMax, 'x'), {})) ++sent;
  EXPECT_EQ(static_cast<int>(kUnacknowledgedMax), sent);
  a_.run();
  EXPECT_EQ(kUnacknowledgedMax, chat_b_->history().lines().size());
  EXPECT_EQ(256u, chat_b_->history().lines().back().number);
}

TEST_F(ChatTest, TellsTheSenderWhatWentWrong) {
  std::optional<ErrorCode> error;
  const auto keep = [&](Result<void> result) { error = result ? std::nullopt : std::optional(result.error().code); };
  PeerUuid stranger;
  EXPECT_EQ(ErrorCode::not_found, chat_a_->send(stranger, "x", keep).error().code);
  b_.stop();  // its chat is gone
  ASSERT_TRUE(chat_a_->send(b_.uuid(), "x", keep));
  a_.run();
  EXPECT_EQ(ErrorCode::unsupported, error);

  ASSERT_TRUE(chat_a_->send(b_.uuid(), "x", keep));
  a_.lose_peer();
  EXPECT_EQ(ErrorCode::timed_out, error);
  EXPECT_THAT(texts(*chat_a_), ElementsAre("!x", "!x"));  // remembered as not delivered
}

TEST_F(ChatTest, MalformedBytesBreakTheStreamOff) {
  using std::string_view;
  EXPECT_EQ(kCodeMalformed, code_for(string_view("\0\0", 2)));        // empty line
  EXPECT_EQ(kCodeMalformed, code_for(string_view("\x10\x01", 2)));    // 4,097 bytes announced
  EXPECT_EQ(kCodeMalformed, code_for(string_view("\0\x01\xff", 3)));  // not UTF-8
  EXPECT_EQ(kCodeMalformed, code_for(string_view("\0\x03"
                                                 "a\nb",
                                                 5)));  // line feed
  EXPECT_EQ(kCodeMalformed, code_for(string_view("\0\x05"
                                                 "ab",
                                                 4),
                                     true));  // ends in a line
  EXPECT_EQ(std::nullopt, code_for(string_view("\0\x02"
                                               "ab\0\x01"
                                               "c",
                                               7),
                                   true));
  EXPECT_THAT(texts(*chat_b_), ElementsAre("<ab", "<c"));
}

TEST_F(ChatTest, TakesOnlySoManyStreamsOfOnePeer) {
  std::vector<std::shared_ptr<FakeStream>> raw;
  for (std::size_t i = 0; i < kIncomingMax + 1; ++i) raw.push_back(a_.raw_stream(kName));
  std::uint64_t code = 0;
  raw.back()->on_closed([&](std::optional<Error>, std::uint64_t c) { code = c; });
  a_.run();
  EXPECT_EQ(static_cast<std::uint64_t>(kStreamRefused), code);
  EXPECT_TRUE(raw.front()->open());
}

TEST_F(ChatTest, FalseAcknowledgementsBreakTheStreamOff) {
  std::shared_ptr<Stream> got;
  b_.add(make_extender(kName, {.on_stream = [&](std::shared_ptr<Stream> stream) { got = std::move(stream); }}));
  std::optional<ErrorCode> error;
  ASSERT_TRUE(chat_a_->send(b_.uuid(), "x", [&](Result<void> result) { error = result.error().code; }));
  a_.run();
  ASSERT_TRUE(got);
  got->write(as_bytes("\x02"));
  a_.run();
  EXPECT_EQ(ErrorCode::malformed, error);
}

}  // namespace
}  // namespace quantumgate::chat
