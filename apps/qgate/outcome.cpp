// SPDX-License-Identifier: MIT
#include "apps/qgate/outcome.hpp"

#include <cstring>

namespace quantumgate::qgate {

const char* name_of(ExitCode code) noexcept {
  for (const ExitCodeRow& row : kExitCodes) {
    if (row.code == code) return row.name;
  }
  return "failure";
}

std::optional<ExitCode> exit_code_of(std::string_view name) noexcept {
  for (const ExitCodeRow& row : kExitCodes) {
    if (name == row.name) return row.code;
  }
  return std::nullopt;
}

Failure explain(const Error& error) {
  std::string text = *error.doing != '\0' ? std::string(error.doing) + " failed: " : std::string();
  text += *error.why != '\0' ? error.why : describe(error.code);
  if (error.os != 0) text += std::string(" (") + std::strerror(error.os) + ")";
  return {ExitCode::failure, text + "."};
}

Failure explain_key_file(const Error& error, const std::string& file) {
  const std::string quoted = "'" + file + "'";
  switch (error.code) {
    case ErrorCode::not_found:
      return {ExitCode::key_file, quoted + " does not exist. Make it with 'qgate identity new' or 'qgate gss new'."};
    case ErrorCode::permission_denied:
      return {ExitCode::key_file, quoted + " can not be read: permission denied. Make it yours: chown and chmod 600."};
    case ErrorCode::too_open:
      return {ExitCode::key_file, quoted + " can be read by others. Run: chmod 600 " + file + "."};
    case ErrorCode::malformed:
      return {ExitCode::key_file, quoted + " is damaged, or another kind of file. Restore it from a copy."};
    case ErrorCode::wrong_pass_phrase:
      return {ExitCode::pass_phrase, "wrong pass phrase for " + quoted + ", or the file is damaged. Try again."};
    case ErrorCode::exists:
      return {ExitCode::exists, quoted + " exists already and is not replaced. Choose another name."};
    case ErrorCode::no_space:
      return {ExitCode::failure, quoted + " can not be written: no space left. Make room and try again."};
    default: {
      const Failure general = explain(error);
      return {ExitCode::key_file, quoted + " can not be used: " + general.message};
    }
  }
}

}  // namespace quantumgate::qgate
