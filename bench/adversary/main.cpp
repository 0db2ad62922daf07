// SPDX-License-Identifier: MIT
// qg_tap: records what somebody on the path sees of sessions that do known things. bench/adversary/run uses it.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "bench/adversary/recording.hpp"

namespace {

using namespace quantumgate;
using namespace std::chrono_literals;

constexpr const char* kUsage =
    "Usage: qg_tap simulate|loopback FILE [--level 1] [--first 0] [--count 100] [--seconds 20] [--seed 1]\n"
    "                                    [--at-once 40]\n"
    "Appends the traces --first to --first + --count - 1 to FILE. Two nodes of that privacy level, the same each time "
    "for\n"
    "the same seed and number: idle, chat, file, streaming, web, and again. --at-once is for loopback.\n";

struct Options {
  std::uint32_t level = 1, first = 0, count = 100, seconds = 20, seed = 1, at_once = 40;
};

bool read_options(int argc, char** argv, Options& options) {
  const struct {
    const char* name;
    std::uint32_t& value;
    std::uint32_t min, max;
  } known[] = {{"--level", options.level, 1, 5},         {"--first", options.first, 0, 1'000'000},
               {"--count", options.count, 1, 1'000'000}, {"--seconds", options.seconds, 1, 600},
               {"--seed", options.seed, 0, 0xffff'ffff}, {"--at-once", options.at_once, 1, 400}};
  if (argc < 3 || argc % 2 == 0) return false;
  for (int i = 3; i < argc; i += 2) {
    const auto* option = std::ranges::find(known, std::string(argv[i]), [](const auto& o) { return o.name; });
    if (option == std::end(known)) return false;
    const char* const end = argv[i + 1] + std::strlen(argv[i + 1]);
    if (std::from_chars(argv[i + 1], end, option->value).ptr != end) return false;
    if (option->value < option->min || option->value > option->max) return false;
  }
  return true;
}

int failed(std::uint32_t number, const Error& error) {
  std::fprintf(stderr, "qg_tap: trace %u: %s: %s\n", number, error.doing, describe(error.code));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const std::string world = argc > 1 ? argv[1] : "";
  if (!read_options(argc, argv, options) || (world != "simulate" && world != "loopback")) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::FILE* const file = std::fopen(argv[2], "ab");
  if (file == nullptr) {
    std::fprintf(stderr, "qg_tap: can not write %s\n", argv[2]);
    return 1;
  }
  const bench::Recording recording{.level = static_cast<int>(options.level),
                                   .seed = options.seed,
                                   .warm_up_max = world == "simulate" ? 12s : 4s,
                                   .window = std::chrono::seconds(options.seconds)};
  bool written = true;
  const std::uint32_t end = options.first + options.count;
  for (std::uint32_t number = options.first; number < end && written;) {
    if (world == "simulate") {
      const auto trace = bench::simulate(recording, number);
      if (!trace) return failed(number, trace.error());
      written = write(file, *trace);
      ++number;
    } else {
      const std::uint32_t count = std::min(options.at_once, end - number);
      const auto traces = bench::record_loopback(recording, number, count);
      if (!traces) return failed(number, traces.error());
      for (const bench::Trace& trace : *traces) written = written && write(file, trace);
      number += count;
    }
  }
  if (std::fclose(file) != 0 || !written) {
    std::fprintf(stderr, "qg_tap: can not write all to %s\n", argv[2]);
    return 1;
  }
  return 0;
}
