// SPDX-License-Identifier: MIT
// Goal: the history survives a restart, sealed and bounded, and forgets what it is told to forget, on the disk too.
// Method: real log files; many short lines.
#include "extenders/chat/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace quantumgate::chat {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/qg_history_XXXXXX";
    folder_ = ::mkdtemp(name);
    a_.bytes[0] = std::byte{1};
    b_.bytes[0] = std::byte{2};
    again();
  }
  void TearDown() override {
    history_.reset();
    fs::remove_all(folder_);
  }
  // As after a restart.
  void again() {
    history_.reset();
    history_.emplace();
    ASSERT_TRUE(history_->keep_in(folder_ / "log", identity_));
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const Line& line : history_->lines()) texts.push_back(line.text + (history_->is_unread(line) ? " (new)" : ""));
    return texts;
  }

  fs::path folder_;
  Identity identity_ = Identity::generate();
  PeerUuid a_, b_;
  std::optional<History> history_;
};

TEST_F(HistoryTest, SurvivesARestart) {
  history_->add(a_, false, true, "hello");
  history_->add(a_, true, true, "hello yourself");
  history_->add(b_, true, false, "anybody?");
  history_->mark_read(a_, 1);
  history_->add(a_, false, true, "still there?");
  const auto before = history_->lines();
  again();
  EXPECT_THAT(texts(), ElementsAre("hello", "hello yourself", "anybody?", "still there? (new)"));
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Line &x = before[i], &y = history_->lines()[i];
    EXPECT_EQ(x.number, y.number);
    EXPECT_EQ(x.peer, y.peer);
    EXPECT_EQ(x.outgoing, y.outgoing);
    EXPECT_EQ(x.delivered, y.delivered);
    EXPECT_LT(x.time - y.time, std::chrono::milliseconds(1));
  }
  EXPECT_EQ(5u, history_->add(a_, false, true, "x").number);
}

TEST_F(HistoryTest, ForgetsOnTheDiskToo) {
  history_->add(a_, false, true, "of a");
  history_->add(b_, false, true, "of b");
  history_->mark_read(b_, 2);
  EXPECT_EQ(1u, history_->clear(a_));
  again();
  EXPECT_THAT(texts(), ElementsAre("of b"));
  EXPECT_EQ(1u, history_->clear(std::nullopt));
  again();
  EXPECT_THAT(texts(), ElementsAre());
  EXPECT_EQ(3u, history_->add(a_, false, true, "numbers go on").number);
}

TEST_F(HistoryTest, IsBoundedInMemoryAndOnTheDisk) {
  for (std::size_t i = 0; i < kHistoryLinesPerPeer + 10; ++i) history_->add(a_, false, true, "a");
  history_->add(b_, false, true, "b");
  EXPECT_EQ(kHistoryLinesPerPeer + 1, history_->lines().size());
  EXPECT_EQ(11u, history_->lines().front().number);
  const std::string large(4096, 'x');
  for (int i = 0; i < 5000; ++i) {
    history_->add(i % 5 == 0 ? a_ : b_, true, true, large);
    ASSERT_LT(fs::file_size(folder_ / "log"), 4 * kHistoryBytes);
  }
  std::size_t bytes = 0;
  for (const Line& line : history_->lines()) bytes += line.text.size();
  EXPECT_LE(bytes, kHistoryBytes);
  const std::size_t lines = history_->lines().size();
  again();
  EXPECT_EQ(lines, history_->lines().size());
}

TEST_F(HistoryTest, IsSealed) {
  history_->add(a_, false, true, "nobody is to read this");
  std::stringstream text;
  text << std::ifstream(folder_ / "log", std::ios::binary).rdbuf();
  EXPECT_THAT(text.str(), Not(HasSubstr("nobody is to read this")));
  History other;
  EXPECT_FALSE(other.keep_in(folder_ / "log", Identity::generate()));
  other.add(a_, false, true, "goes on in memory");
  EXPECT_EQ(1u, other.lines().size());
}

}  // namespace
}  // namespace quantumgate::chat
