// SPDX-License-Identifier: MIT
#include "apps/qgate/settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "apps/qgate/folders.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

// Read by the program, but no settings: secrets do not belong in a file of settings, and a file does not name itself.
constexpr std::string_view kOtherVariables[] = {"QG_CONFIG", "QG_PASS_PHRASE", "QG_NEW_PASS_PHRASE"};

std::string fallback_text(const SettingRow& row) {
  const std::string_view text = row.fallback;
  const auto below = [&](std::string_view prefix, const fs::path& folder) {
    return (folder / text.substr(prefix.size())).string();
  };
  if (constexpr auto prefix = "$XDG_CONFIG_HOME/qgate/"sv; text.starts_with(prefix))
    return below(prefix, config_folder());
  if (constexpr auto prefix = "$XDG_RUNTIME_DIR/qgate/"sv; text.starts_with(prefix))
    return below(prefix, runtime_folder());
  return std::string(text);
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// "" if none is named.
std::string named_config_file(const Flags& flags) {
  const char* config = std::getenv("QG_CONFIG");
  return flags.config.empty() && config != nullptr ? config : flags.config;
}

class Loader {
 public:
  LoadedSettings load(const Flags& flags) {
    for (const SettingRow& row : setting_rows()) {
      const std::string text = fallback_text(row);
      if (!text.empty()) result_.settings.value(row.setting).texts = {text};
    }
    if (const std::string file = named_config_file(flags); !file.empty()) {
      const std::size_t before = result_.problems.size();
      read_with_drop_ins(file);
      // Who names a file wants it read.
      if (!result_.files[0].exists && result_.problems.size() == before) {
        result_.problems.push_back({text::printable(file), "this configuration file does not exist. Check the path."});
      }
    } else {
      read_with_drop_ins(system_config_file());
      read_with_drop_ins(user_config_file());
    }
    for (const SettingRow& row : setting_rows()) {
      if (const char* value = std::getenv(variable_of(row).c_str()); value != nullptr) {
        take(row, row.is_list() ? split_at_commas(value) : std::vector<std::string>{value}, Origin::environment,
             variable_of(row));
      }
    }
    for (const SettingRow& row : setting_rows()) {
      const auto& texts = flags.texts[static_cast<std::size_t>(row.setting)];
      if (!texts.empty()) take(row, texts, Origin::flag, flag_of(row));
    }
    return std::move(result_);
  }

 private:
  void take(const SettingRow& row, std::vector<std::string> texts, Origin origin, const std::string& place) {
    if (const auto problem = problem_with(row, texts)) {
      result_.problems.push_back({place, *problem + ".", false});
    } else {
      result_.settings.value(row.setting) = {std::move(texts), origin, place};
    }
  }

  void read(const fs::path& path) {
    ConfigFile file = read_config_file(path);
    result_.files.push_back({path, file.exists});
    std::ranges::move(file.problems, std::back_inserter(result_.problems));
    for (ConfigEntry& entry : file.entries) {
      result_.settings.value(entry.setting) = {std::move(entry.texts), Origin::file, std::move(entry.place)};
    }
  }

  void read_with_drop_ins(const fs::path& path) {
    read(path);
    const fs::path folder = path.string() + ".d";
    std::vector<fs::path> drop_ins;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (at->path().extension() == ".toml" && drop_ins.size() <= kDropInsMax) drop_ins.push_back(at->path());
    }
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
      result_.problems.push_back({text::printable(folder.string()),
                                  "this folder can not be read: " + error.message() + ". Mend its mode or owner."});
    }
    if (drop_ins.size() > kDropInsMax) {
      result_.problems.push_back(
          {text::printable(folder.string()),
           "this folder has more than " + std::to_string(kDropInsMax) + " files. Join some of them."});
      return;
    }
    std::ranges::sort(drop_ins);
    for (const fs::path& drop_in : drop_ins) read(drop_in);
  }

  LoadedSettings result_;
};

}  // namespace

const char* name_of(Origin origin) noexcept {
  switch (origin) {
    case Origin::fallback:
      return "default";
    case Origin::file:
      return "file";
    case Origin::environment:
      return "environment";
    case Origin::flag:
      return "flag";
  }
  return "?";
}

std::string Settings::text(Setting setting) const {
  const auto& texts = list(setting);
  return texts.empty() ? std::string() : texts[0];
}

std::uint64_t Settings::number(Setting setting) const {
  const std::string digits = text(setting);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

fs::path writable_config_file(const Flags& flags) {
  const std::string named = named_config_file(flags);
  return named.empty() ? user_config_file() : fs::path(named);
}

LoadedSettings load_settings(const Flags& flags) { return Loader().load(flags); }

std::vector<Problem> unknown_variables() {
  std::vector<std::string> known(std::begin(kOtherVariables), std::end(kOtherVariables));
  for (const SettingRow& row : setting_rows()) known.push_back(variable_of(row));
  std::vector<Problem> problems;
  for (char** variable = environ; *variable != nullptr && problems.size() < kProblemsMax; ++variable) {
    const std::string_view entry = *variable;
    const std::string name(entry.substr(0, entry.find('=')));
    if (!name.starts_with("QG_") || std::ranges::find(known, name) != known.end()) continue;
    const auto meant = nearest(name, known);
    problems.push_back({text::printable(name),
                        "unknown variable. " + (meant ? "Did you mean " + *meant + "?" : std::string("Unset it.")),
                        false});
  }
  return problems;
}

Failure explain_problems(const std::vector<Problem>& problems) {
  const Problem& first = problems.front();
  std::string message = first.place + ": " + first.message;
  if (problems.size() > 1) message += " There is more: see 'qgate config check'.";
  return {first.in_file ? ExitCode::config : ExitCode::usage, message};
}

}  // namespace quantumgate::qgate
