// SPDX-License-Identifier: MIT
// A line that is being typed on a terminal: what keys do to it, and how it is drawn in one row. Knows no terminal:
// bytes in, bytes out. UTF-8; keys as VT100 and xterm send them. Threads: one at a time.   Bounds: 4,096 bytes, as a
// line of chat; more is not taken.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quantumgate::qgate {

class LineEditor {
 public:
  static constexpr std::size_t kBytesMax = 4096;

  enum class Event { none, line, end, interrupt };  // Enter; Ctrl-D on an empty line; Ctrl-C
  // Takes one byte of what was typed. After `line` the text is in take().
  Event type(char byte);
  // The finished line; the editor is empty again.
  std::string take();

  std::string text() const;

  // What draws `prompt` and the line in one row of `width` columns, with the cursor in its place: from anywhere in that
  // row, without a line feed. A longer line shows the part around the cursor.
  std::string draw(std::string_view prompt, std::size_t width) const;
  // What removes it again.
  static std::string erase() { return "\r\x1b[K"; }

 private:
  Event control(char byte);
  void escape(char byte);
  void insert(std::string character);
  void remove(std::size_t at);

  std::vector<std::string> characters_;  // each one code point, with the marks that combine with it
  std::size_t cursor_ = 0;               // before which of them
  std::size_t bytes_ = 0;
  std::string partial_;  // of a code point, or of an escape sequence
};

}  // namespace quantumgate::qgate
