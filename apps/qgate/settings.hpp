// SPDX-License-Identifier: MIT
// The settings as they hold now, and where each comes from: flag, else environment, else the user's files, else the
// system's files, else the default.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/qgate/config_file.hpp"
#include "apps/qgate/outcome.hpp"
#include "apps/qgate/setting_table.hpp"

namespace quantumgate::qgate {

enum class Origin : std::uint8_t { fallback, file, environment, flag };
const char* name_of(Origin origin) noexcept;  // "default", "file", "environment", "flag"

struct SettingValue {
  std::vector<std::string> texts;  // one, but for lists; empty: not set
  Origin origin = Origin::fallback;
  std::string place;  // "/etc/qgate/qgate.toml:3", "QG_KEY", "--key"; empty for a default
};

class Settings {
 public:
  const SettingValue& value(Setting setting) const { return values_[static_cast<std::size_t>(setting)]; }
  SettingValue& value(Setting setting) { return values_[static_cast<std::size_t>(setting)]; }
  const std::vector<std::string>& list(Setting setting) const { return value(setting).texts; }
  std::string text(Setting setting) const;  // "" if not set
  std::uint64_t number(Setting setting) const;

 private:
  std::array<SettingValue, kSettingCount> values_;
};

// What the command line said. A flag that was not given has no texts.
struct Flags {
  std::array<std::vector<std::string>, kSettingCount> texts;
  std::string config;  // --config: read instead of the user's and the system's file
};

struct ReadFile {
  std::filesystem::path path;
  bool exists = false;
};

struct LoadedSettings {
  Settings settings;              // complete also where there are problems
  std::vector<Problem> problems;  // files first, then environment, then flags
  std::vector<ReadFile> files;    // in the order they were read: later ones win
};

inline constexpr std::size_t kDropInsMax = 64;  // files in one drop-in folder

// The configuration file that the user may write: the one that is named, else the user's. It need not exist.
std::filesystem::path writable_config_file(const Flags& flags);

// Reads everything anew. Each FILE is followed by the files FILE.d/*.toml in the order of their names.
LoadedSettings load_settings(const Flags& flags);

// Variables that begin with QG_ and that nothing here knows: a typing error, or somebody else's.
std::vector<Problem> unknown_variables();

// The first problem as a failure: `config` for a file, `usage` for environment and flags.
Failure explain_problems(const std::vector<Problem>& problems);

// What all commands share.
struct Globals {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  Flags flags;
  LoadedSettings loaded;

  std::string text(Setting setting) const { return loaded.settings.text(setting); }
};

}  // namespace quantumgate::qgate
