// SPDX-License-Identifier: MIT
// qgate config show, qgate config check, qgate config keys
#include <algorithm>
#include <cstdio>

#include "apps/qgate/commands.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

// As JSON and, since TOML writes these the same way, for a file.
Json value_json(const SettingRow& row, const SettingValue& value) {
  if (row.is_list()) return value.texts;
  if (value.texts.empty()) return nullptr;
  if (row.kind == SettingKind::whole) return std::stoull(value.texts[0]);
  return value.texts[0];
}

std::string place_of(const SettingValue& value) { return value.place.empty() ? name_of(value.origin) : value.place; }

Json files_json(const LoadedSettings& loaded) {
  Json files = Json::array();
  for (const ReadFile& file : loaded.files) files.push_back({{"file", file.path.string()}, {"exists", file.exists}});
  return files;
}

void print_files(const LoadedSettings& loaded) {
  for (const ReadFile& file : loaded.files) {
    std::printf("# %s: %s\n", text::printable(file.path.string()).c_str(), file.exists ? "read" : "not there");
  }
}

Failure one_of(const std::vector<Problem>& problems) {
  Failure failure = explain_problems({problems.front()});
  failure.code = ExitCode::config;
  return failure;
}

}  // namespace

Outcome<void> config_show(const Globals& globals, bool effective) {
  if (!globals.loaded.problems.empty()) return tl::unexpected(explain_problems(globals.loaded.problems));
  const Settings& settings = globals.loaded.settings;
  Json values = Json::object();
  std::vector<std::vector<std::string>> rows;
  for (const SettingRow& row : setting_rows()) {
    const SettingValue& value = settings.value(row.setting);
    if (!effective && value.origin == Origin::fallback) continue;
    const Json json = value_json(row, value);
    values[row.name] = {{"value", json}, {"origin", name_of(value.origin)}, {"place", value.place}};
    // What is not set has no form in TOML but a comment.
    const bool unset = value.texts.empty();
    rows.push_back({(unset ? "# " : "") + std::string(row.name) + " = " + (unset ? "" : to_text(json)),
                    "# " + (unset ? "not set" : text::printable(place_of(value)))});
  }
  if (globals.json) {
    std::printf("%s\n", to_text({{"files", files_json(globals.loaded)}, {"settings", values}}).c_str());
    return {};
  }
  print_files(globals.loaded);
  std::fputs(table(rows).c_str(), stdout);
  return {};
}

Outcome<void> config_check(const Globals& globals, const std::string& file) {
  Json files = Json::array();
  std::vector<Problem> problems;
  if (file.empty()) {
    problems = globals.loaded.problems;
    std::ranges::move(unknown_variables(), std::back_inserter(problems));
    files = files_json(globals.loaded);
  } else {
    Flags only;
    only.config = file;
    const LoadedSettings loaded = load_settings(only);
    std::ranges::copy_if(loaded.problems, std::back_inserter(problems), &Problem::in_file);
    files = files_json(loaded);
  }
  if (globals.json && problems.empty()) std::printf("%s\n", to_text({{"files", files}, {"problems", 0}}).c_str());
  if (!globals.json && !globals.quiet && problems.empty()) {
    for (const Json& one : files) {
      std::printf("%s: %s\n", text::printable(text_member(one, "file").value_or("?")).c_str(),
                  one.value("exists", false) ? "all is well" : "not there");
    }
  }
  if (problems.empty()) return {};
  // All but the last here; that one is the failure of the command.
  const Problem last = problems.back();
  problems.pop_back();
  for (const Problem& problem : problems) {
    if (globals.json) {
      std::printf("%s\n", to_text(error_json(one_of({problem}))).c_str());
    } else {
      std::fprintf(stderr, "qgate: %s\n", one_of({problem}).message.c_str());
    }
  }
  return tl::unexpected(one_of({last}));
}

Outcome<void> config_keys(const Globals& globals) {
  Json keys = Json::array();
  for (const SettingRow& row : setting_rows()) {
    keys.push_back({{"key", row.name},
                    {"flag", flag_of(row)},
                    {"variable", variable_of(row)},
                    {"takes", range_of(row)},
                    {"list", row.is_list()},
                    {"default", row.fallback},
                    {"meaning", row.meaning},
                    {"reloads", row.reloads}});
  }
  if (globals.json) {
    std::printf("%s\n", to_text({{"keys", keys}}).c_str());
    return {};
  }
  for (const SettingRow& row : setting_rows()) {
    const std::string text = std::string(row.meaning) + ". Takes " + range_of(row) +
                             ". Default: " + (*row.fallback == '\0' ? "none" : row.fallback) + ". Also " +
                             flag_of(row) + " and " + variable_of(row) + ".";
    std::printf("%s\n    %s\n", row.name, wrapped(text, 76, 4).c_str());
  }
  return {};
}

}  // namespace quantumgate::qgate
