// SPDX-License-Identifier: MIT
// Completions for bash, zsh and fish, written from the tree of commands: they know what the program knows.
#pragma once

#include <optional>
#include <string>

#include "apps/qgate/command_tree.hpp"
#include "apps/qgate/settings.hpp"

namespace quantumgate::qgate {

// The script for "bash", "zsh" or "fish"; nothing for another shell.
std::optional<std::string> completion_for(const std::string& shell, const CommandInfo& tree);

Outcome<void> print_completion(const Globals& globals, const CommandInfo& tree, const std::string& shell);

}  // namespace quantumgate::qgate
