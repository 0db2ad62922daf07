// SPDX-License-Identifier: MIT
// qgate gss new
#include <cstdio>

#include "apps/qgate/commands.hpp"
#include "apps/qgate/json.hpp"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate {

Outcome<void> gss_new(const Globals& globals, const std::string& file) {
  const auto written = save_shared_secret(file, generate_shared_secret());
  if (!written && written.error().code == ErrorCode::not_found) {
    return failed(ExitCode::key_file, "the folder of '" + file + "' does not exist. Make it first.");
  }
  if (!written) return tl::unexpected(explain_key_file(written.error(), file));
  if (globals.json) {
    std::printf("%s\n", to_text({{"file", file}}).c_str());
  } else if (!globals.quiet) {
    std::printf("Wrote a new shared secret to %s. Bring it to every node of the network by a safe way.\n",
                file.c_str());
  }
  return {};
}

}  // namespace quantumgate::qgate
