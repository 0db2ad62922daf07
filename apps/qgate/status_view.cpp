// SPDX-License-Identifier: MIT
#include "apps/qgate/status_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/qgate/privacy_choice.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

std::uint64_t number(const Json& json, const char* key) { return number_member(json, key).value_or(0); }
std::string shown(const Json& json, const char* key) { return text::printable(text_member(json, key).value_or("?")); }
Json counters_of(const Json& status) { return status.value("counters", Json::object()); }

std::string network(const Json& status) {
  return shown(status, "network") + (status.value("shared_secret", false) ? ", with a shared secret" : "");
}
bool locked(const Json& status) { return status.value("state", "") == "locked"; }
std::string state(const Json& status) { return locked(status) ? "LOCKED: the key file is gone" : "running"; }
std::string uptime(const Json& status) { return human_duration(std::chrono::seconds(number(status, "uptime_s"))); }

// 0 to 5 digits and a letter: fits a narrow column whatever the number.
std::string short_number(double value) {
  if (value < 99'999.5) return std::to_string(std::llround(value));
  static constexpr const char* kUnits[] = {"k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  value /= 1000;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[16];
  std::snprintf(text, sizeof text, "%.0f%s", value, kUnits[unit]);
  return text;
}

struct Rate {
  const Look& now;
  const Look& before;

  std::uint64_t total(const char* counter) const { return number(counters_of(now.status), counter); }
  double since(const char* counter) const {
    const std::uint64_t old = number(counters_of(before.status), counter);
    const double seconds = now.seconds - before.seconds;
    // Smaller than before: the node was started anew.
    return seconds <= 0 || total(counter) < old ? 0 : static_cast<double>(total(counter) - old) / seconds;
  }
  std::vector<std::string> row(const char* name, const char* bytes, const char* datagrams) const {
    return {name, human_bytes(total(bytes)), human_bytes(static_cast<std::uint64_t>(since(bytes))) + "/s",
            short_number(since(datagrams)) + " datagrams/s"};
  }
};

void append(std::vector<std::string>& lines, const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

std::string status_table(const Json& status) {
  const Json counters = counters_of(status);
  const Json memory = status.value("key_memory", Json::object());
  const std::uint64_t swappable = number(memory, "unlocked_bytes") + number(memory, "outside_bytes");
  const auto count = [&](const char* counter) { return std::to_string(number(counters, counter)); };
  return table({
      {"State", state(status)},
      {"Address", shown(status, "address")},
      {"Network", network(status)},
      {"Running for", uptime(status)},
      {"Peers", std::to_string(number(status, "peers"))},
      {"Takes files", status.value("accepting_files", false) ? "yes" : "no"},
      {"Privacy", locked(status) ? "no sessions" : privacy_sentence(status.value("privacy", Json::object()))},
      {"Key memory", swappable == 0 ? human_bytes(number(memory, "locked_bytes")) + ", locked"
                                    : "may be written to swap: see 'qgate doctor'"},
      {"Received",
       human_bytes(number(counters, "bytes_received")) + " in " + count("datagrams_received") + " datagrams"},
      {"Sent", human_bytes(number(counters, "bytes_sent")) + " in " + count("datagrams_sent") + " datagrams"},
      {"Dropped", count("dropped_malformed") + " malformed, " + count("dropped_unauthentic") + " not authentic, " +
                      count("dropped_replayed") + " replayed"},
      {"", count("dropped_clock") + " with a wrong clock, " + count("dropped_full") + " for want of room"},
      {"", count("dropped_trial_limit") + " beyond what is tried to open, " + count("dropped_no_cookie") +
               " not yet proven"},
      {"", count("dropped_start_limit") + " beyond the handshakes that are answered"},
      {"Cover", human_bytes(number(counters, "cover_bytes_sent")) + " sent, and " +
                    human_bytes(number(counters, "padding_bytes_sent")) + " of padding"},
      {"", human_bytes(number(status, "cover_bytes_per_day")) + " a day at the rate of now, and as much to receive"},
      {"Handshakes", count("handshakes_completed") + " completed, " + count("handshakes_started") + " answered"},
      {"Key updates", count("key_updates") + " completed, " + count("key_updates_failed") + " failed"},
  });
}

std::vector<std::string> watch_lines(const Look& now, const Look& before, TerminalSize size) {
  const Rate rate{now, before};
  const Json list = now.peers.value("peers", Json::array());
  double dropped_now = 0;
  std::uint64_t dropped = 0;
  for (const char* counter : {"dropped_malformed", "dropped_unauthentic", "dropped_replayed", "dropped_clock",
                              "dropped_no_cookie", "dropped_trial_limit", "dropped_start_limit", "dropped_full"}) {
    dropped += rate.total(counter);
    dropped_now += rate.since(counter);
  }
  std::vector<std::string> lines;
  std::vector<std::vector<std::string>> head{
      {"Address", shown(now.status, "address")},
      {"Network", network(now.status)},
      {"Running for", uptime(now.status)},
      {"Takes files", now.status.value("accepting_files", false) ? "yes" : "no"}};
  if (locked(now.status)) head.insert(head.begin(), {"State", state(now.status)});
  append(lines, table(head));
  lines.emplace_back();
  append(lines, table({{"", "ALL", "NOW", ""},
                       rate.row("Received", "bytes_received", "datagrams_received"),
                       rate.row("Sent", "bytes_sent", "datagrams_sent"),
                       {"Dropped", short_number(static_cast<double>(dropped)), short_number(dropped_now) + "/s", ""},
                       {"Handshakes", short_number(static_cast<double>(rate.total("handshakes_completed"))),
                        short_number(rate.since("handshakes_completed")) + "/s", ""}}));
  lines.emplace_back();

  const std::size_t used = lines.size() + 2;  // the heading of the peers, and the line that says how many are left out
  const std::size_t room = size.lines > used ? size.lines - used : 0;
  const std::size_t fits = list.size() <= room + 1 ? list.size() : room;
  std::vector<std::vector<std::string>> rows{{"PEER", "ENDPOINT", "BY", "PQ", "FOR", "SENT", "RECEIVED"}};
  for (std::size_t i = 0; i < fits; ++i) {
    const Json& peer = list[i];
    // The beginning of the UUID, as commands at a terminal take it.
    rows.push_back({shown(peer, "uuid").substr(0, 8), text::shortened(shown(peer, "endpoint"), 24),
                    shown(peer, "transport"), peer.value("post_quantum", false) ? "yes" : "NO",
                    human_duration(std::chrono::seconds(number(peer, "connected_s"))),
                    human_bytes(number(peer, "bytes_sent")), human_bytes(number(peer, "bytes_received"))});
  }
  if (list.empty()) {
    lines.emplace_back("No peers.");
  } else {
    append(lines, table(rows));
  }
  if (fits < list.size()) lines.push_back("and " + std::to_string(list.size() - fits) + " more");
  if (lines.size() > size.lines) lines.resize(size.lines);
  for (std::string& line : lines) line = text::shortened(line, size.columns);
  return lines;
}

}  // namespace quantumgate::qgate
