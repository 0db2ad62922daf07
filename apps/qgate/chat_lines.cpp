// SPDX-License-Identifier: MIT
#include "apps/qgate/chat_lines.hpp"

#include <cctype>
#include <cstdlib>
#include <ctime>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

using Clock = std::chrono::system_clock;

std::string local(const char* format, std::time_t time) {
  std::tm parts{};
  ::localtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, format, &parts);
  return text;
}

}  // namespace

bool is_line(const Json& object) { return text_member(object, "event") == "line"; }

std::string shown_line(const Json& line, bool peer_known, Clock::time_point now) {
  std::tm parts{};
  const std::string utc = text_member(line, "time").value_or("");
  const bool dated = ::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) != nullptr;
  const std::time_t time = ::timegm(&parts);
  const bool today = local("%F", time) == local("%F", Clock::to_time_t(now));
  const bool outgoing = line.value("outgoing", false);
  const std::string peer = text_member(line, "peer").value_or("?").substr(0, 8);
  std::string who = (outgoing ? "to " : "") + peer;
  if (peer_known) who = outgoing ? "you" : peer;
  std::string out = dated ? local(today ? "%H:%M" : "%F %H:%M", time) : "?";
  out += " " + who + ": " + text::printable(text_member(line, "text").value_or(""));
  if (!line.value("delivered", true)) out += " (not delivered)";
  return out;
}

std::optional<Clock::time_point> parse_since(const std::string& text, Clock::time_point now) {
  for (const char* format : {"%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return Clock::from_time_t(std::mktime(&parts));
  }
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0) return std::nullopt;
  char* unit = nullptr;
  const unsigned long long number = std::strtoull(text.c_str(), &unit, 10);
  if (number > 100'000 || *unit == '\0' || unit[1] != '\0') return std::nullopt;
  const auto count = static_cast<int>(number);
  switch (*unit) {
    case 'm':
      return now - std::chrono::minutes(count);
    case 'h':
      return now - std::chrono::hours(count);
    case 'd':
      return now - std::chrono::hours(24) * count;
    default:
      return std::nullopt;
  }
}

}  // namespace quantumgate::qgate
