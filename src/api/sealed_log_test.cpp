// SPDX-License-Identifier: MIT
// Goal: what is written comes back for the same identity and purpose, and for nobody else; damage is noticed, a torn
// end is mended. Method: real files; every byte of one is damaged in turn.
#include "quantumgate/sealed_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace quantumgate {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SealedLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/qg_sealed_log_XXXXXX";
    folder_ = ::mkdtemp(name);
    file_ = folder_ / "log";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<SealedLog> open(std::string_view purpose = "test") {
    seen_.clear();
    return SealedLog::open(file_.string(), identity_, purpose,
                           [&](BytesView record) { seen_.emplace_back(as_text(record)); });
  }
  std::string content() const {
    std::stringstream text;
    text << std::ifstream(file_, std::ios::binary).rdbuf();
    return text.str();
  }
  void put(const std::string& text) const { std::ofstream(file_, std::ios::binary) << text; }

  fs::path folder_, file_;
  Identity identity_ = Identity::generate();
  std::vector<std::string> seen_;
};

TEST_F(SealedLogTest, RecordsComeBackInOrder) {
  {
    auto log = open();
    ASSERT_TRUE(log);
    EXPECT_TRUE(log->append(as_bytes("one")));
    EXPECT_TRUE(log->append(as_bytes("two, with a word that must not be seen")));
    EXPECT_EQ(fs::file_size(file_), log->size_bytes());
  }
  EXPECT_EQ(std::string::npos, content().find("must not be seen"));
  struct stat info {};
  ::stat(file_.c_str(), &info);
  EXPECT_EQ(0600u, info.st_mode & 0777u);
  auto log = open();
  ASSERT_TRUE(log);
  EXPECT_THAT(seen_, ElementsAre("one", "two, with a word that must not be seen"));
  EXPECT_TRUE(log->append(as_bytes("three")));
  log = fail(ErrorCode::closed);
  EXPECT_TRUE(open());
  EXPECT_EQ(3u, seen_.size());
}

TEST_F(SealedLogTest, OnlyForTheSameIdentityAndPurpose) {
  ASSERT_TRUE(open()->append(as_bytes("secret")));
  EXPECT_EQ(ErrorCode::not_authentic, open("other purpose").error().code);
  identity_ = Identity::generate();
  EXPECT_EQ(ErrorCode::not_authentic, open().error().code);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(SealedLogTest, EveryDamageIsNoticedAndATornEndIsCutOff) {
  ASSERT_TRUE(open()->append(as_bytes("one")));
  const std::size_t first = content().size();
  ASSERT_TRUE(open()->append(as_bytes("two")));
  const std::string whole = content();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    put(damaged);
    const auto log = open();
    // A length that leads beyond the end looks like a torn end: it costs that record and no other.
    if (log) {
      EXPECT_LT(seen_.size(), 2u) << i;
    } else {
      EXPECT_EQ(damaged, content()) << i;
    }
  }
  for (std::size_t size = first; size < whole.size(); ++size) {
    put(whole.substr(0, size));
    ASSERT_TRUE(open()) << size;
    EXPECT_THAT(seen_, ElementsAre("one")) << size;
    EXPECT_EQ(first, content().size()) << size;
  }
  // Records do not change places, and none is repeated.
  const std::string head = whole.substr(0, 40), one = whole.substr(40, first - 40), two = whole.substr(first);
  for (const std::string& moved : {head + two + one, head + one + one, head + two}) {
    put(moved);
    EXPECT_EQ(ErrorCode::not_authentic, open().error().code);
  }
  put("rubbish");
  EXPECT_EQ(ErrorCode::malformed, open().error().code);
  EXPECT_EQ("rubbish", content());
}

TEST_F(SealedLogTest, CanBeReplaced) {
  auto log = open();
  ASSERT_TRUE(log);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(log->append(as_bytes("record")));
  const Bytes kept(5, std::byte{'k'});
  ASSERT_TRUE(log->replace({&kept, 1}));
  ASSERT_TRUE(log->append(as_bytes("more")));
  EXPECT_EQ(fs::file_size(file_), log->size_bytes());
  log = fail(ErrorCode::closed);
  ASSERT_TRUE(open());
  EXPECT_THAT(seen_, ElementsAre("kkkkk", "more"));
  EXPECT_EQ(1, std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
}

TEST_F(SealedLogTest, RefusesWhatItCanNotTake) {
  auto log = open();
  EXPECT_EQ(ErrorCode::would_block, open().error().code);  // open already
  EXPECT_EQ(ErrorCode::invalid_argument, log->append({}).error().code);
  EXPECT_TRUE(log->append(Bytes(SealedLog::kRecordBytesMax)));
  EXPECT_EQ(ErrorCode::invalid_argument, log->append(Bytes(SealedLog::kRecordBytesMax + 1)).error().code);
  log = fail(ErrorCode::closed);
  ::chmod(file_.c_str(), 0640);
  EXPECT_EQ(ErrorCode::too_open, open().error().code);
  file_ = folder_ / "absent" / "log";
  EXPECT_EQ(ErrorCode::not_found, open().error().code);
  file_ = folder_;
  EXPECT_FALSE(open());
}

}  // namespace
}  // namespace quantumgate
