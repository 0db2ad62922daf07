// SPDX-License-Identifier: MIT
#include "apps/qgate/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

constexpr std::size_t kBarWidthMax = 100;

std::size_t bar_width() { return std::min(terminal_size(STDERR_FILENO).columns, kBarWidthMax); }

std::string padded(std::string text, std::size_t width) {
  const std::size_t used = text::columns(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

std::string padded_left(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string human_rate(std::uint64_t bytes, double seconds) {
  if (seconds <= 0) return "-";
  return human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s";
}

std::string human_duration(std::chrono::seconds duration) {
  const long long total = std::max<long long>(0, duration.count());
  const long long days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60, seconds = total % 60;
  char text[64];
  if (days != 0) {
    std::snprintf(text, sizeof text, "%lld d %02lld:%02lld", days, hours, minutes);
  } else if (hours != 0) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", hours, minutes, seconds);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", minutes, seconds);
  }
  return text;
}

std::string hex(const std::byte* bytes, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[std::to_integer<unsigned>(bytes[i]) >> 4];
    text += kDigits[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  return text;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    const std::size_t size = text::columns(word);
    if (used != 0 && used + 1 + size > width) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    } else if (used != 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += size;
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return out;
}

bool takes_escapes(int descriptor) {
  const char* kind = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(descriptor) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb" &&
         (no_color == nullptr || *no_color == '\0');
}

TerminalSize terminal_size(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.columns = size.ws_col, .lines = size.ws_row};
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text::columns(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      out += last ? row[i] : padded(row[i], widths[i] + 2);
    }
    out.erase(out.find_last_not_of(' ') + 1);  // of an empty last cell
    out += '\n';
  }
  return out;
}

std::string progress_line(std::string_view name, std::uint64_t done, std::uint64_t size, std::uint64_t kept,
                          double seconds, std::size_t width) {
  done = std::min(done, size);
  const std::uint64_t moved = done - std::min(kept, done);
  const double part = size == 0 ? 1 : static_cast<double>(done) / static_cast<double>(size);
  const std::string percent = padded_left(std::to_string(static_cast<int>(part * 100)), 3) + "%";
  const std::string rate = padded_left(human_rate(moved, seconds), 12);
  std::string left = "  --:--";
  if (moved != 0 && seconds > 0) {
    const double rest = static_cast<double>(size - done) * seconds / static_cast<double>(moved);
    if (rest < 1e9) left = padded_left(human_duration(std::chrono::seconds(static_cast<std::int64_t>(rest))), 7);
  }
  const std::string tail = " " + percent + " " + rate + " " + left + " left";
  if (width <= tail.size() + 4) return percent;
  const std::size_t room = width - tail.size();  // for the name and the bar
  const std::size_t name_width = std::min<std::size_t>(24, room / 2);
  std::string line = padded(text::shortened(name, name_width), name_width);
  const std::size_t bar = room - name_width - 3;
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(bar));
  line += " [" + std::string(filled, '#') + std::string(bar - filled, '.') + "]";
  return line + tail;
}

ProgressBar::ProgressBar(bool wanted) : on_(wanted && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::string_view name, std::uint64_t done, std::uint64_t size, std::uint64_t kept) {
  const auto now = std::chrono::steady_clock::now();
  // The first time, or a new transfer, or one that begins again after a break.
  if (begin_ == std::chrono::steady_clock::time_point() || done < shown_) begin_ = now;
  shown_ = done;
  if (!on_ || (now - last_ < std::chrono::milliseconds(100) && done < size)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  // One column stays free, or some terminals would wrap.
  std::fprintf(stderr, "\r%s", progress_line(name, done, size, kept, seconds, bar_width() - 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fprintf(stderr, "\r%s\r", std::string(bar_width() - 1, ' ').c_str());
  std::fflush(stderr);
}

}  // namespace quantumgate::qgate
