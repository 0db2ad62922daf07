// SPDX-License-Identifier: MIT
// A node's counters under the names that the world sees.   Layer: node (pure functions).
#pragma once

#include <vector>

#include "quantumgate/metrics.h"
#include "quantumgate/node.h"

namespace quantumgate::node {

std::vector<Metric> metrics_of(const NodeCounters& counters, std::size_t peers);

}  // namespace quantumgate::node
