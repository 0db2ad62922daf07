// SPDX-License-Identifier: MIT
// Goal: what people read is right and fits their line.
// Method: known values, and every width that a terminal may have.
#include "apps/qgate/terminal.hpp"

#include <gtest/gtest.h>

#include "apps/qgate/outcome.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

TEST(Terminal, Sizes) {
  EXPECT_EQ("0 B", human_bytes(0));
  EXPECT_EQ("1023 B", human_bytes(1023));
  EXPECT_EQ("1.0 KiB", human_bytes(1024));
  EXPECT_EQ("1.0 MiB", human_bytes(1024 * 1024 - 1));
  EXPECT_EQ("256.0 MiB", human_bytes(256 << 20));
  EXPECT_EQ("16.0 EiB", human_bytes(~std::uint64_t{0}));
  EXPECT_EQ("50.0 KiB/s", human_rate(102400, 2));
  EXPECT_EQ("-", human_rate(1, 0));
}

TEST(Terminal, Durations) {
  using std::chrono::seconds;
  EXPECT_EQ("0:07", human_duration(seconds(7)));
  EXPECT_EQ("59:59", human_duration(seconds(3599)));
  EXPECT_EQ("1:00:00", human_duration(seconds(3600)));
  EXPECT_EQ("2 d 03:04", human_duration(seconds(2 * 86400 + 3 * 3600 + 4 * 60 + 5)));
  EXPECT_EQ("0:00", human_duration(seconds(-1)));
}

TEST(Terminal, ProgressFitsEveryWidth) {
  for (std::size_t width = 1; width < 200; ++width) {
    for (const std::uint64_t done : {0ull, 1ull, 500ull, 1000ull, 2000ull}) {
      const auto line =
          progress_line("a long name \xe6\xbc\xa2\xe5\xad\x97 of a file, very long.bin", done, 1000, 300, 0.5, width);
      EXPECT_LE(text::columns(line), std::max<std::size_t>(width, 4)) << line;
    }
  }
  EXPECT_EQ("photo.jpg                [###########...........]  50%     1000 B/s    0:00 left",
            progress_line("photo.jpg", 500, 1000, 0, 0.5, 80));
  // What was there before makes it no faster.
  EXPECT_EQ("photo.jpg                [###########...........]  50%      200 B/s    0:02 left",
            progress_line("photo.jpg", 500, 1000, 400, 0.5, 80));
}

TEST(Terminal, TablesLineUp) {
  EXPECT_EQ("A     B\nlong  x\n", table({{"A", "B"}, {"long", "x"}}));
  EXPECT_EQ("a  b\n\nc\n", table({{"a", "b"}, {"", ""}, {"c", ""}}));
}

TEST(Terminal, WordsAreNotCut) {
  EXPECT_EQ("", wrapped("", 10, 2));
  EXPECT_EQ("one two", wrapped("one two", 7, 2));
  EXPECT_EQ("one\n  two", wrapped("one two", 6, 2));
  EXPECT_EQ("a\n  word-that-is-long\n  b", wrapped("a word-that-is-long b", 5, 2));
}

TEST(Outcome, NamesGoBothWays) {
  for (const ExitCodeRow& row : kExitCodes) EXPECT_EQ(row.code, exit_code_of(name_of(row.code)));
  EXPECT_EQ(std::nullopt, exit_code_of("nonsense"));
}

}  // namespace
}  // namespace quantumgate::qgate
