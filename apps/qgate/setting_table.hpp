// SPDX-License-Identifier: MIT
// The one table of what can be set. A setting has one name in three forms: `sessions_max` in a file, --sessions-max on
// the command line, QG_SESSIONS_MAX in the environment. File reader, flags, variables, `config`, qgate.toml(5) and the
// completions all come from here, so they can not say different things.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quantumgate::qgate {

// In the order of kSettingRows.
enum class Setting : std::uint8_t {
  control,
  key,
  pass_phrase_file,
  key_gone,
  listen,
  connect,
  network,
  gss,
  sessions_max,
  suites,
  tcp,
  packet_size,
  receive,
  keep_parts,
  chat_history,
  privacy,
  padding,
  cover,
  cover_interval,
  send_delay,
  handshake_jitter,
  key_update_min,
  key_update_max,
  cover_for_peers,
  log_level,
};
inline constexpr std::size_t kSettingCount = 25;

enum class SettingKind : std::uint8_t { text, file, folder, endpoint, address, whole, choice, suite };

// Which commands take the flag. File and environment serve all.
enum class SettingScope : std::uint8_t { every_command, key_commands, node };

struct SettingRow {
  Setting setting;
  const char* name;
  SettingKind kind;
  SettingScope scope;
  const char* placeholder;  // what stands for the value in --help
  // As text, "" for none. What begins with $XDG_CONFIG_HOME or $XDG_RUNTIME_DIR lies in that folder.
  const char* fallback;
  const char* meaning;           // one phrase, no full stop
  bool reloads = false;          // a running node takes a new value over on HUP
  std::uint64_t min = 0;         // bytes of a text, or the number itself
  std::uint64_t max = 4095;      // PATH_MAX less the NUL
  std::uint32_t values_max = 1;  // more than one: a list
  std::span<const char* const> choices = {};

  bool is_list() const noexcept { return values_max > 1; }
};

std::span<const SettingRow, kSettingCount> setting_rows() noexcept;
const SettingRow& row_of(Setting setting) noexcept;
const SettingRow* find_row(std::string_view name) noexcept;

std::string flag_of(const SettingRow& row);      // "--sessions-max"
std::string variable_of(const SettingRow& row);  // "QG_SESSIONS_MAX"
std::string range_of(const SettingRow& row);     // what it takes, in words: "a whole number from 1 to 65536"
std::vector<std::string> choices_of(const SettingRow& row);  // all it takes, if that is a short list; else none

// What is wrong with these texts as values of `row`, as the end of a sentence without full stop; nothing if all is
// well.
std::optional<std::string> problem_with(const SettingRow& row, std::span<const std::string> texts);

// The name among `names` that `typed` was probably meant to be.
std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> names);

}  // namespace quantumgate::qgate
