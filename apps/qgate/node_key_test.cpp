// SPDX-License-Identifier: MIT
// Goal: a file is the same as long as nobody touches it, and another one as soon as it is moved, replaced or written
// to. Method: real files. (What the node makes of it: e2e/secrets.py.)
#include "apps/qgate/node_key.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "quantumgate/bytes.h"

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

class NodeKeyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qg-node-key-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    identity_ = Identity::generate();
    ASSERT_TRUE(identity_->save(key(), {}));
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path key() const { return folder_ / "key"; }
  NodeKey node_key(const char* key_gone) const {
    Settings settings;
    settings.value(Setting::key).texts = {key().string()};
    settings.value(Setting::key_gone).texts = {key_gone};
    return NodeKey(settings);
  }
  LogSink log() {
    return [this](LogLevel, std::string_view, std::string_view line) { lines_.emplace_back(line); };
  }

  fs::path folder_;
  std::optional<Identity> identity_;
  std::vector<std::string> lines_;
};

TEST_F(NodeKeyTest, AStampChangesWithTheFileAndOnlyThen) {
  const auto stamp = stamp_of(key());
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp, stamp_of(key()));
  fs::rename(key(), folder_ / "away");
  EXPECT_FALSE(stamp_of(key()));
  EXPECT_FALSE(stamp_of(key() / "below"));
  fs::copy_file(folder_ / "away", key());
  EXPECT_NE(stamp, stamp_of(key()));
  fs::rename(folder_ / "away", key());
  EXPECT_EQ(stamp, stamp_of(key()));
  std::ofstream(key(), std::ios::app) << "x";
  EXPECT_NE(stamp, stamp_of(key()));
}

TEST_F(NodeKeyTest, OnlyTheSameKeyCounts) {
  NodeKey node = node_key("lock");
  ASSERT_TRUE(node.load());
  EXPECT_TRUE(node.there());
  fs::rename(key(), folder_ / "away");
  EXPECT_FALSE(node.there());
  EXPECT_FALSE(node.returned(log()));
  EXPECT_TRUE(lines_.empty());

  ASSERT_TRUE(Identity::generate().save(key(), {}));
  EXPECT_FALSE(node.there());
  EXPECT_FALSE(node.returned(log()));
  EXPECT_FALSE(node.returned(log()));
  ASSERT_EQ(lines_.size(), 1u) << "said once";
  EXPECT_NE(lines_[0].find("another key"), std::string::npos) << lines_[0];

  const SecretBytes phrase(as_bytes("words"));
  fs::remove(key());
  ASSERT_TRUE(identity_->save(key(), phrase));
  EXPECT_FALSE(node.returned(log())) << "it was not there at first, and nobody is asked";
  ASSERT_EQ(lines_.size(), 2u);
  EXPECT_NE(lines_[1].find("pass phrase"), std::string::npos) << lines_[1];

  fs::rename(folder_ / "away", key());
  const auto back = node.returned(log());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->uuid(), identity_->uuid());
  EXPECT_TRUE(node.there());
}

TEST_F(NodeKeyTest, WithoutTheSettingItIsAlwaysThere) {
  NodeKey node = node_key("ignore");
  ASSERT_TRUE(node.load());
  fs::remove(key());
  EXPECT_TRUE(node.there());
}

}  // namespace
}  // namespace quantumgate::qgate
