// SPDX-License-Identifier: MIT
// Goal: no text of a stranger passes as UTF-8 that is not, or reaches a terminal with something that steers it.
// Method: the boundary cases of RFC 3629, and the escapes that terminals act on.
#include "extenders/common/utf8.hpp"

#include <gtest/gtest.h>

namespace quantumgate::text {
namespace {

TEST(Utf8, TellsWellFormedFromNot) {
  for (const char* good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x80\x80", "\xe0\x9f\xbf",
                          "\xed\xa0\x80", "\xe2\x82", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xff", "a\xc3", "\xc3(", "\xfe"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Utf8, EscapesWhatSteersATerminal) {
  EXPECT_EQ("\\x1b[2J", printable("\x1b[2J"));
  EXPECT_EQ("\\x07\\x7f\\x00", printable(std::string_view("\x07\x7f\0", 3)));
  EXPECT_EQ("\\u{9b}31m", printable("\xc2\x9b"
                                    "31m"));  // C1: one-character CSI
  EXPECT_EQ("a\\u{202e}b", printable("a\xe2\x80\xae"
                                     "b"));
  EXPECT_EQ("\\xff\\xc3(", printable("\xff\xc3("));
  EXPECT_EQ("\\\\x1b", printable("\\x1b"));
  EXPECT_EQ("gr\xc3\xbc\xc3\x9f dich", printable("gr\xc3\xbc\xc3\x9f dich"));
}

TEST(Utf8, KnowsControlCharacters) {
  EXPECT_FALSE(has_control("na\xc3\xafve.txt"));
  for (const char* bad : {"a\nb", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xe2\x80\xa8", "\xff"}) {
    EXPECT_TRUE(has_control(bad)) << printable(bad);
  }
}

TEST(Utf8, CutsToColumns) {
  EXPECT_EQ(4u, columns("\xe6\xbc\xa2\xe5\xad\x97"));
  EXPECT_EQ(1u, columns("e\xcc\x81"));
  EXPECT_EQ("abc", shortened("abc", 3));
  EXPECT_EQ("ab…", shortened("abcd", 3));
  EXPECT_EQ("\xe6\xbc\xa2…", shortened("\xe6\xbc\xa2\xe5\xad\x97x", 4));
  EXPECT_EQ("", shortened("abc", 0));
}

}  // namespace
}  // namespace quantumgate::text
