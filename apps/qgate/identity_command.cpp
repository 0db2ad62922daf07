// SPDX-License-Identifier: MIT
// qgate identity new, qgate identity show, qgate identity passwd
#include <cstdio>
#include <filesystem>

#include "apps/qgate/commands.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/pass_phrase.hpp"
#include "apps/qgate/terminal.hpp"
#include "quantumgate/address.h"

namespace quantumgate::qgate {
namespace {

void print(const Globals& globals, const Identity& identity, const std::string& file) {
  const std::string uuid = identity.uuid().to_string();
  const std::string fingerprint = hex(identity.fingerprint().bytes.data(), identity.fingerprint().bytes.size());
  const std::string address = Address{identity.uuid(), {}}.to_string();
  if (globals.json) {
    const Json json{{"uuid", uuid}, {"fingerprint", fingerprint}, {"address", address}, {"key_file", file}};
    std::printf("%s\n", to_text(json).c_str());
  } else {
    std::printf("UUID         %s\nFingerprint  %s\nAddress      %s@host:port\nKey file     %s\n", uuid.c_str(),
                fingerprint.c_str(), address.c_str(), file.c_str());
  }
}

PassPhraseSource old_phrase(const Globals& globals) { return {.file = globals.text(Setting::pass_phrase_file)}; }

}  // namespace

Outcome<void> identity_new(const Globals& globals, const IdentityOptions& options) {
  const std::filesystem::path file = globals.text(Setting::key);
  // Said before a pass phrase is asked for; save() refuses it again.
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
    if (options.if_missing) {
      if (globals.json) {
        std::printf("%s\n", to_text({{"key_file", file.string()}, {"made", false}}).c_str());
      } else if (!globals.quiet) {
        std::printf("%s is there already; nothing to do.\n", file.c_str());
      }
      return {};
    }
    return tl::unexpected(explain_key_file({ErrorCode::exists}, file.string()));
  }
  SecretBytes phrase;
  if (!options.no_pass_phrase) {
    PassPhraseSource source = old_phrase(globals);
    source.prompt = "New pass phrase: ";
    source.is_new = true;
    auto read = read_pass_phrase(source);
    if (!read) return tl::unexpected(read.error());
    phrase = std::move(*read);
  }
  if (globals.loaded.settings.value(Setting::key).origin == Origin::fallback) {
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
  print(globals, identity, file.string());
  return {};
}

Outcome<void> identity_show(const Globals& globals) {
  const std::string file = globals.text(Setting::key);
  const auto identity = load_identity(file, old_phrase(globals));
  if (!identity) return tl::unexpected(identity.error());
  print(globals, *identity, file);
  return {};
}

Outcome<void> identity_passwd(const Globals& globals, const IdentityOptions& options) {
  const std::string file = globals.text(Setting::key);
  const auto identity = load_identity(file, old_phrase(globals));
  if (!identity) return tl::unexpected(identity.error());
  SecretBytes phrase;
  if (!options.no_pass_phrase) {
    auto read = read_pass_phrase({.file = options.new_pass_phrase_file,
                                  .flag = "--new-pass-phrase-file",
                                  .variable = "QG_NEW_PASS_PHRASE",
                                  .prompt = "New pass phrase: ",
                                  .is_new = true});
    if (!read) return tl::unexpected(read.error());
    phrase = std::move(*read);
  }
  if (const auto replaced = identity->replace(file, phrase); !replaced) {
    Failure failure = explain_key_file(replaced.error(), file);
    failure.message += " The key file is as it was.";
    return tl::unexpected(std::move(failure));
  }
  const bool sealed = !phrase.empty();
  if (globals.json) {
    std::printf("%s\n", to_text({{"key_file", file}, {"pass_phrase", sealed}}).c_str());
  } else if (!globals.quiet) {
    std::printf(sealed ? "%s has the new pass phrase.\n" : "%s has no pass phrase now: only its mode protects it.\n",
                file.c_str());
  }
  return {};
}

}  // namespace quantumgate::qgate
