// SPDX-License-Identifier: MIT
// Goal: whatever breaks, wherever it breaks, a transfer leaves whole files or none, and the next one goes on where it
// stopped; a hostile sender gets nowhere. Method: both parties without a network, their bytes passed on by hand, cut
// anywhere; hostile senders speak raw bytes. Folders are real.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "extenders/files/receiver.hpp"
#include "extenders/files/sender.hpp"

namespace quantumgate::files {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string content(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::string some_bytes(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return text;
}

class ConversationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/qg_conversation_XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(root_ / "in");
    fs::create_directories(root_ / "out");
    folder_ = std::make_shared<const Descriptor>(::open((root_ / "in").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    peer_.bytes[0] = std::byte{7};
  }
  void TearDown() override {
    receiver_.reset();
    sender_.reset();
    fs::remove_all(root_);
  }

  fs::path make(const std::string& name, std::string_view text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }
  // Relative paths of everything in `folder` that is not hidden in .qgate.
  static std::vector<std::string> tree(const fs::path& folder) {
    std::vector<std::string> names;
    for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
      if (it->path().filename() == kHiddenFolder) {
        it.disable_recursion_pending();
        continue;
      }
      names.push_back(fs::relative(it->path(), folder).string() + (it->is_directory() ? "/" : ""));
    }
    std::ranges::sort(names);
    return names;
  }

  void begin(const std::vector<fs::path>& paths, bool resume = true, std::uint64_t size_max = kSizeMax) {
    auto plan = Plan::make(paths, "");
    ASSERT_TRUE(plan) << describe(plan.error().reason);
    receiver_.reset();
    sender_ = std::make_unique<Sender>(std::make_shared<const Plan>(std::move(*plan)), resume);
    receiver_ = std::make_unique<Receiver>(folder_, peer_, size_max, limits_);
    sent_.clear();
    got_.clear();
    failure_.reset();
    moved_ = 0;
  }
  // Lets both speak until nothing moves, or until `limit` bytes of the sender have arrived. True if both have finished.
  bool talk(std::uint64_t limit = ~std::uint64_t{0}, std::size_t piece = 1 << 20) {
    Bytes to_sender, to_receiver;
    bool sender_done = false, receiver_done = false;
    for (bool moving = true; moving;) {
      moving = false;
      if (!sender_done) {
        const Bytes input = std::exchange(to_sender, {});
        Turn turn = sender_->turn(input, to_receiver.empty());
        EXPECT_FALSE(turn.failure) << describe(turn.failure->reason);
        if (turn.failure) return false;
        to_receiver.insert(to_receiver.end(), turn.output.begin(), turn.output.end());
        for (const Item& item : turn.items) sent_[item.path] = item;
        sender_done = turn.finished;
        moving = !turn.output.empty() || turn.more || !input.empty();
      }
      if (!receiver_done) {
        std::size_t size = std::min(to_receiver.size(), piece);
        size = static_cast<std::size_t>(std::min<std::uint64_t>(size, limit - moved_));
        const Bytes input(to_receiver.begin(), to_receiver.begin() + static_cast<std::ptrdiff_t>(size));
        to_receiver.erase(to_receiver.begin(), to_receiver.begin() + static_cast<std::ptrdiff_t>(size));
        moved_ += size;
        Turn turn = receiver_->turn(input, true);
        for (const Item& item : turn.items) got_[item.path] = item;
        failure_ = turn.failure;
        if (failure_) return false;
        to_sender.insert(to_sender.end(), turn.output.begin(), turn.output.end());
        receiver_done = turn.finished;
        moving = moving || size != 0 || turn.more || !turn.output.empty();
      }
      if (moved_ >= limit) return false;
    }
    return sender_done && receiver_done;
  }

  // What a hostile sender of `bytes` is told.
  std::optional<Reason> reason_for(const Bytes& bytes, std::uint64_t size_max = kSizeMax) {
    receiver_ = std::make_unique<Receiver>(folder_, peer_, size_max, limits_);
    Turn turn = receiver_->turn(bytes, true);
    for (const Item& item : turn.items) got_[item.path] = item;
    return turn.failure ? std::optional(turn.failure->reason) : std::nullopt;
  }
  static Bytes manifest_of(std::vector<Entry> entries) { return encode(Manifest{true, std::move(entries)}); }
  static Entry file(std::string path, std::uint64_t size) { return {Entry::Kind::file, std::move(path), size, 0, 0}; }
  static Entry folder(std::string path) { return {Entry::Kind::folder, std::move(path), 0, 0, 0}; }

  fs::path root_;
  std::shared_ptr<const Descriptor> folder_;
  PeerUuid peer_;
  PartialLimits limits_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
  std::map<std::string, Item> sent_, got_;
  std::optional<Failure> failure_;
  std::uint64_t moved_ = 0;
};

TEST_F(ConversationTest, AFolderArrivesAsItWas) {
  make("out/tree/a.txt", "alpha");
  make("out/tree/b/.hidden", "dot");
  make("out/tree/b/deep/er/c.bin", some_bytes(3'000'001, 1));
  make("out/tree/empty.txt", "");
  make("out/tree/b/run.sh", "#!/bin/sh\n");
  ::chmod((root_ / "out/tree/b/run.sh").c_str(), 0755);
  fs::create_directories(root_ / "out/tree/empty folder");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1000);
  for (const char* name : {"a.txt", "b/run.sh", "empty folder", "b"})
    fs::last_write_time(root_ / "out/tree" / name, old);
  begin({root_ / "out/tree"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(tree(root_ / "out"), tree(root_ / "in"));
  for (const char* name : {"a.txt", "b/.hidden", "b/deep/er/c.bin", "empty.txt", "b/run.sh"}) {
    EXPECT_EQ(content(root_ / "out/tree" / name), content(root_ / "in/tree" / name)) << name;
    const std::string path = std::string("tree/") + name;
    EXPECT_EQ(Item::How::stored, sent_[path].how);
    EXPECT_EQ(sent_[path].digest, got_[path].digest);
  }
  for (const char* name : {"a.txt", "b/run.sh", "empty folder", "b"}) {
    EXPECT_EQ(old, fs::last_write_time(root_ / "in/tree" / name)) << name;
  }
  struct stat info {};
  ::stat((root_ / "in/tree/b/run.sh").c_str(), &info);
  EXPECT_EQ(0700u, info.st_mode & 0777u);
  ::stat((root_ / "in/tree/a.txt").c_str(), &info);
  EXPECT_EQ(0600u, info.st_mode & 0777u);
  ::stat((root_ / "in/tree").c_str(), &info);
  EXPECT_EQ(0700u, info.st_mode & 0777u);
  EXPECT_EQ(5u, receiver_->transfer().files_done);
  EXPECT_EQ(sender_->transfer().size, receiver_->transfer().done_bytes);
}

// Cut at many places, in the manifest, between files, in frames: the next attempt ends well and never sends again what
// was there.
TEST_F(ConversationTest, GoesOnWhereItBroke) {
  make("out/t/one", some_bytes(200'000, 1));
  make("out/t/two", some_bytes(300'000, 2));
  make("out/t/three", some_bytes(7, 3));
  make("out/t/none", "");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  const std::uint64_t whole = moved_;
  for (std::uint64_t cut = 1; cut < whole; cut += cut < 400 ? 13 : 9973) {
    receiver_.reset();
    fs::remove_all(root_ / "in/t");
    fs::remove_all(root_ / "in" / kHiddenFolder);
    begin({root_ / "out/t"});
    ASSERT_FALSE(talk(cut));
    ASSERT_FALSE(failure_) << cut;
    for (const std::string& name : tree(root_ / "in")) {  // no part has a final name
      if (name.ends_with('/')) continue;
      EXPECT_EQ(content(root_ / "out" / name), content(root_ / "in" / name)) << cut;
    }
    begin({root_ / "out/t"});
    ASSERT_TRUE(talk()) << cut;
    EXPECT_EQ(tree(root_ / "out"), tree(root_ / "in"));
    EXPECT_EQ(content(root_ / "out/t/two"), content(root_ / "in/t/two")) << cut;
    EXPECT_EQ(content(root_ / "out/t/one"), content(root_ / "in/t/one")) << cut;
    // Both attempts together hardly cost more than one: the manifest again, and what was said besides.
    EXPECT_LT(cut + moved_, whole + 1500) << cut;
    EXPECT_EQ(500'007u, receiver_->transfer().done_bytes);
  }
}

TEST_F(ConversationTest, APartOfAnotherFileIsThrownAway) {
  make("out/x", some_bytes(2'000'000, 1));
  begin({root_ / "out/x"});
  ASSERT_FALSE(talk(1'500'000));
  make("out/x", some_bytes(2'000'000, 2));
  begin({root_ / "out/x"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(content(root_ / "out/x"), content(root_ / "in/x"));
  EXPECT_EQ(0u, got_["x"].offset);
  receiver_.reset();
  EXPECT_FALSE(fs::exists(root_ / "in" / kHiddenFolder));
}

TEST_F(ConversationTest, AFileThatGrewIsContinued) {
  const std::string text = some_bytes(3'000'000, 1);
  make("out/log", text.substr(0, 2'000'000));
  begin({root_ / "out/log"});
  ASSERT_FALSE(talk(1'500'000));
  make("out/log", text);
  begin({root_ / "out/log"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(text, content(root_ / "in/log"));
  EXPECT_GT(got_["log"].offset, 1'000'000u);
}

TEST_F(ConversationTest, ADamagedPartIsNoticed) {
  make("out/x", some_bytes(2'000'000, 1));
  begin({root_ / "out/x"});
  ASSERT_FALSE(talk(1'500'000));
  receiver_.reset();
  for (const auto& entry : fs::directory_iterator(root_ / "in" / kHiddenFolder)) {
    std::fstream part(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    part.seekp(1000);
    part.put('!');
  }
  begin({root_ / "out/x"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(0u, got_["x"].offset);
  EXPECT_EQ(content(root_ / "out/x"), content(root_ / "in/x"));
}

TEST_F(ConversationTest, StartsAnewIfAsked) {
  make("out/x", some_bytes(2'000'000, 1));
  begin({root_ / "out/x"});
  ASSERT_FALSE(talk(1'500'000));
  begin({root_ / "out/x"}, false);
  ASSERT_TRUE(talk());
  EXPECT_EQ(0u, got_["x"].offset);
}

TEST_F(ConversationTest, AnotherPeerDoesNotGetAtAPart) {
  make("out/x", some_bytes(2'000'000, 1));
  begin({root_ / "out/x"});
  ASSERT_FALSE(talk(1'500'000));
  peer_.bytes[0] = std::byte{8};
  begin({root_ / "out/x"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(0u, got_["x"].offset);
  receiver_.reset();
  EXPECT_EQ(1, std::distance(fs::directory_iterator(root_ / "in" / kHiddenFolder), fs::directory_iterator()));
}

TEST_F(ConversationTest, WhatIsThereAndEqualIsNotSentAgain) {
  make("out/t/a", some_bytes(1'000'000, 1));
  make("out/t/b", "bb");
  make("out/t/empty", "");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  make("out/t/new", "new");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_LT(moved_, 1000u);
  for (const char* name : {"t/a", "t/b", "t/empty"}) {
    EXPECT_EQ(Item::How::present, got_[name].how) << name;
    EXPECT_EQ(Item::How::present, sent_[name].how) << name;
    EXPECT_EQ(sent_[name].digest, got_[name].digest) << name;
  }
  EXPECT_EQ(Item::How::stored, got_["t/new"].how);
  EXPECT_EQ(receiver_->transfer().size, receiver_->transfer().done_bytes);
  EXPECT_EQ(0u, sender_->transfer().failed);
}

TEST_F(ConversationTest, NothingIsReplaced) {
  make("out/t/same size", "new");
  make("out/t/other size", "new");
  make("out/t/was folder", "new");
  make("out/t/link", "new");
  make("out/t/fine", "new");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  fs::remove_all(root_ / "in/t");
  fs::create_directory(root_ / "in/t");
  begin({root_ / "out/t"});
  make("in/t/same size", "old");
  make("in/t/other size", "older");
  fs::create_directories(root_ / "in/t/was folder");
  fs::create_symlink("/etc/passwd", root_ / "in/t/link");
  ASSERT_TRUE(talk());
  for (const char* name : {"t/same size", "t/other size", "t/was folder", "t/link"}) {
    EXPECT_EQ(Reason::exists, sent_[name].failure->reason) << name;
    EXPECT_EQ(Reason::exists, got_[name].failure->reason) << name;
  }
  EXPECT_EQ("old", content(root_ / "in/t/same size"));
  EXPECT_EQ("older", content(root_ / "in/t/other size"));
  EXPECT_TRUE(fs::is_symlink(root_ / "in/t/link"));
}

TEST_F(ConversationTest, OnlyWhoMadeAFolderAddsToIt) {
  make("out/t/sub/a", "a");
  make("out/t/b", "b");
  make("in/t/b", "b");  // made by the user
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_THAT(tree(root_ / "in"), ElementsAre("t/", "t/b"));
  EXPECT_EQ(Item::How::present, got_["t/b"].how);
  EXPECT_EQ(Reason::exists, got_["t/sub"].failure->reason);
  EXPECT_EQ(Reason::exists, got_["t/sub/a"].failure->reason);

  fs::remove_all(root_ / "in/t");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  make("out/t/c", "c");
  peer_.bytes[0] = std::byte{8};  // somebody else
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(Reason::exists, got_["t/c"].failure->reason);
  peer_.bytes[0] = std::byte{7};
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(Item::How::stored, got_["t/c"].how);
}

TEST_F(ConversationTest, LinksInTheReceiversFolderDoNotLeadOut) {
  make("out/t/s/a", "a");
  fs::create_directories(root_ / "elsewhere");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  fs::remove_all(root_ / "in/t/s");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "in/t/s");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_EQ(Reason::exists, got_["t/s"].failure->reason);
  EXPECT_EQ(Reason::exists, got_["t/s/a"].failure->reason);
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));

  fs::remove_all(root_ / "in/t");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "in/t");
  begin({root_ / "out/t"});
  ASSERT_TRUE(talk());
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_F(ConversationTest, ALinkInPlaceOfTheHiddenFolderIsNotUsed) {
  fs::create_directories(root_ / "elsewhere");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "in" / kHiddenFolder);
  make("out/x", "x");
  begin({root_ / "out/x"});
  EXPECT_FALSE(talk());
  ASSERT_TRUE(failure_);
  EXPECT_EQ(Reason::write_failed, failure_->reason);
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_F(ConversationTest, AChangedFileIsLeftOutAndSaid) {
  make("out/t/a", some_bytes(3'000'000, 1));
  make("out/t/b", "b");
  make("out/t/c", "c");
  begin({root_ / "out/t"});
  ASSERT_FALSE(talk(1'200'000));
  // In the middle of a; and c before it is opened.
  fs::last_write_time(root_ / "out/t/a", fs::file_time_type::clock::now() + std::chrono::hours(1));
  fs::remove(root_ / "out/t/c");
  fs::create_symlink("/etc/passwd", root_ / "out/t/c");
  auto plan = Plan::make({root_ / "out/t"}, "");
  ASSERT_TRUE(plan);
  begin({root_ / "out/t"});  // c is a link now: not offered
  ASSERT_TRUE(talk());
  EXPECT_FALSE(fs::exists(root_ / "in/t/c"));

  make("out/t/d", "d");
  begin({root_ / "out/t"});
  make("out/t/d", "other");  // after it was offered
  ASSERT_TRUE(talk());
  EXPECT_EQ(Reason::source_changed, sent_["t/d"].failure->reason);
  EXPECT_EQ(Reason::source_changed, got_["t/d"].failure->reason);
  EXPECT_FALSE(fs::exists(root_ / "in/t/d"));
  EXPECT_EQ(1u, sender_->transfer().failed);
}

TEST_F(ConversationTest, HostileManifestsAreRefused) {
  const auto reason = [&](std::vector<Entry> entries) { return reason_for(manifest_of(std::move(entries))); };
  for (const std::string& name :
       {std::string("../x"), std::string(".."), std::string("."), std::string("/etc/x"), std::string("a\\b"),
        std::string("a\0b", 3), std::string(".hidden"), std::string(".qgate"), std::string("a\nb"), std::string("\xff"),
        std::string("\x1b[2J"),
        std::string("\xe2\x80\xae"
                    "gpj.exe"),
        std::string(256, 'x'), std::string("")}) {
    EXPECT_EQ(Reason::bad_name, reason({file(name, 1)})) << name;
  }
  for (const char* path : {"t/..", "t/../../x", "t/./x", "t//x", "t/", "t/a\nb", "t/\xff"}) {
    EXPECT_EQ(Reason::bad_name, reason({folder("t"), file(path, 1)})) << path;
  }
  EXPECT_EQ(Reason::malformed, reason({file("x", 1), file("x", 1)}));
  EXPECT_EQ(Reason::malformed, reason({folder("x"), file("x", 1)}));
  EXPECT_EQ(Reason::malformed, reason({file("t/x", 1)}));               // in no folder
  EXPECT_EQ(Reason::malformed, reason({file("t/x", 1), folder("t")}));  // ... that came before
  EXPECT_EQ(Reason::malformed, reason({file("t", 1), file("t/x", 1)}));
  EXPECT_EQ(Reason::malformed, reason({}));
  EXPECT_EQ(Reason::too_large, reason({file("x", ~std::uint64_t{0})}));
  EXPECT_EQ(Reason::too_large, reason({file("x", kSizeMax), file("y", 1)}));
  EXPECT_EQ(Reason::no_space, reason({file("x", std::uint64_t{1} << 60)}));
  Entry odd = file("x", 1);
  odd.mtime_ns = 1'000'000'000;
  EXPECT_EQ(Reason::malformed, reason({odd}));
  std::string deep = "d";
  std::vector<Entry> entries{folder(deep)};
  for (std::size_t i = 1; i < kDepthMax; ++i) entries.push_back(folder(deep += "/d"));
  EXPECT_EQ(std::nullopt, reason(entries));
  entries.push_back(folder(deep += "/d"));
  EXPECT_EQ(Reason::too_many, reason(entries));
  Bytes many = manifest_of({file("x", 1)});
  many[1] = many[2] = many[3] = std::byte{1};  // 16 million entries announced
  EXPECT_EQ(Reason::too_many, reason_for(many));
  EXPECT_EQ(Reason::too_large, reason_for(manifest_of({file("x", 6), file("y", 5)}), 10));
  receiver_.reset();
  fs::remove_all(root_ / "in/d");
  EXPECT_THAT(tree(root_ / "in"), IsEmpty());
  EXPECT_THAT(tree(root_), ElementsAre("in/", "out/"));
}

TEST_F(ConversationTest, HostileFramesBreakTheTransferOff) {
  const Bytes head = manifest_of({file("x", 3), folder("t"), file("t/y", 3)});
  const auto with = [&](std::initializer_list<std::pair<Frame, std::string>> frames) {
    Bytes bytes = head;
    for (const auto& [frame, data] : frames) {
      if (frame.type == FrameType::data) {
        append_data_head(bytes, data.size());
        const BytesView view = as_bytes(data);
        bytes.insert(bytes.end(), view.begin(), view.end());
      } else {
        append(bytes, frame);
      }
    }
    return bytes;
  };
  // The receiver asks in the same turn that reads the manifest, so what follows it must come in a second one.
  const auto reason = [&](std::initializer_list<std::pair<Frame, std::string>> frames) -> std::optional<Reason> {
    const Bytes bytes = with(frames);
    got_.clear();
    receiver_.reset();
    fs::remove_all(root_ / "in" / kHiddenFolder);
    EXPECT_EQ(std::nullopt, reason_for(head));
    Turn turn = receiver_->turn(BytesView(bytes).subspan(head.size()), true);
    for (const Item& item : turn.items) got_[item.path] = item;
    return turn.failure ? std::optional(turn.failure->reason) : std::nullopt;
  };
  Sha256 hash;
  hash.update(as_bytes("abc"));
  const Frame begin{.type = FrameType::file, .index = 0}, data{.type = FrameType::data};
  const Frame end{.type = FrameType::end, .digest = hash.finish()};
  EXPECT_EQ(Reason::malformed, reason({{begin, ""}, {data, "abcd"}}));  // one byte over
  EXPECT_EQ(Reason::malformed, reason({{begin, ""}, {data, "ab"}, {end, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{data, "abc"}}));
  EXPECT_EQ(Reason::malformed, reason({{end, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{begin, ""}, {begin, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::file, .index = 3}, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::file, .index = 1}, ""}}));               // a folder
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::file, .index = 0, .offset = 1}, ""}}));  // not asked for
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::proof, .index = 0}, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::want, .index = 0}, ""}}));
  EXPECT_EQ(Reason::malformed, reason({{{.type = FrameType::abandon, .index = 9}, ""}}));
  Bytes rubbish = head;
  rubbish.push_back(std::byte{99});
  EXPECT_EQ(Reason::malformed, reason_for(rubbish));
  EXPECT_THAT(tree(root_ / "in"), ElementsAre("t/"));
  const Frame wrong{.type = FrameType::end};
  EXPECT_EQ(std::nullopt, reason({{begin, ""}, {data, "abc"}, {wrong, ""}}));
  EXPECT_EQ(Reason::digest_differs, got_["x"].failure->reason);
  EXPECT_THAT(tree(root_ / "in"), ElementsAre("t/"));
  EXPECT_EQ(std::nullopt, reason({{begin, ""}, {data, "abc"}, {end, ""}}));  // and a good one
  EXPECT_THAT(tree(root_ / "in"), ElementsAre("t/", "x"));
}

TEST_F(ConversationTest, WorkThatMustWaitIsNotForgotten) {
  make("out/x", "abc");
  begin({root_ / "out/x"});
  const Turn offer = sender_->turn({}, true);
  EXPECT_FALSE(offer.more);
  const Turn asked = receiver_->turn(offer.output, false);  // it may not ask yet
  EXPECT_TRUE(asked.output.empty());
  EXPECT_TRUE(asked.more);
  const Turn want = receiver_->turn({}, true);
  EXPECT_FALSE(want.more);
  const Turn waits = sender_->turn(want.output, false);
  EXPECT_TRUE(waits.output.empty());
  EXPECT_TRUE(waits.more);
  EXPECT_FALSE(sender_->turn({}, true).output.empty());
}

TEST_F(ConversationTest, AReceiverThatBreaksTheProtocolIsLeft) {
  make("out/t/a", "abc");
  const auto reason = [&](const Frame& frame) -> std::optional<Reason> {
    begin({root_ / "out/t"});
    (void)sender_->turn({}, true);
    Bytes bytes;
    append(bytes, frame);
    const Turn turn = sender_->turn(bytes, true);
    return turn.failure ? std::optional(turn.failure->reason) : std::nullopt;
  };
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::done, .index = 1}));                   // before it was sent
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::done, .index = 1, .present = true}));  // ... or proven
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::want, .index = 0}));                   // a folder
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::want, .index = 2}));
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::want, .index = 1, .offset = 4}));
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::go, .index = 1}));
  EXPECT_EQ(Reason::malformed, reason({.type = FrameType::file, .index = 1}));
  EXPECT_EQ(std::nullopt, reason({.type = FrameType::want, .index = 1}));
}

TEST_F(ConversationTest, PartsAreBoundedInAgeNumberAndSize) {
  const auto parts = [&] {
    const fs::path hidden = root_ / "in" / kHiddenFolder;
    return fs::exists(hidden) ? std::distance(fs::directory_iterator(hidden), fs::directory_iterator()) : 0;
  };
  const auto leave_part = [&](const std::string& name) {
    make("out/" + name, some_bytes(2'000'000, 1));
    begin({root_ / "out" / name});
    EXPECT_FALSE(talk(1'500'000));
    receiver_.reset();
  };
  limits_.count = 2;
  for (const char* name : {"a", "b", "c"}) leave_part(name);
  EXPECT_EQ(2, parts());
  limits_ = {.bytes = 2'000'000};
  PartialStore::clean(folder_->get(), limits_);
  EXPECT_EQ(1, parts());
  limits_ = {};
  for (const auto& entry : fs::directory_iterator(root_ / "in" / kHiddenFolder)) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(7 * 24 + 1));
  }
  PartialStore::clean(folder_->get(), limits_);
  EXPECT_EQ(0, parts());
  EXPECT_FALSE(fs::exists(root_ / "in" / kHiddenFolder));
  limits_ = {.age = std::chrono::seconds(0)};  // nothing is kept
  leave_part("d");
  EXPECT_EQ(0, parts());
}

TEST_F(ConversationTest, APartInUseIsNeitherCleanedNorSharedByTwo) {
  make("out/x", some_bytes(2'000'000, 1));
  begin({root_ / "out/x"});
  ASSERT_FALSE(talk(1'500'000));
  PartialStore::clean(folder_->get(), {.age = std::chrono::seconds(0)});
  int error = 0;
  EXPECT_FALSE(PartialStore(folder_, peer_).open("x", true, error));
  EXPECT_EQ(EWOULDBLOCK, error);
  receiver_.reset();
  EXPECT_TRUE(PartialStore(folder_, peer_).open("x", true, error));
}

// --- what is sent ---

TEST_F(ConversationTest, LinksAndSpecialFilesAreSkippedAndSaid) {
  make("out/t/a", "a");
  fs::create_symlink("/etc/passwd", root_ / "out/t/link");
  fs::create_directory_symlink("/etc", root_ / "out/t/links");
  ASSERT_EQ(0, ::mkfifo((root_ / "out/t/pipe").c_str(), 0600));
  make("out/t/bad\nname", "x");
  make("out/t/bad\xff", "x");
  const auto plan = Plan::make({root_ / "out/t"}, "");
  ASSERT_TRUE(plan);
  std::map<std::string, Reason> skipped;
  for (const Item& item : plan->skipped()) skipped[item.path] = item.failure->reason;
  EXPECT_EQ((std::map<std::string, Reason>{{"t/link", Reason::symbolic_link},
                                           {"t/links", Reason::symbolic_link},
                                           {"t/pipe", Reason::special_file},
                                           {"t/bad\nname", Reason::bad_name},
                                           {"t/bad\xff", Reason::bad_name}}),
            skipped);
  EXPECT_EQ(2u, plan->manifest().entries.size());
  EXPECT_EQ(2u, plan->totals().failed);
  EXPECT_EQ(3u, plan->totals().skipped);
}

TEST_F(ConversationTest, ManyPathsAtOnce) {
  make("out/a", "a");
  make("out/t/b", "b");
  make("out/u/a", "another");
  begin({root_ / "out/a", (root_ / "out/t").string() + "/", root_ / "out/t/../u/."});
  ASSERT_TRUE(talk());
  EXPECT_THAT(tree(root_ / "in"), ElementsAre("a", "t/", "t/b", "u/", "u/a"));
  EXPECT_EQ(3u, sender_->transfer().roots);
  const auto failure = [&](std::vector<fs::path> paths) { return Plan::make(paths, "").error(); };
  EXPECT_EQ(Reason::same_name, failure({root_ / "out/a", root_ / "out/u/a"}).reason);
  EXPECT_EQ((root_ / "out/u/a").string(), failure({root_ / "out/a", root_ / "out/u/a"}).path);
  EXPECT_EQ(Reason::not_a_file, failure({root_ / "absent"}).reason);
  EXPECT_EQ(Reason::bad_name, failure({"/"}).reason);
  EXPECT_EQ(Reason::bad_name, failure({make("out/.hidden", "")}).reason);
  EXPECT_EQ(Reason::not_a_file, failure({"/dev/null"}).reason);
}

TEST(Manifest, GoesThereAndBack) {
  Manifest manifest;
  manifest.resume = false;
  manifest.entries = {{Entry::Kind::folder, "t", 0, -5, 999'999'999},
                      {Entry::Kind::executable, "t/na\xc3\xafve", 1234567890123, 1'700'000'000, 0},
                      {Entry::Kind::file, "\xe6\xbc\xa2", 0, 0, 1}};
  const Bytes bytes = encode(manifest);
  const auto back = decode_manifest(bytes);
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->resume);
  EXPECT_EQ(manifest.entries, back->entries);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_manifest(BytesView(bytes).first(size)));
  Bytes longer = bytes;
  longer.push_back({});
  EXPECT_FALSE(decode_manifest(longer));
}

TEST(Frames, GoThereAndBackInAnyPieces) {
  Bytes bytes;
  append(bytes, {.type = FrameType::want, .index = 0xFFFFFFFF, .offset = 1ull << 60});
  append(bytes, {.type = FrameType::refused, .index = 5, .reason = Reason::no_space});
  append_data_head(bytes, 3);
  for (const char c : {'a', 'b', 'c'}) bytes.push_back(static_cast<std::byte>(c));
  Digest digest{};
  digest[31] = std::byte{9};
  append(bytes, {.type = FrameType::end, .digest = digest});
  append(bytes, {.type = FrameType::done, .index = 6, .present = true});
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::vector<Frame> frames;
    std::string data;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      BytesView input = BytesView(bytes).subspan(at, std::min(piece, bytes.size() - at));
      while (const auto frame = reader.next(input)) {
        if (frame->type == FrameType::data) data += as_text(frame->data);
        if (frame->type != FrameType::data) frames.push_back(*frame);
      }
      EXPECT_TRUE(input.empty());
    }
    ASSERT_EQ(4u, frames.size());
    EXPECT_TRUE(reader.idle());
    EXPECT_EQ(0xFFFFFFFFu, frames[0].index);
    EXPECT_EQ(1ull << 60, frames[0].offset);
    EXPECT_EQ(Reason::no_space, frames[1].reason);
    EXPECT_EQ(digest, frames[2].digest);
    EXPECT_TRUE(frames[3].present);
    EXPECT_EQ("abc", data);
  }
  for (const auto& bad : {Bytes{std::byte{0}}, Bytes{std::byte{6}}, Bytes{std::byte{22}},
                          Bytes{std::byte{19}, {}, {}, {}, {}},                                   // no data
                          Bytes{std::byte{19}, std::byte{0}, std::byte{0x10}, {}, std::byte{1}},  // too much
                          Bytes{std::byte{4}, {}, {}, {}, {}, std::byte{0}, std::byte{1}},        // kernel's code
                          Bytes{std::byte{4}, {}, {}, {}, {}, std::byte{2}, std::byte{0}},        // unknown code
                          Bytes{std::byte{3}, {}, {}, {}, {}, std::byte{2}}}) {
    FrameReader reader;
    BytesView input = bad;
    EXPECT_FALSE(reader.next(input));
    EXPECT_TRUE(reader.broken());
  }
}

}  // namespace
}  // namespace quantumgate::files
