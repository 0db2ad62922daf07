// SPDX-License-Identifier: MIT
// Goal: a received file is whole, verified and under its own name, or there is no trace of it; and both sides say why.
// Method: two nodes joined by memory (extenders/common/fake_node.hpp) and real folders; hostile sides speak raw bytes.
#include "extenders/files/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>

#include "extenders/common/fake_node.hpp"
#include "extenders/files/partial_file.hpp"
#include "extenders/files/sha256.hpp"

namespace quantumgate::files {
namespace {

namespace fs = std::filesystem;
using testing::FakeNode;
using testing::FakeStream;
using ::testing::IsEmpty;

struct Ending {
  std::optional<Reason> reason;
  Transfer transfer;
  Digest digest{};
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
    observer_.on_end = [this](const Transfer& transfer, std::optional<Failure> failure, const Digest& digest) {
      received_ = Ending{failure ? std::optional(failure->reason) : std::nullopt, transfer, digest};
    };
  }
  void TearDown() override {
    a_.stop();
    b_.stop();
    a_.run();
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
  std::vector<std::string> arrived() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / "in")) names.push_back(entry.path().filename());
    return names;
  }
  void accept(AcceptOptions options = {}) { ASSERT_TRUE(receiver_->accept(root_ / "in", options, observer_)); }

  // Sends and waits for the end on the sending side.
  Ending send(const fs::path& file, std::string name = "", std::function<void(const Transfer&)> on_progress = {}) {
    std::optional<Ending> end;
    SendObserver observer;
    observer.on_progress = std::move(on_progress);
    observer.on_end = [&](const Transfer& transfer, std::optional<Failure> failure, const Digest& digest) {
      end = Ending{failure ? std::optional(failure->reason) : std::nullopt, transfer, digest};
    };
    sender_->send(b_.uuid(), file, std::move(name), observer);
    a_.run([&] { return end.has_value(); });
    return *end;
  }

  static std::string offer(std::string_view name, std::uint64_t size) {
    std::string text{static_cast<char>(name.size() >> 8), static_cast<char>(name.size() & 0xFF)};
    text += name;
    for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift & 0xFF);
    return text;
  }
  static std::string digest_of(std::string_view data) {
    Sha256 hash;
    hash.update(as_bytes(data));
    const Digest digest = hash.finish();
    return std::string(as_text(digest));
  }
  // Speaks raw bytes to the receiver; returns the reason with which it breaks off, if it does.
  std::optional<Reason> reason_for(const std::string& bytes, bool finish = true) {
    const auto raw = a_.raw_stream(kName);
    std::optional<Reason> reason;
    raw->on_closed([&](std::optional<Error> error, std::uint64_t code) {
      if (error && code >= 256) reason = static_cast<Reason>(code - 256);
    });
    raw->write(as_bytes(bytes));
    if (finish) raw->finish();
    a_.run();
    raw->reset(256 + static_cast<std::uint64_t>(Reason::cancelled));
    a_.run();
    return reason;
  }

  fs::path root_;
  FakeNode a_{1}, b_{2};
  std::shared_ptr<Files> sender_ = std::make_shared<Files>();
  std::shared_ptr<Files> receiver_ = std::make_shared<Files>();
  ReceiveObserver observer_;
  std::optional<Ending> received_;
};

TEST_F(FilesTest, ArrivesWholeVerifiedAndPrivate) {
  accept();
  std::string big;
  for (std::uint64_t i = 0; big.size() < 5'000'000; ++i) big += std::to_string(i * 7919);
  std::uint64_t last = 0;
  const auto end = send(make("big.bin", big), "", [&](const Transfer& t) {
    EXPECT_GE(t.done_bytes, last);
    last = t.done_bytes;
  });
  EXPECT_EQ(std::nullopt, end.reason);
  EXPECT_EQ(big.size(), last);
  EXPECT_EQ(big, content(root_ / "in/big.bin"));
  ASSERT_TRUE(received_);
  EXPECT_EQ(std::nullopt, received_->reason);
  EXPECT_EQ(end.digest, received_->digest);
  EXPECT_EQ(digest_of(big), as_text(end.digest));
  struct stat info {};
  ASSERT_EQ(0, ::stat((root_ / "in/big.bin").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777u);
  EXPECT_EQ(1u, info.st_nlink);
}

TEST_F(FilesTest, SmallSizes) {
  accept();
  for (const std::size_t size : {0, 1, 31, 32, 33, 262143, 262144, 262145}) {
    const std::string data(size, 'q');
    EXPECT_EQ(std::nullopt, send(make("s" + std::to_string(size), data)).reason) << size;
    EXPECT_EQ(data, content(root_ / "in" / ("s" + std::to_string(size))));
  }
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
  fs::create_symlink("nowhere", root_ / "in/link");
  fs::create_directory(root_ / "in/folder");
  EXPECT_EQ(Reason::exists, send(make("x", "new")).reason);
  EXPECT_EQ(Reason::exists, send(root_ / "x", "link").reason);
  EXPECT_EQ(Reason::exists, send(root_ / "x", "folder").reason);
  EXPECT_EQ("old", content(root_ / "in/x"));
  EXPECT_EQ(3u, arrived().size());
}

TEST_F(FilesTest, ANameTakenMeanwhileIsNotReplacedEither) {
  accept();
  const auto end = send(make("x", "new"), "", [&](const Transfer&) { make("in/x", "old"); });
  EXPECT_EQ(Reason::exists, end.reason);
  EXPECT_EQ("old", content(root_ / "in/x"));
  EXPECT_EQ(1u, arrived().size());
}

TEST_F(FilesTest, PathTricksInNamesAreRefused) {
  accept();
  for (const std::string& name :
       {std::string("../x"), std::string(".."), std::string("."), std::string("/etc/x"), std::string("a/b"),
        std::string("a\\b"), std::string("a\0b", 3), std::string(".hidden"), std::string("a\nb"),
        std::string("\x1b[2J"), std::string("\xff"),
        std::string("\xe2\x80\xae"
                    "gpj.exe"),
        std::string(256, 'x')}) {
    EXPECT_EQ(Reason::bad_name, reason_for(offer(name, 1) + "x" + digest_of("x"))) << name;
    EXPECT_FALSE(is_safe_name(name));
  }
  EXPECT_EQ(Reason::bad_name, send(make("x", "x"), "a/b").reason);
  EXPECT_TRUE(is_safe_name(std::string(255, 'x')));
  EXPECT_TRUE(is_safe_name("na\xc3\xafve \xe6\xbc\xa2.txt"));
  EXPECT_FALSE(is_safe_name(""));
  EXPECT_THAT(arrived(), IsEmpty());
  EXPECT_FALSE(fs::exists(root_ / "x.part"));
}

TEST_F(FilesTest, AHostileSenderLeavesNothing) {
  accept();
  EXPECT_EQ(Reason::digest_differs, reason_for(offer("x", 3) + "abc" + digest_of("abd")));
  EXPECT_EQ(Reason::malformed, reason_for(offer("x", 3) + "ab"));                                // ends in the data
  EXPECT_EQ(Reason::malformed, reason_for(offer("x", 3) + "abc" + digest_of("abc").substr(1)));  // ... in the digest
  EXPECT_EQ(Reason::malformed, reason_for(offer("x", 3) + "abc" + digest_of("abc") + "!"));      // more than announced
  EXPECT_EQ(Reason::malformed, reason_for(offer("x", 3).substr(0, 5)));
  EXPECT_EQ(Reason::malformed, reason_for(""));
  EXPECT_EQ(Reason::too_large, reason_for(offer("x", ~std::uint64_t{0})));
  EXPECT_EQ(Reason::no_space, reason_for(offer("x", std::uint64_t{1} << 60)));
  EXPECT_EQ(std::nullopt, reason_for(offer("x", 3) + "a", false));  // leaves in the middle
  EXPECT_EQ(Reason::cancelled, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, SizeIsBoundedByTheReceiver) {
  accept({.size_max = 3});
  EXPECT_EQ(std::nullopt, send(make("x", "abc")).reason);
  EXPECT_EQ(Reason::too_large, send(make("y", "abcd")).reason);
}

TEST_F(FilesTest, AFullDiskIsSaidToTheSender) {
  accept();
  // A limit on file sizes stands in for a full disk: the same write fails half-way, with another errno.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto file = make("x", std::string(3'000'000, 'x'));
  rlimit before{};
  ASSERT_EQ(0, ::getrlimit(RLIMIT_FSIZE, &before));
  const rlimit small{1'000'000, before.rlim_max};
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &small));
  const auto end = send(file);
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &before));
  EXPECT_EQ(Reason::no_space, end.reason);
  EXPECT_EQ(Reason::no_space, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, AChangedFileIsNotSent) {
  accept();
  const auto file = make("x", std::string(3'000'000, 'x'));
  EXPECT_EQ(Reason::source_changed, send(file, "", [&](const Transfer&) { fs::resize_file(file, 1'000'000); }).reason);
  const auto other = make("y", std::string(3'000'000, 'x'));
  EXPECT_EQ(Reason::source_changed,
            send(other, "", [&](const Transfer&) { fs::resize_file(other, 3'000'001); }).reason);
  EXPECT_EQ(Reason::source_changed, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, ALostPeerIsSaidOnBothSides) {
  accept();
  const auto end = send(make("x", std::string(3'000'000, 'x')), "", [&](const Transfer&) { a_.lose_peer(); });
  EXPECT_EQ(Reason::lost, end.reason);
  ASSERT_TRUE(received_);
  EXPECT_EQ(Reason::lost, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
  EXPECT_EQ(Reason::not_connected, send(root_ / "x").reason);
}

TEST_F(FilesTest, StoppingEndsTransfersOnBothSides) {
  accept();
  const auto end =
      send(make("x", std::string(3'000'000, 'x')), "", [&](const Transfer&) { a_.post([&] { b_.stop(); }); });
  EXPECT_EQ(Reason::stopping, end.reason);
  EXPECT_EQ(Reason::stopping, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, CanBeCancelled) {
  accept();
  const auto end = send(make("x", std::string(3'000'000, 'x')), "", [&](const Transfer& t) { sender_->cancel(t.id); });
  a_.run();
  EXPECT_EQ(Reason::cancelled, end.reason);
  EXPECT_EQ(Reason::cancelled, received_->reason);
  EXPECT_THAT(arrived(), IsEmpty());
}

TEST_F(FilesTest, WhatIsNoFileIsSaid) {
  accept();
  EXPECT_EQ(Reason::not_a_file, send(root_ / "absent").reason);
  EXPECT_EQ(Reason::not_a_file, send(root_).reason);
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
  for (std::size_t i = 0; i < kTransfersPerPeerMax; ++i) {
    raw.push_back(a_.raw_stream(kName));
    raw.back()->write(as_bytes(offer("x" + std::to_string(i), 1)));
  }
  a_.run();
  EXPECT_EQ(Reason::busy, reason_for(offer("y", 1)));
  raw.front()->reset(256);
  a_.run();
  EXPECT_EQ(std::nullopt, reason_for(offer("y", 0) + digest_of(""), true));
}

TEST_F(FilesTest, AReceiverThatBreaksTheProtocolIsLeft) {
  std::shared_ptr<Stream> got;
  b_.add(make_extender(kName, {.on_stream = [&](std::shared_ptr<Stream> stream) {
                         stream->write(as_bytes("\x02"));  // "done" before anything was sent
                         got = std::move(stream);
                       }}));
  EXPECT_EQ(Reason::malformed, send(make("x", "x")).reason);
}

// The two ways of hiding an unfinished file behave alike.
class PartialFileTest : public ::testing::TestWithParam<PartialFile::Kind> {};

TEST_P(PartialFileTest, IsNamedOnceOrNotAtAll) {
  char name[] = "/tmp/qg_partial_XXXXXX";
  const fs::path root = ::mkdtemp(name);
  const int folder = ::open(root.c_str(), O_RDONLY | O_DIRECTORY);
  {
    PartialFile dropped;
    ASSERT_EQ(0, dropped.create(folder, GetParam()));
    EXPECT_EQ(0, dropped.append(as_bytes("x")));
  }
  EXPECT_TRUE(fs::is_empty(root));
  {
    PartialFile kept;
    ASSERT_EQ(0, kept.create(folder, GetParam()));
    EXPECT_EQ(0, kept.append(as_bytes("x")));
    EXPECT_EQ(0, kept.commit("kept"));
    PartialFile second;
    ASSERT_EQ(0, second.create(folder, GetParam()));
    EXPECT_EQ(EEXIST, second.commit("kept"));
  }
  EXPECT_EQ(1, std::distance(fs::directory_iterator(root), fs::directory_iterator()));
  EXPECT_EQ(1u, fs::file_size(root / "kept"));
  ::close(folder);
  fs::remove_all(root);
}

INSTANTIATE_TEST_SUITE_P(, PartialFileTest,
                         ::testing::Values(PartialFile::Kind::nameless, PartialFile::Kind::temporary_name));

}  // namespace
}  // namespace quantumgate::files
