// SPDX-License-Identifier: MIT
#include "bench/adversary/recording.hpp"

#include "base/check.hpp"

namespace quantumgate::bench {

using namespace std::chrono_literals;

Plan::Plan(const Recording& recording, std::uint32_t number)
    : activity(static_cast<Activity>(number % kActivities)), group(number / kActivities) {
  sim::SeededRandom of_group(recording.seed, group);
  path = {.delay = 2ms + of_group.up_to(60ms),
          .jitter = of_group.up_to(3ms),
          .loss_per_million = static_cast<std::uint32_t>(of_group.below(3'000)),
          .bits_per_second = 2'000'000 + of_group.below(8'000'000)};
  sim::SeededRandom of_trace(recording.seed ^ 0x7472616365, number);  // "trace": apart from the groups
  warm_up = 2s + of_trace.up_to(recording.warm_up_max - 2s);
  dialler_acts = of_trace.below(2) == 0;
  for (auto& seed : seeds) seed = of_trace.next();
}

NodeOptions node_options(int level) {
  const auto privacy = privacy_level(level);
  CHECK(privacy.has_value());
  return {.privacy = *privacy};
}

}  // namespace quantumgate::bench
