// SPDX-License-Identifier: MIT
/// \file
/// Where a node's log lines go. Secret types have no text form, so they can not be logged by accident.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace quantumgate {

/// How severe a log line is.
enum class LogLevel : std::uint8_t {
  debug,    ///< for whoever looks for a fault
  info,     ///< something happened as it should
  warning,  ///< something is not as it should be, and goes on
  error,    ///< something failed
};

/// Called on the node's thread, for each line; must not block and must not throw. `area` names the part, e.g.
/// "handshake".
using LogSink = std::function<void(LogLevel level, std::string_view area, std::string_view line)>;

}  // namespace quantumgate
