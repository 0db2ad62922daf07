// SPDX-License-Identifier: MIT
// The commands as plain data, made from the command line's own tree (main.cpp): what completions and manual pages are
// written from.
#pragma once

#include <string>
#include <vector>

namespace quantumgate::qgate {

struct OptionInfo {
  std::vector<std::string> names;  // "-q", "--quiet"; none for an argument without flag
  std::string placeholder;         // FILE, FOLDER, SOCKET, PEER...: what stands for the value; empty for a switch
  std::string help;
  bool required = false;
  bool repeatable = false;
  std::vector<std::string> choices;  // all it takes, if that is a short list
};

struct CommandInfo {
  std::string name;
  std::string help;
  std::vector<OptionInfo> options;
  std::vector<OptionInfo> arguments;
  std::vector<CommandInfo> commands;
};

}  // namespace quantumgate::qgate
