// SPDX-License-Identifier: MIT
// Manual pages: prose from a template of docs/man/, the rest from the tree of commands and the table of settings.
#pragma once

#include <string>

#include "apps/qgate/command_tree.hpp"
#include "apps/qgate/outcome.hpp"

namespace quantumgate::qgate {

// Prints `file`, in which these lines are replaced:
//   @command NAME   how it is called and what it does; the lines that follow, then its flags
//   @options        the flags of every command
//   @exit_codes     the table of exit codes
//   @settings       the keys of a configuration file
// and @VERSION@ anywhere. Fails if a command has no line, or a line no command.
Outcome<void> print_manual(const CommandInfo& tree, const std::string& file);

}  // namespace quantumgate::qgate
