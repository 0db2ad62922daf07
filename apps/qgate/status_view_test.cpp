// SPDX-License-Identifier: MIT
// Goal: the state of a node fits the terminal, whatever its size and whatever the numbers.
// Method: an idle node, and one where every number is as large as it can be, on every terminal from 1 x 1.
#include "apps/qgate/status_view.hpp"

#include <gtest/gtest.h>

#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

constexpr const char* kCounters[] = {
    "datagrams_received",  "datagrams_sent",   "bytes_received",     "bytes_sent",           "dropped_malformed",
    "dropped_unauthentic", "dropped_replayed", "dropped_clock",      "dropped_no_cookie",    "dropped_trial_limit",
    "dropped_start_limit", "dropped_full",     "handshakes_started", "handshakes_completed", "key_updates",
    "key_updates_failed",  "cover_bytes_sent", "padding_bytes_sent"};

Look look(std::uint64_t number, std::size_t peers, double seconds) {
  Look result{.seconds = seconds};
  result.status = {{"address", "qg://01234567-89ab-4def-8123-456789abcdef-9g@127.0.0.1:5000"},
                   {"network", "n"},
                   {"shared_secret", true},
                   {"uptime_s", number},
                   {"peers", peers}};
  for (const char* counter : kCounters) result.status["counters"][counter] = number;
  Json list = Json::array();
  for (std::size_t i = 0; i < peers; ++i) {
    list.push_back({{"uuid", "01234567-89ab-4def-8123-456789abcdef"},
                    {"endpoint", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"},
                    {"transport", "udp"},
                    {"post_quantum", true},
                    {"connected_s", 86400 * 999},
                    {"bytes_sent", number},
                    {"bytes_received", number}});
  }
  result.peers = {{"peers", list}};
  return result;
}

TEST(StatusView, FitsEveryTerminal) {
  constexpr std::uint64_t kHuge = ~std::uint64_t{0} / 2;
  for (const auto& [now, before] :
       {std::pair(look(0, 0, 1), look(0, 0, 1)), std::pair(look(kHuge, 50, 2), look(0, 0, 1)),
        std::pair(look(0, 3, 3), look(kHuge, 0, 1))}) {
    for (std::size_t columns = 1; columns < 120; ++columns) {
      for (const std::size_t lines : {1u, 5u, 24u, 100u}) {
        const auto shown = watch_lines(now, before, {.columns = columns, .lines = lines});
        EXPECT_LE(shown.size(), lines);
        for (const std::string& line : shown) EXPECT_LE(text::columns(line), columns) << line;
      }
    }
  }
}

TEST(StatusView, NothingIsCutAt80Columns) {
  for (const std::string& line : watch_lines(look(~std::uint64_t{0} / 2, 5, 2), look(0, 0, 1), {})) {
    const bool is_peer = line.starts_with("01234567 ");  // its endpoint is one of IPv6, which is shortened
    EXPECT_TRUE(is_peer || line.find("…") == std::string::npos) << line;
  }
  const std::string table = status_table(look(123'456'789, 5, 2).status);
  for (std::size_t begin = 0; begin < table.size();) {
    const std::size_t end = table.find('\n', begin);
    EXPECT_LE(end - begin, 80u) << table.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(StatusView, SaysThatTheNodeIsLocked) {
  Look now = look(1, 0, 2);
  EXPECT_EQ(std::string::npos, watch_lines(now, now, {})[0].find("LOCKED"));
  now.status["state"] = "locked";
  EXPECT_NE(std::string::npos, watch_lines(now, now, {})[0].find("LOCKED"));
  EXPECT_NE(std::string::npos, status_table(now.status).find("LOCKED"));
}

TEST(StatusView, RatesAndPeersLeftOut) {
  const auto lines = watch_lines(look(3000, 50, 3), look(1000, 50, 1), {.columns = 80, .lines = 24});
  EXPECT_EQ(24u, lines.size());
  EXPECT_EQ("and 39 more", lines.back());
  EXPECT_NE(std::string::npos, lines[6].find("2.9 KiB  1000 B/s  1000 datagrams/s")) << lines[6];
}

}  // namespace
}  // namespace quantumgate::qgate
