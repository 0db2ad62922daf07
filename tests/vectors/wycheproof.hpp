// SPDX-License-Identifier: MIT
// Wycheproof: vectors that attack the known weak points of each primitive.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tests/vectors/report.hpp"

namespace quantumgate::vectors {

// Runs each test of every group. Throws nlohmann's exceptions if the file does not follow its schema.
void run_wycheproof(const nlohmann::json& file, Report& report);

}  // namespace quantumgate::vectors
