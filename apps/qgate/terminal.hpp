// SPDX-License-Identifier: MIT
// What people see: sizes, times, tables, a progress bar. Text of strangers must have gone through text::printable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quantumgate::qgate {

std::string human_bytes(std::uint64_t bytes);                 // "0 B", "1023 B", "1.0 KiB", "256.0 MiB"
std::string human_rate(std::uint64_t bytes, double seconds);  // "118.2 MiB/s"
std::string human_duration(std::chrono::seconds duration);    // "0:07", "12:34", "1:02:03", "3 d 04:05"
std::string hex(const std::byte* bytes, std::size_t size);

// Columns as wide as their widest cell, two blanks between; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

// `text` broken at blanks into lines of at most `width` columns, all but the first indented; a longer word stays whole.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

// Whether cursor and colours may be used on `descriptor`: a terminal that is not dumb, and NO_COLOR is not set.
bool takes_escapes(int descriptor);

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};
TerminalSize terminal_size(int descriptor);  // of no terminal: 80 x 24

// One line of progress, exactly `width` columns or fewer: name, bar, percent, rate, time left. `kept` bytes of `done`
// were there before the clock started: they count as done, but not for the rate.
std::string progress_line(std::string_view name, std::uint64_t done, std::uint64_t size, std::uint64_t kept,
                          double seconds, std::size_t width);

// Draws on stderr, only if that is a terminal, at most ten times a second.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar();  // leaves an empty line behind
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::string_view name, std::uint64_t done, std::uint64_t size, std::uint64_t kept);
  void clear();

 private:
  bool on_;
  bool drawn_ = false;
  std::uint64_t shown_ = 0;  // bytes done, as shown last
  std::chrono::steady_clock::time_point begin_{};
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace quantumgate::qgate
