// SPDX-License-Identifier: MIT
// Goal: key files and shared secret files open for who may open them, and for nobody else; what is written is never
// overwritten, never readable by others and never half there.
// Method: the codec against vectors of the second implementation (docs/spec/vectors/identity.json), every byte damaged;
// the files in a fresh folder with real modes, links and FIFOs. The Argon2id cost is small but for one round trip.
#include "api/key_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "api/shared_secret_text.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/test_hex.hpp"
#include "quantumgate/identity.h"
#include "quantumgate/shared_secret.h"
#include "sim/random.hpp"

namespace quantumgate::api {
namespace {

namespace fs = std::filesystem;
using crypto::from_hex;
using crypto::to_hex;

constexpr crypto::Argon2Cost kCheap{.passes = 1, .memory_kib = 8};

SecretBytes phrase(std::string_view text) { return SecretBytes(as_bytes(text)); }

// The error of a result, 0 for success: gives readable failures.
template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : static_cast<int>(result.error().code);
}
int number(ErrorCode code) { return static_cast<int>(code); }

struct Vector {
  const char* pass_phrase;
  const char* seed;
  const char* file;
};
const Vector kVectors[] = {
    {"", "a4ac3af54ff2c5af0e931798124c49073e34a05ca3d00df56531ce22e556f37a",
     "51474b4559310000000100000000000000000000dba784e697eeb8c8afde1ef0414c35ceeb2da645c7346ed4d3dbb2435de97500980487d35"
     "c"
     "b4473d7ddc679c19bb7c8b774b6588e12ae5b7f6ba64dfd5e22bde03e99ecdc3fab51a679ab31bee98ce764b04e6c2de0f153c4d85487fba8"
     "5"
     "169a9949ddf46ae3544f07a6a9998cf95c0d51f15177389a4e53409ee40c"},
    {"correct horse battery staple", "bee006318a8df870239cdbda86983945722bc35e8350dcd205652894e46ccd2f",
     "51474b45593100000101000000000003000000800cc95797f59c0338b8ea9a0e92e2233cf60111139b8771011220f743eb9a46dfacbe9206d"
     "b"
     "2b233f3780daca65b7a325d29c6b4380c76d6ed702c9bdc2e442ca418a073af049177af8362482efdb18f5987f95bc5d1e7579e1fef847eb0"
     "f"
     "f4fa5f35bedb1b468f9f7d6c9d0bc92ad0730e43c824c7657fde946b8fd5"},
};

TEST(KeyFileTest, VectorsOfTheSecondImplementation) {
  for (const auto& vector : kVectors) {
    const Bytes file = from_hex(vector.file);
    const auto seed = decode_key_file(file, as_bytes(vector.pass_phrase));
    ASSERT_EQ(error_of(seed), 0);
    EXPECT_EQ(to_hex(seed->view()), vector.seed);
    EXPECT_EQ(key_file_cost(file)->pass_phrase, *vector.pass_phrase != '\0');
  }
}

TEST(KeyFileTest, RoundTripWithAndWithoutPassPhrase) {
  sim::SeededRandom random(1);
  const auto seed = crypto::secret_from_hex(kVectors[0].seed);
  for (const std::string_view pass_phrase : {"", "x", "a phrase of some length"}) {
    const auto file = encode_key_file(seed, as_bytes(pass_phrase), kCheap, random);
    ASSERT_EQ(error_of(file), 0);
    const auto again = decode_key_file(file->view(), as_bytes(pass_phrase));
    ASSERT_EQ(error_of(again), 0);
    EXPECT_EQ(to_hex(again->view()), kVectors[0].seed);
    const auto other = encode_key_file(seed, as_bytes(pass_phrase), kCheap, random);
    EXPECT_NE(to_hex(other->view()), to_hex(file->view())) << "salt and nonce must be fresh";
  }
}

TEST(KeyFileTest, EveryDamagedByteIsRefused) {
  for (const auto& vector : kVectors) {
    const Bytes good = from_hex(vector.file);
    for (std::size_t at = 0; at < good.size(); ++at) {
      // With a pass phrase one bit each: the top bits of the cost would only make the test slow.
      for (const unsigned bit : {0u, 3u, 7u}) {
        if (*vector.pass_phrase != '\0' && bit != 0) continue;
        Bytes file = good;
        file[at] ^= static_cast<std::byte>(1u << bit);
        const auto code = error_of(decode_key_file(file, as_bytes(vector.pass_phrase)));
        EXPECT_TRUE(code == number(ErrorCode::malformed) || code == number(ErrorCode::wrong_pass_phrase))
            << "byte " << at << " bit " << bit << ": " << code;
      }
    }
  }
}

TEST(KeyFileTest, EveryOtherSizeIsRefused) {
  Bytes file = from_hex(kVectors[0].file);
  file.push_back(std::byte{0});
  EXPECT_EQ(error_of(decode_key_file(file, {})), number(ErrorCode::malformed));
  for (std::size_t size = 0; size < kKeyFileSize; ++size) {
    EXPECT_EQ(error_of(decode_key_file(BytesView(file).first(size), {})), number(ErrorCode::malformed)) << size;
  }
}

TEST(KeyFileTest, WrongPassPhrases) {
  const Bytes open = from_hex(kVectors[0].file);
  const Bytes sealed = from_hex(kVectors[1].file);
  EXPECT_EQ(error_of(decode_key_file(open, as_bytes("something"))), number(ErrorCode::wrong_pass_phrase));
  EXPECT_EQ(error_of(decode_key_file(sealed, {})), number(ErrorCode::wrong_pass_phrase));
  EXPECT_EQ(error_of(decode_key_file(sealed, as_bytes("correct horse battery stable"))),
            number(ErrorCode::wrong_pass_phrase));
}

// A hostile file may ask for much work, but not for more than the spec says.
TEST(KeyFileTest, CostsOutOfBoundsAreRefusedBeforeAnyWork) {
  const auto cost_of = [](std::uint8_t kdf, std::uint32_t passes, std::uint32_t memory_kib) {
    Bytes file = from_hex(kVectors[1].file);
    file[8] = std::byte{kdf};
    for (std::size_t i = 0; i < 4; ++i) {
      file[12 + i] = static_cast<std::byte>(passes >> (24 - 8 * i));
      file[16 + i] = static_cast<std::byte>(memory_kib >> (24 - 8 * i));
    }
    return error_of(key_file_cost(file));
  };
  constexpr std::uint32_t kMax = 4 * 1024 * 1024;
  EXPECT_EQ(cost_of(1, 16, kMax), 0);
  EXPECT_EQ(cost_of(1, 1, 8), 0);
  EXPECT_EQ(cost_of(0, 0, 0), 0);
  const std::array<std::uint32_t, 3> bad[] = {{1, 17, 64}, {1, 0, 64}, {1, 1, 7},          {1, 1, kMax + 1},
                                              {1, 0, 0},   {2, 1, 64}, {1, 0xffffffff, 8}, {1, 1, 0xffffffff},
                                              {0, 1, 0},   {0, 0, 8}};
  for (const auto& [kdf, passes, memory_kib] : bad) {
    EXPECT_EQ(cost_of(static_cast<std::uint8_t>(kdf), passes, memory_kib), number(ErrorCode::malformed))
        << kdf << " " << passes << " " << memory_kib;
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they reserve terabytes of addresses themselves
TEST(KeyFileTest, MemoryThatCanNotBeHadIsALimit) {
  const auto with_little_memory = [] {
    const rlimit little{1 << 29, 1 << 29};
    if (::setrlimit(RLIMIT_AS, &little) != 0) ::_exit(2);
    sim::SeededRandom random(1);
    const auto file = encode_key_file({}, as_bytes("x"), {.passes = 1, .memory_kib = kKeyFileMemoryKibMax}, random);
    ::_exit(error_of(file) == number(ErrorCode::limit) ? 0 : 1);
  };
  EXPECT_EXIT(with_little_memory(), testing::ExitedWithCode(0), "");
}
#endif

// A fresh folder for each test.
class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "qg-secret-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path path(const char* name) const { return folder_ / name; }
  void write(const fs::path& file, std::string_view contents, mode_t mode = 0600) const {
    std::ofstream(file, std::ios::binary) << contents;
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }
  std::size_t files() const { return std::distance(fs::directory_iterator(folder_), {}); }

  fs::path folder_;
};

TEST_F(SecretFileTest, IdentityWithoutPassPhrase) {
  const auto identity = Identity::generate();
  ASSERT_EQ(error_of(identity.save(path("key"), {})), 0);
  struct stat status {};
  ASSERT_EQ(::stat(path("key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(status.st_size, 144);
  EXPECT_EQ(files(), 1u) << "no temporary file may be left";

  const auto again = Identity::load(path("key"), {});
  ASSERT_EQ(error_of(again), 0);
  EXPECT_EQ(again->uuid(), identity.uuid());
  EXPECT_TRUE(crypto::equal(again->seed().view(), identity.seed().view()));
  const auto needs = Identity::needs_pass_phrase(path("key"));
  ASSERT_EQ(error_of(needs), 0);
  EXPECT_FALSE(*needs);
  EXPECT_EQ(error_of(Identity::load(path("key"), phrase("x"))), number(ErrorCode::wrong_pass_phrase));
}

TEST_F(SecretFileTest, IdentityWithPassPhraseAtTheRealCost) {
  const auto identity = Identity::generate();
  ASSERT_EQ(error_of(identity.save(path("key"), phrase("correct horse"))), 0);
  const auto needs = Identity::needs_pass_phrase(path("key"));
  ASSERT_EQ(error_of(needs), 0);
  EXPECT_TRUE(*needs);
  EXPECT_EQ(error_of(Identity::load(path("key"), {})), number(ErrorCode::wrong_pass_phrase));
  const auto again = Identity::load(path("key"), phrase("correct horse"));
  ASSERT_EQ(error_of(again), 0);
  EXPECT_EQ(again->uuid(), identity.uuid());
}

// A child of fork() sees zeros where the key was: it must not put them into a file, or in the place of the key.
TEST_F(SecretFileTest, AChildOfForkWritesNoKeyThatItDoesNotHave) {
  const Identity identity = Identity::generate();
  ASSERT_TRUE(identity.save(path("old"), {}));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto saved = identity.save(path("new"), {});
    const auto replaced = identity.replace(path("old"), {});
    ::_exit(!identity.has_key() && !saved && saved.error().code == ErrorCode::invalid_argument && !replaced ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(identity.has_key());
  EXPECT_FALSE(Identity::load(path("new"), {}));
  const auto old = Identity::load(path("old"), {});
  ASSERT_TRUE(old);
  EXPECT_EQ(old->uuid(), identity.uuid());
}

TEST_F(SecretFileTest, NothingIsOverwritten) {
  write(path("key"), "precious");
  fs::create_symlink(path("nowhere"), path("dangling"));
  const auto before = files();
  EXPECT_EQ(error_of(Identity::generate().save(path("key"), {})), number(ErrorCode::exists));
  EXPECT_EQ(error_of(Identity::generate().save(path("dangling"), {})), number(ErrorCode::exists));
  EXPECT_EQ(error_of(save_shared_secret(path("key"), generate_shared_secret())), number(ErrorCode::exists));
  EXPECT_EQ(files(), before);
  std::string contents;
  std::getline(std::ifstream(path("key")), contents);
  EXPECT_EQ(contents, "precious");
}

TEST_F(SecretFileTest, ModeIsRightUnderAnyUmask) {
  for (const mode_t mask : {mode_t{0}, mode_t{0777}}) {
    const mode_t before = ::umask(mask);
    const auto file = path(mask == 0 ? "wide" : "tight");
    const auto saved = Identity::generate().save(file, {});
    ::umask(before);
    ASSERT_EQ(error_of(saved), 0);
    EXPECT_EQ(error_of(Identity::load(file, {})), 0);
  }
}

TEST_F(SecretFileTest, FilesThatOthersMayTouchAreRefused) {
  ASSERT_EQ(error_of(Identity::generate().save(path("key"), {})), 0);
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601, 0666, 0777}) {
    ASSERT_EQ(::chmod(path("key").c_str(), mode), 0);
    EXPECT_EQ(error_of(Identity::load(path("key"), {})), number(ErrorCode::too_open)) << std::oct << mode;
    EXPECT_EQ(error_of(Identity::needs_pass_phrase(path("key"))), number(ErrorCode::too_open)) << std::oct << mode;
  }
  for (const mode_t mode : {0600, 0400, 0700}) {
    ASSERT_EQ(::chmod(path("key").c_str(), mode), 0);
    EXPECT_EQ(error_of(Identity::load(path("key"), {})), 0) << std::oct << mode;
  }
}

TEST_F(SecretFileTest, WhatIsNoKeyFileIsRefusedAtOnce) {
  EXPECT_EQ(error_of(Identity::load(path("absent"), {})), number(ErrorCode::not_found));
  EXPECT_EQ(error_of(Identity::load(path("absent") / "key", {})), number(ErrorCode::not_found));
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(Identity::load(path("fifo"), {})), number(ErrorCode::malformed));
  EXPECT_EQ(error_of(Identity::load(folder_, {})), number(ErrorCode::malformed));
  EXPECT_EQ(error_of(Identity::load("/dev/null", {})), number(ErrorCode::malformed));
  for (const std::size_t size : {0, 1, 143, 145, 100'000}) {
    write(path("key"), std::string(size, 'x'));
    EXPECT_EQ(error_of(Identity::load(path("key"), {})), number(ErrorCode::malformed)) << size;
  }
  write(path("key"), std::string(144, '\0'));
  EXPECT_EQ(error_of(Identity::load(path("key"), {})), number(ErrorCode::malformed));
}

TEST_F(SecretFileTest, LinksToAKeyElsewhereAreFollowed) {
  ASSERT_EQ(error_of(Identity::generate().save(path("key"), {})), 0);
  fs::create_symlink(path("key"), path("link"));
  EXPECT_EQ(error_of(Identity::load(path("link"), {})), 0);
  ASSERT_EQ(::chmod(path("key").c_str(), 0644), 0);
  EXPECT_EQ(error_of(Identity::load(path("link"), {})), number(ErrorCode::too_open));
}

TEST_F(SecretFileTest, ReplacingChangesThePassPhraseAndNothingElse) {
  const fs::path file = folder_ / "key";
  const Identity identity = Identity::generate();
  EXPECT_EQ(number(ErrorCode::not_found), error_of(identity.replace(file, {})));
  EXPECT_TRUE(fs::is_empty(folder_));
  ASSERT_TRUE(identity.save(file, {}));
  ASSERT_TRUE(identity.replace(file, phrase("new")));
  EXPECT_EQ(number(ErrorCode::wrong_pass_phrase), error_of(Identity::load(file, {})));
  const auto sealed = Identity::load(file, phrase("new"));
  ASSERT_TRUE(sealed);
  EXPECT_EQ(identity.uuid(), sealed->uuid());
  ASSERT_TRUE(sealed->replace(file, {}));
  EXPECT_TRUE(Identity::load(file, {}));
  EXPECT_EQ(fs::perms::owner_read | fs::perms::owner_write, fs::status(file).permissions());
  EXPECT_EQ(1, std::distance(fs::directory_iterator(folder_), {}));
}

TEST_F(SecretFileTest, ReplacingFollowsALinkAndRefusesWhatIsNoFile) {
  const fs::path file = folder_ / "far" / "key";
  const fs::path link = folder_ / "link";
  fs::create_directory(file.parent_path());
  fs::create_symlink(file, link);
  const Identity identity = Identity::generate();
  EXPECT_EQ(number(ErrorCode::not_found), error_of(identity.replace(link, {})));
  ASSERT_TRUE(identity.save(file, {}));
  const Identity other = Identity::generate();
  ASSERT_TRUE(other.replace(link, {}));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(other.uuid(), Identity::load(file, {})->uuid());
  EXPECT_EQ(number(ErrorCode::malformed), error_of(identity.replace(folder_, {})));
}

// A disk that is full: the limit on the size of files fails the same write.
TEST_F(SecretFileTest, AFailedReplacementLeavesTheOldFile) {
  const fs::path file = folder_ / "key";
  const Identity identity = Identity::generate();
  ASSERT_TRUE(identity.save(file, {}));
  rlimit before{};
  ASSERT_EQ(0, ::getrlimit(RLIMIT_FSIZE, &before));
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &small));
  const auto replaced = Identity::generate().replace(file, {});
  ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &before));
  ::signal(SIGXFSZ, handler);
  EXPECT_NE(0, error_of(replaced));
  const auto still = Identity::load(file, {});
  ASSERT_TRUE(still);
  EXPECT_EQ(identity.uuid(), still->uuid());
  EXPECT_EQ(1, std::distance(fs::directory_iterator(folder_), {}));
}

TEST_F(SecretFileTest, FoldersThatCanNotBeWrittenTo) {
  EXPECT_EQ(error_of(Identity::generate().save(path("absent") / "key", {})), number(ErrorCode::not_found));
  write(path("file"), "");
  EXPECT_EQ(error_of(Identity::generate().save(path("file") / "key", {})), number(ErrorCode::not_found));
  EXPECT_NE(error_of(Identity::generate().save("/proc/key", {})), 0);
}

TEST_F(SecretFileTest, PermissionDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root is not refused by modes";
  write(path("unreadable"), std::string(144, 'x'), 0);
  EXPECT_EQ(error_of(Identity::load(path("unreadable"), {})), number(ErrorCode::permission_denied));
  ASSERT_EQ(::chmod(folder_.c_str(), 0500), 0);
  EXPECT_EQ(error_of(Identity::generate().save(path("key"), {})), number(ErrorCode::permission_denied));
  ASSERT_EQ(::chmod(folder_.c_str(), 0700), 0);
}

TEST_F(SecretFileTest, SharedSecretRoundTripAndBadForms) {
  const auto secret = generate_shared_secret();
  ASSERT_EQ(error_of(save_shared_secret(path("secret"), secret)), 0);
  const auto again = load_shared_secret(path("secret"));
  ASSERT_EQ(error_of(again), 0);
  EXPECT_TRUE(crypto::equal(again->view(), secret.view()));
  EXPECT_EQ(fs::file_size(path("secret")), kSharedSecretTextSize);

  ASSERT_EQ(::chmod(path("secret").c_str(), 0640), 0);
  EXPECT_EQ(error_of(load_shared_secret(path("secret"))), number(ErrorCode::too_open));
  EXPECT_EQ(error_of(load_shared_secret(path("absent"))), number(ErrorCode::not_found));

  const std::string digits = "adcaed3a2d144d0ebbb1387f92775b1e27819707a3c24d2794c2a06a39E58805";
  const std::string good[] = {digits + "\n", std::string(64, '0') + "\n"};
  const std::string bad[] = {digits,
                             digits + "\r\n",
                             digits + "\n\n",
                             digits + " ",
                             digits + "0",
                             "\n" + digits,
                             "\n",
                             "",
                             "0x" + digits.substr(2) + "\n",
                             std::string(64, 'g') + "\n"};
  for (const auto& text : good) {
    write(path("text"), text);
    const auto loaded = load_shared_secret(path("text"));
    ASSERT_EQ(error_of(loaded), 0) << text;
    std::string lower = text;
    std::ranges::replace(lower, 'E', 'e');
    EXPECT_EQ(as_text(encode_shared_secret(*loaded).view()), lower);
  }
  for (const auto& text : bad) {
    write(path("text"), text);
    EXPECT_EQ(error_of(load_shared_secret(path("text"))), number(ErrorCode::malformed)) << text;
  }
}

}  // namespace
}  // namespace quantumgate::api
