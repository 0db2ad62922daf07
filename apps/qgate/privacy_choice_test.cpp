// SPDX-License-Identifier: MIT
// Goal: a privacy level with what is to differ from it becomes what was meant, or a sentence that says what to do.
// Method: choices as settings and requests make them. The rules themselves are the library's, and tested there.
#include "apps/qgate/privacy_choice.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace quantumgate::qgate {
namespace {

using namespace std::chrono_literals;

std::string refusal(const PrivacyChoice& choice) {
  const auto privacy = to_privacy(choice);
  if (privacy) return "";
  EXPECT_EQ(privacy.error().code, ExitCode::usage);
  return privacy.error().message;
}

TEST(PrivacyChoiceTest, ALevelAndWhatDiffers) {
  EXPECT_EQ(*to_privacy({}), Privacy());
  EXPECT_EQ(*to_privacy({.level = 4}), *privacy_level(4));
  Privacy four = *privacy_level(4);
  four.key_update.max = 300s;
  EXPECT_EQ(*to_privacy({.level = 4, .key_update_max_s = 300}), four);
}

TEST(PrivacyChoiceTest, AnotherCoverLeavesOutWhatMakesNoSenseWithIt) {
  const auto off = to_privacy({.level = 3, .cover = "off"});
  ASSERT_TRUE(off) << off.error().message;
  EXPECT_EQ(off->cover_interval, 0us);
  const auto clock = to_privacy({.level = 3, .cover = "adaptive"});
  ASSERT_TRUE(clock) << clock.error().message;
  EXPECT_EQ(clock->delay_max, 0ms);
}

TEST(PrivacyChoiceTest, RefusalsAreSentences) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(refusal({.level = 0}), "there are the privacy levels 1 to 5.");
  EXPECT_EQ(refusal({.level = kHuge}), "there are the privacy levels 1 to 5.");
  EXPECT_EQ(refusal({.padding = "some"}), "a padding is none, random, classes or full.");
  EXPECT_EQ(refusal({.cover = "some"}), "cover is off, poisson, adaptive or constant.");
  EXPECT_EQ(refusal({.cover = "poisson", .cover_interval_ms = 50}),
            "cover without padding would be known by its size. Choose a padding: full is best.");
  EXPECT_EQ(refusal({.level = 5, .cover_interval_ms = kHuge}),
            "adaptive and constant cover need an interval of 1 to 1000 ms.");
  EXPECT_EQ(refusal({.level = 3, .cover_interval_ms = kHuge}), "poisson cover needs an interval of 1 to 60000 ms.");
  EXPECT_EQ(refusal({.send_delay_ms = kHuge}), "a delay may be 0 to 1000 ms.");
  EXPECT_EQ(refusal({.handshake_jitter_ms = kHuge}), "the jitter of handshakes may be 0 to 2000 ms.");
  EXPECT_EQ(refusal({.key_update_min_s = kHuge}), "keys can be replaced after 10 to 1200 s.");
  EXPECT_EQ(refusal({.key_update_max_s = 60}),
            "the least time after which keys are replaced may not be above the greatest.");
}

// The table needs the numbers for --help; the library has the last word.
TEST(PrivacyChoiceTest, TheTableOfSettingsHasTheEdgesOfTheLibrary) {
  struct Edge {
    Setting setting;
    std::optional<std::uint64_t> PrivacyChoice::*member;
    PrivacyChoice others;
  };
  const Edge edges[] = {
      {Setting::cover_interval, &PrivacyChoice::cover_interval_ms, {.padding = "full", .cover = "poisson"}},
      {Setting::send_delay, &PrivacyChoice::send_delay_ms, {}},
      {Setting::handshake_jitter, &PrivacyChoice::handshake_jitter_ms, {}},
      {Setting::key_update_min, &PrivacyChoice::key_update_min_s, {.key_update_max_s = 1200}},
      {Setting::key_update_max, &PrivacyChoice::key_update_max_s, {.key_update_min_s = 10}},
  };
  for (auto [setting, member, choice] : edges) {
    const SettingRow& row = row_of(setting);
    SCOPED_TRACE(row.name);
    for (const std::uint64_t right : {row.min, row.max}) {
      choice.*member = right;
      EXPECT_EQ(refusal(choice), "");
    }
    choice.*member = row.max + 1;
    EXPECT_NE(refusal(choice), "");
    if (row.min == 0) continue;
    choice.*member = row.min - 1;
    EXPECT_NE(refusal(choice), "");
  }
  const SettingRow& level = row_of(Setting::privacy);
  EXPECT_EQ(refusal({.level = level.min}) + refusal({.level = level.max}), "");
  EXPECT_NE(refusal({.level = level.max + 1}), "");
}

}  // namespace
}  // namespace quantumgate::qgate
