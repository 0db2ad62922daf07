// SPDX-License-Identifier: MIT
// How a command ends: its exit code, and one sentence about what went wrong and how to mend it.
// The numbers and names are an interface: scripts and docs/man/qgate.1 rely on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "quantumgate/result.h"

namespace quantumgate::qgate {

enum class ExitCode : std::uint8_t {
  ok = 0,
  failure = 1,
  usage = 2,
  key_file = 3,
  pass_phrase = 4,
  address = 5,
  listen = 6,
  no_node = 7,
  no_answer = 8,
  not_connected = 9,
  transfer = 10,
  exists = 11,
  config = 12,
  locked = 13,
};

struct ExitCodeRow {
  ExitCode code;
  const char* name;  // as in {"error":{"code":...}}
  const char* meaning;
};

inline constexpr ExitCodeRow kExitCodes[] = {
    {ExitCode::ok, "ok", "done"},
    {ExitCode::failure, "failure", "anything not named below"},
    {ExitCode::usage, "usage", "a flag or argument is wrong"},
    {ExitCode::key_file, "key_file", "key or secret file missing, unreadable, damaged, or open to others"},
    {ExitCode::pass_phrase, "pass_phrase", "the pass phrase is wrong"},
    {ExitCode::address, "address", "not an address or invitation, or mistyped, or for another network"},
    {ExitCode::listen, "listen", "the port or control socket is in use or may not be opened"},
    {ExitCode::no_node, "no_node", "no node answers on the control socket"},
    {ExitCode::no_answer, "no_answer", "the peer did not answer within the time limit"},
    {ExitCode::not_connected, "not_connected", "no session with that peer"},
    {ExitCode::transfer, "transfer", "a file or a chat line was not delivered"},
    {ExitCode::exists, "exists", "would replace something"},
    {ExitCode::config, "config", "a configuration file is wrong or can not be read"},
    {ExitCode::locked, "locked", "the node is locked, because its key file is gone"},
};

const char* name_of(ExitCode code) noexcept;
std::optional<ExitCode> exit_code_of(std::string_view name) noexcept;

struct Failure {
  ExitCode code;
  std::string message;  // "<what>. <how to mend it>."
};

template <class T>
using Outcome = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failed(ExitCode code, std::string message) {
  return tl::unexpected<Failure>(Failure{code, std::move(message)});
}

// A sentence for an error that has no better one where it came up: "cannot <doing>: <why>."
Failure explain(const Error& error);
// ... for reading the key or secret file `file`.
Failure explain_key_file(const Error& error, const std::string& file);

}  // namespace quantumgate::qgate
