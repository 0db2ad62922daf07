// SPDX-License-Identifier: MIT
// Goal: the code gives the results that others published, and refuses what they say must be refused.
// Method: `vectors FILE…` reads Wycheproof files (https://github.com/C2SP/wycheproof) and Noise vectors in the layout
// of the Haskell library cacophony, with the project's fields for hybrid patterns. Exit code 1 if anything failed or
// could not be read.
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/vectors/noise_vectors.hpp"
#include "tests/vectors/report.hpp"
#include "tests/vectors/wycheproof.hpp"

namespace quantumgate::vectors {
namespace {

bool run_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::printf("%s: can not be opened\n", path);
    return false;
  }
  const auto json = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    std::printf("%s: is not a JSON object\n", path);
    return false;
  }
  Report report(path);
  if (json.contains("testGroups")) {
    run_wycheproof(json, report);
  } else if (json.contains("vectors")) {
    run_noise(json, report);
  } else {
    std::printf("%s: neither a Wycheproof file (testGroups) nor Noise vectors (vectors)\n", path);
    return false;
  }
  return report.finish();
}

}  // namespace
}  // namespace quantumgate::vectors

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "Usage: vectors FILE…\n");
    return 2;
  }
  bool good = true;
  for (int i = 1; i < argc; ++i) {
    try {
      good = quantumgate::vectors::run_file(argv[i]) && good;
    } catch (const std::exception& e) {  // a field that is missing or of the wrong type
      std::printf("%s: can not be understood: %s\n", argv[i], e.what());
      good = false;
    }
  }
  return good ? 0 : 1;
}
