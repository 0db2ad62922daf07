// SPDX-License-Identifier: MIT
// Goal: typing does what people expect, in any script, and the row that is drawn never grows beyond the terminal.
// Method: keys as terminals send them; drawn rows are measured at every width.
#include "apps/qgate/line_editor.hpp"

#include <gtest/gtest.h>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

using Event = LineEditor::Event;

Event type(LineEditor& editor, std::string_view keys) {
  Event event = Event::none;
  for (const char key : keys) event = editor.type(key);
  return event;
}

std::string after(std::string_view keys) {
  LineEditor editor;
  type(editor, keys);
  return editor.text();
}

TEST(LineEditor, EditsALine) {
  EXPECT_EQ("hello", after("hello"));
  EXPECT_EQ("hallo", after("hello\x1b[D\x1b[D\x1b[D\x7f"
                           "a"));
  EXPECT_EQ("Xabc", after("abc\x1b[HX"));
  EXPECT_EQ("abcX", after("abc\x01\x05X"));
  EXPECT_EQ("abcX", after("abc\x1bOH\x1bOFX"));
  EXPECT_EQ("bc", after("abc\x01\x1b[3~"));
  EXPECT_EQ("bc", after("abc\x01\x04"));
  EXPECT_EQ("one ", after("one two\x17"));
  EXPECT_EQ("", after("one  \x17"));
  EXPECT_EQ("two", after("one two\x1b[D\x1b[D\x1b[D\x15"));
  EXPECT_EQ("one ", after("one two\x1b[D\x1b[D\x1b[D\x0b"));
  EXPECT_EQ("ab", after("a\x1b[5~\x1b[1;5C\x1bx"
                        "b"));  // keys that mean nothing here
  EXPECT_EQ("", after("\x7f\x1b[D\x1b[C\x04\x17\x15\x0b\x1b[3~"));
}

TEST(LineEditor, KnowsTheEnds) {
  LineEditor editor;
  EXPECT_EQ(Event::line, type(editor, "one\r"));
  EXPECT_EQ("one", editor.take());
  EXPECT_EQ("", editor.text());
  EXPECT_EQ(Event::interrupt, type(editor, "x\x03"));
  EXPECT_EQ(Event::none, type(editor, "\x04"));
  EXPECT_EQ(Event::end, type(editor, "\x15\x04"));
}

TEST(LineEditor, TakesAnyScript) {
  EXPECT_EQ("gr\xc3\xbc\xc3\x9f", after("gr\xc3\xbc\xc3\x9f"));
  EXPECT_EQ("gr\xc3\xbc", after("gr\xc3\xbc\xc3\x9f\x7f"));          // a whole character goes
  EXPECT_EQ("\xe6\xbc\xa2", after("\xe6\xbc\xa2\xe5\xad\x97\x7f"));  // wide ones too
  EXPECT_EQ("a", after("ae\xcc\x81\x7f"));                           // with its accent
  EXPECT_EQ("xe\xcc\x81", after("e\xcc\x81\x1b[Dx"));
  EXPECT_EQ("ab", after("a\xffz\x7f"
                        "b"));  // no UTF-8
  EXPECT_EQ("ab", after("a\xc3"
                        "b"));  // a character that never came to its end
  EXPECT_EQ("ab", after("a\xe2\x80\xae"
                        "b"));  // nothing that turns the text around
  EXPECT_EQ(std::string(LineEditor::kBytesMax, 'x'), after(std::string(5000, 'x')));
}

TEST(LineEditor, DrawsWithinTheTerminal) {
  LineEditor editor;
  type(editor, "ab\xe6\xbc\xa2\x1b[D");
  EXPECT_EQ("\r\x1b[K> ab\xe6\xbc\xa2\x1b[2D", editor.draw("> ", 80));
  type(editor, std::string(200, 'x') + "\xe6\xbc\xa2\xe5\xad\x97");
  for (std::size_t left = 0; left < 210; ++left) {
    for (std::size_t width = 4; width < 100; width += 7) {
      std::string row = editor.draw("> ", width).substr(4);
      row = row.substr(0, row.find('\x1b'));
      EXPECT_LT(text::columns(row), width) << left;
    }
    type(editor, "\x1b[D");
  }
}

}  // namespace
}  // namespace quantumgate::qgate
