// SPDX-License-Identifier: MIT
// What somebody asks for in words and numbers, by settings or by command: a privacy level, and what is to differ from
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/qgate/json.hpp"
#include "apps/qgate/outcome.hpp"
#include "apps/qgate/settings.hpp"
#include "quantumgate/privacy.h"

namespace quantumgate::qgate {

struct PrivacyChoice {
  std::uint64_t level = 1;
  // None: as the level has it.
  std::optional<std::string> padding, cover;
  std::optional<std::uint64_t> cover_interval_ms, send_delay_ms, handshake_jitter_ms, key_update_min_s,
      key_update_max_s;
};

// What it means. Failure: what does not go together, and what to do.
Outcome<Privacy> to_privacy(const PrivacyChoice& choice);

PrivacyChoice privacy_choice(const Settings& settings);
// The members of a request; those that are missing are not chosen. Failure: a member of another type.
Outcome<PrivacyChoice> privacy_choice(const Json& request);

Json privacy_json(const Privacy& privacy);
// "level 5: full padding, constant cover each 20 ms"
std::string privacy_sentence(const Json& privacy);

}  // namespace quantumgate::qgate
