// SPDX-License-Identifier: MIT
#include "extenders/common/utf8.hpp"

#include <cstdint>

namespace quantumgate::text {
namespace {

struct Decoded {
  char32_t code = 0;
  std::size_t size = 0;  // 0: not UTF-8
};

Decoded decode(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
  char32_t code = first & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  static constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, size};
}

bool is_control(char32_t c) noexcept { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

// Bidirectional controls, and line and paragraph separators (Unicode 15, section 23).
bool is_deceptive(char32_t c) noexcept {
  return c == 0x061C || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xFEFF;
}

std::size_t width(char32_t c) noexcept {
  if ((c >= 0x0300 && c <= 0x036F) || (c >= 0x200B && c <= 0x200D) || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

void append_hex(std::string& out, char32_t value, int digits_min) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (; value != 0 || static_cast<int>(hex.size()) < digits_min; value >>= 4) {
    hex.insert(hex.begin(), kDigits[value & 15]);
  }
  out += hex;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const Decoded c = decode(text);
    if (c.size == 0) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

bool has_control(std::string_view text) noexcept {
  while (!text.empty()) {
    const Decoded c = decode(text);
    if (c.size == 0) return true;
    if (is_control(c.code) || is_deceptive(c.code)) return true;
    text.remove_prefix(c.size);
  }
  return false;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded c = decode(text);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    if (c.size == 0 || (is_control(c.code) && c.size == 1)) {
      out += "\\x";
      append_hex(out, static_cast<std::uint8_t>(text.front()), 2);
    } else if (is_control(c.code) || is_deceptive(c.code)) {
      out += "\\u{";
      append_hex(out, c.code, 1);
      out += '}';
    } else if (c.code == '\\') {
      out += "\\\\";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return out;
}

std::size_t columns(std::string_view text) noexcept {
  std::size_t sum = 0;
  while (!text.empty()) {
    const Decoded c = decode(text);
    sum += c.size == 0 ? 1 : width(c.code);
    text.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  return sum;
}

std::string shortened(std::string_view text, std::size_t columns_max) {
  if (columns(text) <= columns_max) return std::string(text);
  if (columns_max == 0) return {};
  std::string out;
  std::size_t used = 1;  // the ellipsis
  while (!text.empty()) {
    const Decoded c = decode(text);
    const std::size_t size = c.size == 0 ? 1 : c.size;
    used += c.size == 0 ? 1 : width(c.code);
    if (used > columns_max) break;
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out + "…";
}

}  // namespace quantumgate::text
