// SPDX-License-Identifier: MIT
// Noise vectors: both roles, transport messages, and damaged copies of everything.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tests/vectors/report.hpp"

namespace quantumgate::vectors {

// Runs each vector. Throws nlohmann's exceptions if the file does not follow either layout.
void run_noise(const nlohmann::json& file, Report& report);

}  // namespace quantumgate::vectors
