// SPDX-License-Identifier: MIT
// What all commands share: global flags, where files lie, how pass phrases are read.
#pragma once

#include <filesystem>
#include <string>

#include "apps/qgate/outcome.hpp"
#include "quantumgate/identity.h"
#include "quantumgate/secret.h"

namespace quantumgate::qgate {

struct Globals {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string control;  // empty: default_control_socket()
};

// $XDG_CONFIG_HOME/qgate/identity.key, else below $HOME/.config.
std::filesystem::path default_key_file();
// $XDG_RUNTIME_DIR/qgate/node.sock, else a folder of this user below /tmp. `make_folder`: with mode 0700.
Outcome<std::filesystem::path> control_socket(const Globals& globals, bool make_folder);

struct PassPhraseSource {
  std::string file;  // --pass-phrase-file; its first line
};
// The file, else QG_PASS_PHRASE, else asked on the terminal (twice if `is_new`). Never empty.
Outcome<SecretBytes> read_pass_phrase(const PassPhraseSource& source, bool is_new);

// Opens `key_file`, asking for a pass phrase only if it has one.
Outcome<Identity> load_identity(const std::filesystem::path& key_file, const PassPhraseSource& source);

}  // namespace quantumgate::qgate
