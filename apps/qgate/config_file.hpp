// SPDX-License-Identifier: MIT
// Reads one TOML file of settings (docs: qgate.toml(5)). The only file that includes toml++ is config_file.cpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/qgate/setting_table.hpp"

namespace quantumgate::qgate {

inline constexpr std::size_t kConfigBytesMax = 64 * 1024;  // of one file

// Something wrong, and where: "file:3", "QG_LISTEN" or "--listen".
struct Problem {
  std::string place;
  std::string message;  // whole sentences
  bool in_file = true;
};

struct ConfigEntry {
  Setting setting;
  std::vector<std::string> texts;  // right for the setting; paths are absolute
  std::string place;               // "file:3"
};

struct ConfigFile {
  bool exists = false;
  std::vector<ConfigEntry> entries;
  std::vector<Problem> problems;  // in the order of the lines, at most kProblemsMax
};
inline constexpr std::size_t kProblemsMax = 32;

// A file that does not exist is empty.
ConfigFile read_config_file(const std::filesystem::path& file);

}  // namespace quantumgate::qgate
