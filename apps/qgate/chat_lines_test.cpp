// SPDX-License-Identifier: MIT
// Goal: a line of chat reads as it was said, and --since means what people mean. Method: known values.
#include "apps/qgate/chat_lines.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace quantumgate::qgate {
namespace {

using std::chrono::system_clock;

class ChatLinesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    now_ = system_clock::from_time_t(1'764'108'000);  // 2025-11-25 22:00
  }
  system_clock::time_point now_;
};

TEST_F(ChatLinesTest, ShowsTimeWhoAndWhetherItArrived) {
  Json line{{"event", "line"},    {"number", 7},       {"peer", "0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b"},
            {"outgoing", false},  {"delivered", true}, {"time", "2025-11-25T21:07:00Z"},
            {"text", "hi\x1b[2J"}};
  EXPECT_TRUE(is_line(line));
  EXPECT_EQ("21:07 0cd45a5b: hi\\x1b[2J", shown_line(line, true, now_));
  line["outgoing"] = true;
  line["delivered"] = false;
  line["time"] = "2025-11-24T09:01:02Z";
  EXPECT_EQ("2025-11-24 09:01 you: hi\\x1b[2J (not delivered)", shown_line(line, true, now_));
  EXPECT_EQ("2025-11-24 09:01 to 0cd45a5b: hi\\x1b[2J (not delivered)", shown_line(line, false, now_));
}

TEST_F(ChatLinesTest, UnderstandsSince) {
  const auto seconds = [&](const char* text) {
    const auto since = parse_since(text, now_);
    return since ? system_clock::to_time_t(*since) : -1;
  };
  EXPECT_EQ(1'764'028'800, seconds("2025-11-25"));
  EXPECT_EQ(1'764'079'320, seconds("2025-11-25 14:02"));
  EXPECT_EQ(1'764'079'320, seconds("2025-11-25T14:02"));
  EXPECT_EQ(1'764'108'000 - 90 * 60, seconds("90m"));
  EXPECT_EQ(1'764'108'000 - 12 * 3600, seconds("12h"));
  EXPECT_EQ(1'764'108'000 - 3 * 86400, seconds("3d"));
  for (const char* bad : {"", "d", "3", "3w", "3dd", "-3d", "yesterday", "2025-13-01", "99999999999999999999d"}) {
    EXPECT_EQ(-1, seconds(bad)) << bad;
  }
}

}  // namespace
}  // namespace quantumgate::qgate
