// SPDX-License-Identifier: MIT
#include "apps/qgate/line_editor.hpp"

#include <algorithm>
#include <utility>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::size_t kEscapeBytesMax = 16;

constexpr char control_key(char letter) { return static_cast<char>(letter & 0x1F); }

std::size_t size_of_character(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

}  // namespace

LineEditor::Event LineEditor::type(char byte) {
  if (!partial_.empty() && partial_.front() == kEscape) {
    escape(byte);
    return Event::none;
  }
  const auto value = static_cast<unsigned char>(byte);
  if (value < 0x20 || value == 0x7F) {
    partial_.clear();
    return control(byte);
  }
  if (value >= 0xC0 || value < 0x80) partial_.clear();  // a new one begins, whatever became of the one before
  partial_ += byte;
  if (partial_.size() < size_of_character(partial_.front())) return Event::none;
  insert(std::exchange(partial_, {}));
  return Event::none;
}

LineEditor::Event LineEditor::control(char byte) {
  switch (byte) {
    case '\r':
    case '\n':
      return Event::line;
    case control_key('C'):
      return Event::interrupt;
    case control_key('D'):
      if (characters_.empty()) return Event::end;
      remove(cursor_);
      break;
    case '\x7f':
    case control_key('H'):
      if (cursor_ != 0) remove(--cursor_);
      break;
    case control_key('A'):
      cursor_ = 0;
      break;
    case control_key('E'):
      cursor_ = characters_.size();
      break;
    case control_key('B'):
      if (cursor_ != 0) --cursor_;
      break;
    case control_key('F'):
      if (cursor_ < characters_.size()) ++cursor_;
      break;
    case control_key('K'):
      while (cursor_ < characters_.size()) remove(cursor_);
      break;
    case control_key('U'):
      while (cursor_ != 0) remove(--cursor_);
      break;
    case control_key('W'):
      while (cursor_ != 0 && characters_[cursor_ - 1] == " ") remove(--cursor_);
      while (cursor_ != 0 && characters_[cursor_ - 1] != " ") remove(--cursor_);
      break;
    case '\t':
      insert(" ");
      break;
    case kEscape:
      partial_ = kEscape;
      break;
    default:
      break;
  }
  return Event::none;
}

// ESC [ ... letter or ~, ESC O letter; anything else after ESC is one key, and nothing that is known here.
void LineEditor::escape(char byte) {
  partial_ += byte;
  if (partial_.size() == 2 && (byte == '[' || byte == 'O')) return;
  const bool ends = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '~';
  if (partial_.size() > 2 && !ends && partial_.size() < kEscapeBytesMax) return;
  const std::string key = std::exchange(partial_, {}).substr(1);
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, key) != names.end();
  };
  if (is({"[D", "OD"}) && cursor_ != 0) --cursor_;
  if (is({"[C", "OC"}) && cursor_ < characters_.size()) ++cursor_;
  if (is({"[H", "OH", "[1~", "[7~"})) cursor_ = 0;
  if (is({"[F", "OF", "[4~", "[8~"})) cursor_ = characters_.size();
  if (is({"[3~"})) remove(cursor_);
}

void LineEditor::insert(std::string character) {
  if (!text::is_utf8(character) || text::has_control(character) || bytes_ + character.size() > kBytesMax) return;
  bytes_ += character.size();
  if (text::columns(character) == 0) {  // combines with the one before
    if (cursor_ != 0) {
      characters_[cursor_ - 1] += character;
    } else {
      bytes_ -= character.size();
    }
    return;
  }
  characters_.insert(characters_.begin() + static_cast<std::ptrdiff_t>(cursor_), std::move(character));
  ++cursor_;
}

void LineEditor::remove(std::size_t at) {
  if (at >= characters_.size()) return;
  bytes_ -= characters_[at].size();
  characters_.erase(characters_.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string LineEditor::text() const {
  std::string text;
  for (const std::string& character : characters_) text += character;
  return text;
}

std::string LineEditor::take() {
  std::string line = text();
  characters_.clear();
  cursor_ = bytes_ = 0;
  partial_.clear();
  return line;
}

std::string LineEditor::draw(std::string_view prompt, std::size_t width) const {
  // One column stays free for the cursor behind the last character.
  const std::size_t used = text::columns(prompt) + 1;
  const std::size_t room = width > used ? width - used : 1;
  std::size_t first = cursor_, before = 0;
  while (first != 0 && before + text::columns(characters_[first - 1]) <= room) {
    before += text::columns(characters_[--first]);
  }
  std::string out = erase() + std::string(prompt);
  std::size_t columns = 0, back = 0;
  for (std::size_t i = first; i < characters_.size(); ++i) {
    const std::size_t wide = text::columns(characters_[i]);
    if (columns + wide > room) break;
    columns += wide;
    if (i >= cursor_) back += wide;
    out += characters_[i];
  }
  if (back != 0) out += "\x1b[" + std::to_string(back) + "D";
  return out;
}

}  // namespace quantumgate::qgate
