// SPDX-License-Identifier: MIT
/// \file
/// Numbers about a node, for whatever collects them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "quantumgate/export.h"

namespace quantumgate {

/// One number. The names are stable from version to version; none carries the name of a peer.
struct Metric {
  /// Whether it only grows.
  enum class Kind : std::uint8_t {
    counter,  ///< only grows while the node lives
    gauge,    ///< goes up and down
  };
  std::string_view name;    ///< e.g. "quantumgate_datagrams_received"; static lifetime
  std::string_view help;    ///< one sentence; static lifetime
  Kind kind;                ///< counter or gauge
  std::uint64_t value = 0;  ///< now
};

/// The metrics in OpenMetrics text form, as Prometheus reads it, with its "# EOF" line at the end.
QG_EXPORT std::string openmetrics_text(std::span<const Metric> metrics);

}  // namespace quantumgate
