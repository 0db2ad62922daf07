// SPDX-License-Identifier: MIT
#include "apps/qgate/setting_table.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "apps/qgate/peer_text.hpp"
#include "extenders/common/utf8.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/suite.h"

namespace quantumgate::qgate {
namespace {

constexpr const char* kLogLevels[] = {"debug", "info", "warning", "error"};

constexpr const char* kKeyGone[] = {"ignore", "lock"};

constexpr const char* kTcp[] = {"on", "off"};

constexpr const char* kChatHistory[] = {"disk", "memory"};

constexpr const char* kPaddings[] = {"none", "random", "classes", "full"};

constexpr const char* kCovers[] = {"off", "poisson", "adaptive", "constant"};

constexpr SettingRow kSettingRows[kSettingCount] = {
    {Setting::control, "control", SettingKind::file, SettingScope::every_command, "SOCKET",
     "$XDG_RUNTIME_DIR/qgate/node.sock", "Control socket of the node", false, 1, 107},
    {Setting::key, "key", SettingKind::file, SettingScope::key_commands, "FILE", "$XDG_CONFIG_HOME/qgate/identity.key",
     "Key file of the node", false, 1},
    {Setting::pass_phrase_file, "pass_phrase_file", SettingKind::file, SettingScope::key_commands, "FILE", "",
     "Take the pass phrase of the key file from the first line of FILE", false, 1},
    {Setting::key_gone, "key_gone", SettingKind::choice, SettingScope::node, "WHAT", "ignore",
     "What to do when the key file goes away: lock closes all sessions and wipes the keys until it is back", false, 0,
     0, 1, kKeyGone},
    {Setting::listen, "listen", SettingKind::endpoint, SettingScope::node, "HOST:PORT", "",
     "Address to listen on; port 0 takes a free one; may be given up to 8 times", false, 0, 0, 8},
    {Setting::connect, "connect", SettingKind::address, SettingScope::node, "ADDRESS", "",
     "Peer to stay connected with, by its qg:// address; may be given up to 64 times", true, 0, 0, 64},
    {Setting::network, "network", SettingKind::text, SettingScope::node, "NAME", "quantumgate",
     "Network name; both ends must use the same", false, 1, 64},
    {Setting::gss, "gss", SettingKind::file, SettingScope::node, "FILE", "",
     "File with the shared secret of a private network", false, 1},
    {Setting::sessions_max, "sessions_max", SettingKind::whole, SettingScope::node, "N", "4096",
     "Peers connected at the same time; one more takes the place of one from where most are, or gets no answer", false,
     1, 65536},
    {Setting::suites, "suites", SettingKind::suite, SettingScope::node, "SUITE", "",
     "Suite of algorithms to take part in; may be given several times; without it all that there are", false, 0, 0, 32},
    {Setting::tcp, "tcp", SettingKind::choice, SettingScope::node, "WHETHER", "on",
     "Whether TCP carries what UDP does not, on the same ports", false, 0, 0, 1, kTcp},
    {Setting::packet_size, "packet_size", SettingKind::whole, SettingScope::node, "BYTES", "1472",
     "Largest packets to try; those that a path does not carry are not used there", false, 1232, 1472},
    {Setting::receive, "receive", SettingKind::folder, SettingScope::node, "FOLDER", "", "Take files into this folder",
     false, 1},
    {Setting::keep_parts, "keep_parts", SettingKind::whole, SettingScope::node, "DAYS", "7",
     "How long to keep what a broken transfer has brought; 0: not at all", false, 0, 3650},
    {Setting::chat_history, "chat_history", SettingKind::choice, SettingScope::node, "WHERE", "disk",
     "Where lines of chat are kept; on the disk they are sealed with the node's key", false, 0, 0, 1, kChatHistory},
    {Setting::privacy, "privacy", SettingKind::whole, SettingScope::node, "LEVEL", "1",
     "What a watcher of the network is not to see: 1 nothing hidden, nothing spent, to 5 all looks alike, always", true,
     1, 5},
    {Setting::padding, "padding", SettingKind::choice, SettingScope::node, "HOW", "",
     "Sizes of packets, if not as the privacy level has it", true, 0, 0, 1, kPaddings},
    {Setting::cover, "cover", SettingKind::choice, SettingScope::node, "HOW", "",
     "Packets that carry nothing, if not as the privacy level has it", true, 0, 0, 1, kCovers},
    {Setting::cover_interval, "cover_interval", SettingKind::whole, SettingScope::node, "MS", "",
     "Time between two packets of cover; with adaptive or constant cover at most 1000", true, 1, 60000},
    {Setting::send_delay, "send_delay", SettingKind::whole, SettingScope::node, "MS", "",
     "What is sent waits for a random time up to this", true, 0, 1000},
    {Setting::handshake_jitter, "handshake_jitter", SettingKind::whole, SettingScope::node, "MS", "",
     "Messages of handshakes wait for a random time up to this", true, 0, 2000},
    {Setting::key_update_min, "key_update_min", SettingKind::whole, SettingScope::node, "SECONDS", "",
     "Keys of a session are replaced after this time at the earliest", true, 10, 1200},
    {Setting::key_update_max, "key_update_max", SettingKind::whole, SettingScope::node, "SECONDS", "",
     "Keys of a session are replaced after this time at the latest", true, 10, 1200},
    {Setting::cover_for_peers, "cover_for_peers", SettingKind::whole, SettingScope::node, "KIB", "1024",
     "KiB per second of cover that peers may ask for, all together; one gets a quarter at most; 0: none", false, 0,
     1048576},
    {Setting::log_level, "log_level", SettingKind::choice, SettingScope::node, "LEVEL", "info",
     "Least important lines that are logged; -v is debug, -q is warning", true, 0, 0, 1, kLogLevels},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kSettingCount; ++i) {
    if (static_cast<std::size_t>(kSettingRows[i].setting) != i) return false;
  }
  return true;
}
static_assert(in_order());

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::optional<std::string> problem_with_text(const SettingRow& row, const std::string& text) {
  const std::string shown = "'" + text::shortened(text::printable(text), 60) + "'";
  if (!text::is_utf8(text) || text::has_control(text)) return shown + " has bytes that are no plain UTF-8 text";
  switch (row.kind) {
    case SettingKind::text:
    case SettingKind::file:
    case SettingKind::folder:
      if (text.size() >= row.min && text.size() <= row.max) return std::nullopt;
      return (text.empty() ? "it is empty" : "it has " + std::to_string(text.size()) + " bytes") + "; it takes " +
             range_of(row);
    case SettingKind::endpoint:
      if (Endpoint::parse(text)) return std::nullopt;
      return shown + " is not an address to listen on. Write it as 127.0.0.1:0 or [::1]:5000";
    case SettingKind::address:
      if (const auto address = parse_address(text); !address) return address.error().message;
      return std::nullopt;
    case SettingKind::whole: {
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size() && number >= row.min && number <= row.max) {
        return std::nullopt;
      }
      return shown + " is not " + range_of(row);
    }
    case SettingKind::choice:
      if (std::ranges::find(row.choices, text) != row.choices.end()) return std::nullopt;
      return shown + " is not " + range_of(row);
    case SettingKind::suite: {
      const auto names = suite_names();
      if (std::ranges::find(names, text) != names.end()) return std::nullopt;
      const auto meant = nearest(text, names);
      return shown + " is no suite. " + (meant ? "Did you mean '" + *meant + "'?" : "There are: " + joined(names));
    }
  }
  return std::nullopt;
}

// Single-character edits that make `b` of `a`; an exchange of neighbours counts as one (Damerau).
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::span<const SettingRow, kSettingCount> setting_rows() noexcept { return kSettingRows; }

const SettingRow& row_of(Setting setting) noexcept { return kSettingRows[static_cast<std::size_t>(setting)]; }

const SettingRow* find_row(std::string_view name) noexcept {
  const auto found = std::ranges::find_if(kSettingRows, [&](const SettingRow& row) { return name == row.name; });
  return found == std::end(kSettingRows) ? nullptr : &*found;
}

std::string flag_of(const SettingRow& row) {
  std::string flag = std::string("--") + row.name;
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string variable_of(const SettingRow& row) {
  std::string variable = "QG_";
  for (const char* c = row.name; *c != '\0'; ++c) variable += static_cast<char>(std::toupper(*c));
  return variable;
}

std::string range_of(const SettingRow& row) {
  const std::string max = std::to_string(row.max);
  switch (row.kind) {
    case SettingKind::text:
      return std::to_string(row.min) + " to " + max + " bytes of text";
    case SettingKind::file:
    case SettingKind::folder:
      return std::string("the path of a ") + (row.kind == SettingKind::folder ? "folder" : "file") + ", at most " +
             max + " bytes";
    case SettingKind::endpoint:
      return "1 to " + std::to_string(row.values_max) + " addresses with ports";
    case SettingKind::address:
      return "1 to " + std::to_string(row.values_max) + " addresses of peers";
    case SettingKind::whole:
      return "a whole number from " + std::to_string(row.min) + " to " + max;
    case SettingKind::choice:
      return joined(choices_of(row));
    case SettingKind::suite:
      return "names of suites";
  }
  return {};
}

std::vector<std::string> choices_of(const SettingRow& row) {
  if (row.kind == SettingKind::suite) return suite_names();
  return {row.choices.begin(), row.choices.end()};
}

std::optional<std::string> problem_with(const SettingRow& row, std::span<const std::string> texts) {
  if (texts.empty() || texts.size() > row.values_max) {
    return "there are " + std::to_string(texts.size()) + " values; it takes " + range_of(row);
  }
  for (const std::string& text : texts) {
    if (auto problem = problem_with_text(row, text)) return problem;
  }
  return std::nullopt;
}

std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> names) {
  constexpr std::size_t kLongest = 64;  // bounds the work for a hostile name
  if (typed.size() > kLongest) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_edits = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t distance = edits(typed, name);
    if (distance < best_edits) {
      best_edits = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace quantumgate::qgate
