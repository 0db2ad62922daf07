// SPDX-License-Identifier: MIT
#include "apps/qgate/manual.hpp"

#include <cstdio>
#include <fstream>
#include <set>
#include <vector>

#include "apps/qgate/setting_table.hpp"

namespace quantumgate::qgate {
namespace {

// Plain text as roff: a minus that can be copied, no backslash or leading dot that means something.
std::string roff(const std::string& text) {
  std::string out = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '-') {
      out += "\\-";
    } else if (c == '\\') {
      out += "\\e";
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

// A sentence out of a phrase.
std::string sentence(const std::string& phrase) { return roff(phrase) + ".\n"; }

std::string with_value(const OptionInfo& option, const std::string& name) {
  return bold(name) + (option.placeholder.empty() ? "" : " " + italic(option.placeholder));
}

bool is_everywhere(const OptionInfo& option) { return option.names.back() == "--help"; }

std::string option_list(const std::vector<OptionInfo>& options) {
  std::string text;
  for (const OptionInfo& option : options) {
    text += ".TP\n";
    for (const std::string& name : option.names)
      text += (&name == &option.names.front() ? "" : ", ") + with_value(option, name);
    text += "\n" + sentence(option.help);
  }
  return text;
}

std::string synopsis(const std::string& path, const CommandInfo& command) {
  std::string text = bold(path);
  for (const OptionInfo& argument : command.arguments) {
    text += argument.required ? " " + italic(argument.placeholder) : " [" + italic(argument.placeholder) + "]";
  }
  for (const OptionInfo& option : command.options) {
    if (is_everywhere(option)) continue;
    const std::string one = with_value(option, option.names.back());
    text += (option.required ? " " + one : " [" + one + "]") + (option.repeatable ? "..." : "");
  }
  return text;
}

const CommandInfo* find(const CommandInfo& tree, const std::string& path) {
  const std::size_t blank = path.find(' ');
  for (const CommandInfo& command : tree.commands) {
    if (command.name != path.substr(0, blank)) continue;
    return blank == std::string::npos ? &command : find(command, path.substr(blank + 1));
  }
  return nullptr;
}

void leaves(const CommandInfo& command, const std::string& path, std::set<std::string>& found) {
  // A command may have others below it and yet do something itself: chat.
  if (command.commands.empty() || !command.arguments.empty()) found.insert(path);
  for (const CommandInfo& next : command.commands)
    leaves(next, path.empty() ? next.name : path + " " + next.name, found);
}

std::string exit_codes() {
  std::string text = ".nr step 5\n";
  for (const ExitCodeRow& row : kExitCodes) {
    text += ".IP " + std::to_string(static_cast<int>(row.code)) + " \\n[step]\n" + roff(row.meaning) + " (" +
            roff(row.name) + ")\n";
  }
  return text;
}

std::string settings() {
  std::string text;
  for (const SettingRow& row : setting_rows()) {
    const bool none = *row.fallback == '\0';
    text += ".TP\n" + bold(row.name) + "\n" + sentence(row.meaning) + "It takes " + roff(range_of(row)) +
            ". Default: " + (none ? "none" : bold(row.fallback)) + ". Also " + bold(flag_of(row)) + " and " +
            bold(variable_of(row)) + ".\n" + (row.reloads ? "A running node takes a new value over on HUP.\n" : "");
  }
  return text;
}

}  // namespace

Outcome<void> print_manual(const CommandInfo& tree, const std::string& file) {
  std::ifstream in(file);
  if (!in) return failed(ExitCode::usage, "the template '" + file + "' can not be read. Check the path.");
  std::set<std::string> missing;
  leaves(tree, "", missing);
  bool has_commands = false;
  std::string out;
  std::string flags;  // of the command whose prose is being read
  const auto end_command = [&] {
    if (!flags.empty()) out += ".RS\n" + flags + ".RE\n";
    flags.clear();
  };
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('@') || line.starts_with(".SH")) end_command();
    if (line.starts_with("@command ")) {
      has_commands = true;
      const std::string path = line.substr(9);
      const CommandInfo* command = find(tree, path);
      if (command == nullptr || missing.erase(path) == 0) {
        return failed(ExitCode::usage,
                      "the template '" + file + "' names '" + path + "', which is no command, or twice.");
      }
      std::vector<OptionInfo> own = command->options;
      std::erase_if(own, is_everywhere);
      flags = option_list(own);
      out += ".TP\n" + synopsis(path, *command) + "\n" + sentence(command->help);
    } else if (line == "@options") {
      out += option_list(tree.options);
    } else if (line == "@exit_codes") {
      out += exit_codes();
    } else if (line == "@settings") {
      out += settings();
    } else {
      constexpr std::string_view kVersionMark = "@VERSION@";
      if (const auto at = line.find(kVersionMark); at != std::string::npos)
        line.replace(at, kVersionMark.size(), QG_VERSION);
      out += line + "\n";
    }
  }
  end_command();
  if (has_commands && !missing.empty()) {
    return failed(ExitCode::usage,
                  "the template '" + file + "' says nothing of '" + *missing.begin() + "'. Add a line.");
  }
  std::fputs(out.c_str(), stdout);
  return {};
}

}  // namespace quantumgate::qgate
