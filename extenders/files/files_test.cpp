// SPDX-License-Identifier: MIT
// Goal: a received file is whole, verified and under its own name, or nothing has that name; both sides say why; and a
// sender goes on by itself when the connection comes back.
// Method: two nodes joined by memory (extenders/common/fake_node.hpp) and real folders. What the two sides say to each
// other, byte by byte, is tested in conversation_test.cpp.
#include "extenders/files/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>

#include "extenders/common/fake_node.hpp"
#include "extenders/files/channel.hpp"

namespace quantumgate::files {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FakeNode;
using testing::FakeStream;
using ::testing::IsEmpty;

constexpr std::size_t kBig = 8'000'000;  // more than all the queues between disk and disk

struct Ending {
  std::optional<Reason> reason;  // of the transfer, or of its only file
  Transfer transfer;
  std::vector<Item> items;
  int pauses = 0;
};

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/qg_files_XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directory(root_ / "in");
    FakeNode::join(a_, b_);
    a_.add(sender_);
    b_.add(receiver_);
  }
  void TearDown() override {
    a_.stop();
    b_.stop();
    a_.run();
    sender_.reset();
    receiver_.reset();  // waits for what its threads still do in the folder
    fs::remove_all(root_);
  }

  fs::path make(const std::string& name, std::string_view content) {
    std::ofstream(root_ / name, std::ios::binary) << content;
    return root_ / name;
  }
  static std::string content(const fs::path& file) {
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  // What has a name in the receiver's folder.
  std::vector<std::string> arrived() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / "in")) {
      if (entry.path().filename() != kHiddenFolder) names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  static Observer into(std::optional<Ending>& end, std::shared_ptr<Ending> kept = std::make_shared<Ending>()) {
    Observer observer;
    observer.on_item = [kept](const Transfer&, const Item& item) { kept->items.push_back(item); };
    observer.on_pause = [kept](const Transfer&, const Failure&) { ++kept->pauses; };
    observer.on_end = [&end, kept](const Transfer& transfer, const std::optional<Failure>& failure) {
      kept->transfer = transfer;
      if (failure) kept->reason = failure->reason;
      if (!failure && kept->items.size() == 1 && kept->items[0].failure) kept->reason = kept->items[0].failure->reason;
      end = *kept;
    };
    return observer;
  }
  void accept(AcceptOptions options = {}) { ASSERT_TRUE(receiver_->accept(root_ / "in", options, into(received_))); }

  // Sends and waits for the end on the sending side.
  Ending send(const fs::path& file, SendOptions options = {}, std::function<void(const Transfer&)> on_progress = {}) {
    std::optional<Ending> end;
    Observer observer = into(end);
    observer.on_progress = std::move(on_progress);
    sender_->send(b_.uuid(), {file}, std::move(options), observer);
    a_.run([&] { return end.has_value(); });
    return *end;
  }
  void until_received() {
    a_.run([&] { return received_.has_value(); });
  }

  fs::path root_;
  FakeNode a_{1}, b_{2};
  std::shared_ptr<Files> sender_ = std::make_shared<Files>();
  std::shared_ptr<Files> receiver_ = std::make_shared<Files>();
  std::optional<Ending> received_;
};

TEST_F(FilesTest, ArrivesWholeVerifiedAndPrivate) {
  accept();
  std::string big;
  for (std::uint64_t i = 0; big.size() < kBig; ++i) big += std::to_string(i * 7919);
  std::uint64_t last = 0;
  const auto end = send(make("big.bin", big), {}, [&](const Transfer& t) {
    EXPECT_GE(t.done_bytes, last);
    last = t.done_bytes;
  });
  until_received();
  EXPECT_EQ(std::nullopt, end.reason);
  EXPECT_EQ(big.size(), last);
  EXPECT_EQ(big, content(root_ / "in/big.bin"));
  EXPECT_EQ(std::nullopt, received_->reason);
  EXPECT_EQ(end.items.at(0).digest, received_->items.at(0).digest);
  EXPECT_EQ(end.transfer.peer, b_.uuid());
  EXPECT_EQ(received_->transfer.peer, a_.uuid());
  struct stat info {};
  ASSERT_EQ(0, ::stat((root_ / "in/big.bin").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777u);
  EXPECT_EQ(1u, info.st_nlink);
  EXPECT_THAT(arrived(), ElementsAre("big.bin"));
}

TEST_F(FilesTest, SmallSizes) {
  accept();
  for (const std::size_t size : {0, 1, 31, 32, 33, 1048575, 1048576, 1048577}) {
    const std::string data(size, 'q');
    EXPECT_EQ(std::nullopt, send(make("s" + std::to_string(size), data)).reason) << size;
    EXPECT_EQ(data, content(root_ / "in" / ("s" + std::to_string(size))));
  }
}

TEST_F(FilesTest, AnotherNameMayBeChosen) {
  accept();
  EXPECT_EQ(std::nullopt, send(make("x", "x"), {.name = "y"}).reason);
  EXPECT_THAT(arrived(), ElementsAre("y"));
  EXPECT_EQ(Reason::bad_name, send(root_ / "x", {.name = "a/b"}).reason);
}

TEST_F(FilesTest, NothingIsTakenUnlessAccepted) {
  EXPECT_EQ(Reason::not_accepting, send(make("x", "x")).reason);
  accept();
  receiver_->refuse();
  EXPECT_EQ(Reason::not_accepting, send(make("x", "x")).reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, NeverReplacesAnything) {
  accept();
  make("in/x", "old");
  EXPECT_EQ(Reason::exists, send(make("x", "new")).reason);
  EXPECT_EQ("old", content(root_ / "in/x"));
}

TEST_F(FilesTest, ANameTakenMeanwhileIsNotReplacedEither) {
  accept();
  const auto end = send(make("x", std::string(kBig, 'n')), {}, [&](const Transfer&) { make("in/x", "old"); });
  EXPECT_EQ(Reason::exists, end.reason);
  EXPECT_EQ("old", content(root_ / "in/x"));
  EXPECT_THAT(arrived(), ElementsAre("x"));
}

TEST_F(FilesTest, SizeIsBoundedByTheReceiver) {
  accept({.size_max = 3, .partial = {}});
  EXPECT_EQ(std::nullopt, send(make("x", "abc")).reason);
  EXPECT_EQ(Reason::too_large, send(make("y", "abcd")).reason);
}

TEST_F(FilesTest, AFullDiskIsSaidToTheSenderAndWhatCameIsKept) {
  accept();
  // A limit on file sizes stands in for a full disk: the same write fails half-way, with another errno.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto file = make("x", std::string(kBig, 'x'));
  rlimit before{};
  ASSERT_EQ(0, ::getrlimit(RLIMIT_FSIZE, &before));
  const rlimit small{1'000'000, before.rlim_max};
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &small));
  const auto end = send(file);
  until_received();
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &before));
  EXPECT_EQ(Reason::no_space, end.reason);
  EXPECT_EQ(Reason::no_space, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
  const auto again = send(file);
  EXPECT_EQ(std::nullopt, again.reason);
  EXPECT_EQ(1'000'000u, again.items.at(0).offset);
}

TEST_F(FilesTest, AChangedFileIsNotSent) {
  accept();
  const auto file = make("x", std::string(kBig, 'x'));
  EXPECT_EQ(Reason::source_changed, send(file, {}, [&](const Transfer&) { fs::resize_file(file, 1000); }).reason);
  until_received();
  EXPECT_EQ(Reason::source_changed, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, ALostPeerIsSaidOnBothSides) {
  accept();
  const auto end = send(make("x", std::string(kBig, 'x')), {}, [&](const Transfer&) { a_.lose_peer(); });
  until_received();
  EXPECT_EQ(Reason::lost, end.reason);
  EXPECT_EQ(Reason::lost, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
  EXPECT_EQ(Reason::not_connected, send(root_ / "x").reason);
}

TEST_F(FilesTest, GoesOnByItselfWhenThePeerIsBack) {
  accept();
  const std::string big(kBig, 'x');
  int dials = 0, losses = 0;
  a_.on_dial = [&] {
    if (++dials % 2 == 0) FakeNode::join(a_, b_);  // every other time nobody answers
  };
  const auto end = send(make("x", big), {.retry_for = std::chrono::minutes(5)}, [&](const Transfer& t) {
    if (losses < 2 && t.done_bytes > 2'000'000 * (losses + 1u)) {
      ++losses;
      a_.lose_peer();
    }
  });
  EXPECT_EQ(std::nullopt, end.reason);
  EXPECT_EQ(2, losses);
  EXPECT_EQ(4, dials);
  EXPECT_EQ(4, end.pauses);
  EXPECT_GT(end.items.at(0).offset, 0u);
  EXPECT_EQ(1u, end.items.size());
  EXPECT_EQ(big, content(root_ / "in/x"));
}

TEST_F(FilesTest, DoesNotTryAgainForEver) {
  accept();
  const auto end = send(make("x", std::string(kBig, 'x')), {.retry_for = std::chrono::seconds(1)},
                        [&](const Transfer&) { a_.lose_peer(); });
  EXPECT_EQ(Reason::lost, end.reason);
  EXPECT_GE(end.pauses, 1);
  // What is no matter of the connection is final at once.
  FakeNode::join(a_, b_);
  receiver_->refuse();
  EXPECT_EQ(Reason::not_accepting, send(root_ / "x", {.retry_for = std::chrono::minutes(5)}).reason);
}

TEST_F(FilesTest, StoppingEndsTransfersOnBothSides) {
  accept();
  const auto end = send(make("x", std::string(kBig, 'x')), {}, [&](const Transfer&) { a_.post([&] { b_.stop(); }); });
  EXPECT_EQ(Reason::stopping, end.reason);
  EXPECT_EQ(Reason::stopping, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, CanBeCancelledAndContinued) {
  accept();
  const auto file = make("x", std::string(kBig, 'x'));
  const auto end = send(file, {}, [&](const Transfer& t) {
    if (t.done_bytes > 4'000'000) sender_->cancel(t.id);
  });
  until_received();
  EXPECT_EQ(Reason::cancelled, end.reason);
  EXPECT_EQ(Reason::cancelled, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
  const auto again = send(file);
  EXPECT_EQ(std::nullopt, again.reason);
  EXPECT_GT(again.items.at(0).offset, 1'000'000u);
}

TEST_F(FilesTest, WhatIsNoFileIsSaid) {
  accept();
  EXPECT_EQ(Reason::not_a_file, send(root_ / "absent").reason);
  ASSERT_EQ(0, ::mkfifo((root_ / "pipe").c_str(), 0600));
  EXPECT_EQ(Reason::not_a_file, send(root_ / "pipe").reason);
}

TEST_F(FilesTest, AcceptingNeedsAFolder) {
  EXPECT_EQ(ErrorCode::not_found, receiver_->accept(root_ / "absent", {}, {}).error().code);
  EXPECT_EQ(ErrorCode::invalid_argument, receiver_->accept(make("x", "x"), {}, {}).error().code);
  EXPECT_FALSE(receiver_->accepting());
}

TEST_F(FilesTest, OnePeerGetsOnlySoManyAtOnce) {
  accept();
  std::vector<std::shared_ptr<FakeStream>> raw;
  for (std::size_t i = 0; i < kTransfersPerPeerMax; ++i) raw.push_back(a_.raw_stream(kName));
  a_.run();
  EXPECT_EQ(Reason::busy, send(make("y", "y")).reason);
  raw.front()->reset(256);
  a_.run();
  EXPECT_EQ(std::nullopt, send(root_ / "y").reason);
  for (const auto& stream : raw) stream->reset(256);
}

TEST_F(FilesTest, ASenderThatEndsInTheMiddleIsTold) {
  accept();
  const auto raw = a_.raw_stream(kName);
  std::optional<std::uint64_t> seen;
  raw->on_closed([&](std::optional<Error>, std::uint64_t code) { seen = code; });
  const Bytes offer = encode(Manifest{true, {{Entry::Kind::file, "x", 3, 0, 0}}});
  raw->write(offer);
  raw->finish();
  a_.run([&] { return seen.has_value(); });
  EXPECT_EQ(code_of(Reason::malformed), seen);
}

}  // namespace
}  // namespace quantumgate::files
