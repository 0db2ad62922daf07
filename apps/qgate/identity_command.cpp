// SPDX-License-Identifier: MIT
// qgate identity new, qgate identity show
#include <cstdio>
#include <filesystem>

#include "apps/qgate/commands.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/terminal.hpp"
#include "quantumgate/address.h"

namespace quantumgate::qgate {
namespace {

std::filesystem::path key_file(const IdentityOptions& options) {
  return options.key.empty() ? default_key_file() : std::filesystem::path(options.key);
}

void print(const Globals& globals, const Identity& identity, const std::filesystem::path& file) {
  const std::string uuid = identity.uuid().to_string();
  const std::string fingerprint = hex(identity.fingerprint().bytes.data(), identity.fingerprint().bytes.size());
  const std::string address = Address{identity.uuid(), {}}.to_string();
  if (globals.json) {
    const Json json{{"uuid", uuid}, {"fingerprint", fingerprint}, {"address", address}, {"key_file", file.string()}};
    std::printf("%s\n", to_text(json).c_str());
  } else {
    std::printf("UUID         %s\nFingerprint  %s\nAddress      %s@host:port\nKey file     %s\n", uuid.c_str(),
                fingerprint.c_str(), address.c_str(), file.c_str());
  }
}

}  // namespace

Outcome<void> identity_new(const Globals& globals, const IdentityOptions& options) {
  const auto file = key_file(options);
  // Said before a pass phrase is asked for; save() refuses it again.
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    return tl::unexpected(explain_key_file({ErrorCode::exists}, file.string()));
  }
  SecretBytes phrase;
  if (!options.no_pass_phrase) {
    auto read = read_pass_phrase(options.pass_phrase, true);
    if (!read) return tl::unexpected(read.error());
    phrase = std::move(*read);
  }
  if (options.key.empty()) {
    std::filesystem::create_directories(file.parent_path(), ignored);
    std::filesystem::permissions(file.parent_path(), std::filesystem::perms::owner_all, ignored);
  }
  const Identity identity = Identity::generate();
  if (const auto saved = identity.save(file, phrase); !saved) {
    if (saved.error().code == ErrorCode::not_found) {
      return failed(ExitCode::key_file, "the folder of '" + file.string() + "' does not exist. Make it first.");
    }
    return tl::unexpected(explain_key_file(saved.error(), file.string()));
  }
  print(globals, identity, file);
  return {};
}

Outcome<void> identity_show(const Globals& globals, const IdentityOptions& options) {
  const auto file = key_file(options);
  const auto identity = load_identity(file, options.pass_phrase);
  if (!identity) return tl::unexpected(identity.error());
  print(globals, *identity, file);
  return {};
}

}  // namespace quantumgate::qgate
