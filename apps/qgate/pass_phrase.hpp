// SPDX-License-Identifier: MIT
// How pass phrases are read. They never stand in a configuration file or on the command line.
#pragma once

#include <filesystem>
#include <string>

#include "apps/qgate/outcome.hpp"
#include "quantumgate/identity.h"
#include "quantumgate/secret.h"

namespace quantumgate::qgate {

// Which pass phrase is wanted, and where it may come from.
struct PassPhraseSource {
  std::string file;                         // its first line; empty: none was named. /dev/fd/N works.
  const char* flag = "--pass-phrase-file";  // what names the file
  const char* variable = "QG_PASS_PHRASE";
  const char* prompt = "Pass phrase: ";
  bool is_new = false;  // asked for twice
};

// From the file, else the variable, else the terminal, without echo. Never empty.
Outcome<SecretBytes> read_pass_phrase(const PassPhraseSource& source);

// Opens `key_file`, asking for a pass phrase only if it has one.
Outcome<Identity> load_identity(const std::filesystem::path& key_file, const PassPhraseSource& source);

}  // namespace quantumgate::qgate
