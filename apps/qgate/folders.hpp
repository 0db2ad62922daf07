// SPDX-License-Identifier: MIT
// Where things lie, as the XDG base directory specification says. Nothing is made here unless a name says so.
#pragma once

#include <filesystem>

#include "apps/qgate/outcome.hpp"

namespace quantumgate::qgate {

std::filesystem::path config_folder();   // $XDG_CONFIG_HOME/qgate, else ~/.config/qgate
std::filesystem::path data_folder();     // $XDG_DATA_HOME/qgate, else ~/.local/share/qgate
std::filesystem::path state_folder();    // $XDG_STATE_HOME/qgate, else ~/.local/state/qgate
std::filesystem::path runtime_folder();  // $XDG_RUNTIME_DIR/qgate, else /tmp/qgate-<uid>

// Makes runtime_folder() with mode 0700, or refuses one that others could have made or may enter.
Outcome<void> make_runtime_folder();

std::filesystem::path user_config_file();  // qgate.toml in config_folder()
// The first that exists of qgate/qgate.toml in $XDG_CONFIG_DIRS (/etc/xdg) and in /etc; else the one in /etc.
std::filesystem::path system_config_file();

// `path` with a leading ~/ replaced by the home folder.
std::filesystem::path without_tilde(const std::string& path);

}  // namespace quantumgate::qgate
