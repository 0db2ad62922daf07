// SPDX-License-Identifier: MIT
// Goal: the table of settings agrees with itself, and a file of settings is taken whole or refused line by line.
// Method: every row is tried with its own default; files with one mistake each, and what is said about it.
#include "apps/qgate/settings.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <set>

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

TEST(SettingTable, DefaultsAreRightAndNamesFindTheirRows) {
  std::set<std::string> flags;
  for (const SettingRow& row : setting_rows()) {
    EXPECT_EQ(&row, find_row(row.name));
    EXPECT_EQ(&row, &row_of(row.setting));
    EXPECT_TRUE(flags.insert(flag_of(row)).second) << row.name;
    EXPECT_NE('.', std::string(row.meaning).back()) << row.name;
    if (*row.fallback == '\0') continue;
    const std::vector<std::string> texts{row.fallback};
    EXPECT_EQ(std::nullopt, problem_with(row, texts)) << row.name;
  }
  EXPECT_EQ("--sessions-max", flag_of(row_of(Setting::sessions_max)));
  EXPECT_EQ("QG_SESSIONS_MAX", variable_of(row_of(Setting::sessions_max)));
}

TEST(SettingTable, EdgesOfEachKind) {
  const auto refused = [](Setting setting, std::vector<std::string> texts) {
    return problem_with(row_of(setting), texts).has_value();
  };
  EXPECT_FALSE(refused(Setting::sessions_max, {"1"}));
  EXPECT_FALSE(refused(Setting::sessions_max, {"65536"}));
  for (const char* bad : {"0", "65537", "", "-1", "+1", "1 ", "1e3", "0x10", "99999999999999999999"}) {
    EXPECT_TRUE(refused(Setting::sessions_max, {bad})) << bad;
  }
  EXPECT_FALSE(refused(Setting::network, {std::string(64, 'x')}));
  for (const std::string& bad : {std::string(), std::string(65, 'x'), std::string("a\nb"), std::string("\xff")}) {
    EXPECT_TRUE(refused(Setting::network, {bad})) << bad;
  }
  EXPECT_FALSE(refused(Setting::listen, std::vector<std::string>(8, "[::1]:0")));
  EXPECT_TRUE(refused(Setting::listen, std::vector<std::string>(9, "[::1]:0")));
  EXPECT_TRUE(refused(Setting::listen, {}));
  EXPECT_TRUE(refused(Setting::listen, {"localhost:1"}));
  EXPECT_TRUE(refused(Setting::log_level, {"INFO"}));
  EXPECT_TRUE(refused(Setting::gss, {"one", "two"}));
}

TEST(SettingTable, Nearest) {
  const std::vector<std::string> names{"listen", "network", "sessions_max"};
  EXPECT_EQ("listen", nearest("lisen", names));
  EXPECT_EQ("network", nearest("netwrok", names));
  EXPECT_EQ("sessions_max", nearest("session-max", names));
  EXPECT_EQ(std::nullopt, nearest("x", names));
  EXPECT_EQ(std::nullopt, nearest("", names));
  EXPECT_EQ(std::nullopt, nearest("colour", names));
  EXPECT_EQ(std::nullopt, nearest(std::string(1000, 'l'), names));
}

class ConfigFileTest : public testing::Test {
 protected:
  ConfigFileTest() {
    char name[] = "/tmp/qg_config_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ConfigFileTest() override { fs::remove_all(folder_); }

  ConfigFile read(const std::string& content) {
    std::ofstream(folder_ / "qgate.toml") << content;
    return read_config_file(folder_ / "qgate.toml");
  }
  std::string only_problem(const std::string& content) {
    const ConfigFile file = read(content);
    if (file.problems.size() != 1) return std::to_string(file.problems.size()) + " problems";
    const std::string name = (folder_ / "qgate.toml").string();
    EXPECT_TRUE(file.problems[0].place.starts_with(name)) << file.problems[0].place;
    return file.problems[0].place.substr(name.size()) + " " + file.problems[0].message;
  }

  fs::path folder_;
};

TEST_F(ConfigFileTest, EveryKind) {
  const ConfigFile file = read(
      "# a comment\nlisten = ['127.0.0.1:1', '[::1]:2']\nnetwork = \"n\"\nsessions_max = 7\ngss = 'a/../g'\n"
      "receive = '/in'\nlog_level = 'error'\n");
  EXPECT_TRUE(file.exists);
  EXPECT_TRUE(file.problems.empty());
  ASSERT_EQ(6u, file.entries.size());
  for (const ConfigEntry& entry : file.entries) {
    if (entry.setting == Setting::listen) {
      EXPECT_EQ(2u, entry.texts.size());
      EXPECT_TRUE(entry.place.ends_with("qgate.toml:2"));
    }
    if (entry.setting == Setting::gss) {
      EXPECT_EQ((folder_ / "g").string(), entry.texts[0]);
    }
    if (entry.setting == Setting::receive) {
      EXPECT_EQ("/in", entry.texts[0]);
    }
    if (entry.setting == Setting::sessions_max) {
      EXPECT_EQ("7", entry.texts[0]);
    }
  }
}

TEST_F(ConfigFileTest, AbsentAndEmptyFilesSayNothing) {
  const ConfigFile absent = read_config_file(folder_ / "absent");
  EXPECT_FALSE(absent.exists);
  EXPECT_TRUE(absent.problems.empty());
  EXPECT_TRUE(read("").exists);
  EXPECT_TRUE(read("").problems.empty());
}

TEST_F(ConfigFileTest, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(":2 unknown key 'lisen'. Did you mean 'listen'?", only_problem("\nlisen = 1\n"));
  EXPECT_EQ(":1 unknown key 'node'. 'qgate config keys' lists those there are.", only_problem("[node]\nlisten = 1\n"));
  EXPECT_EQ(":1 'network' takes text in quotes, not a whole number.", only_problem("network = 3"));
  EXPECT_EQ(":1 'sessions_max' takes a whole number, not a number with a fraction.",
            only_problem("sessions_max = 3.0"));
  EXPECT_EQ(":1 'sessions_max': '0' is not a whole number from 1 to 65536.", only_problem("sessions_max = 0"));
  EXPECT_EQ(":1 'sessions_max': '-1' is not a whole number from 1 to 65536.", only_problem("sessions_max = -1"));
  EXPECT_EQ(":1 'log_level': 'loud' is not debug, info, warning or error.", only_problem("log_level = 'loud'"));
  EXPECT_EQ(":1 'gss' takes text in quotes, not true or false.", only_problem("gss = true"));
  EXPECT_EQ(":1 'network' takes text in quotes, not a list.", only_problem("network = ['a']"));
  EXPECT_EQ(":1 'listen' takes text in quotes, or a list of such: [\"...\", \"...\"], not a whole number.",
            only_problem("listen = ['127.0.0.1:0', 1]"));
  EXPECT_TRUE(only_problem("network = 'a'\nnetwork = 'b'").starts_with(":2 this is not TOML: "));
  EXPECT_TRUE(only_problem("network = 'a").starts_with(":1 this is not TOML: "));
  EXPECT_TRUE(only_problem("\xff").starts_with(":1 this is not TOML: "));
  EXPECT_EQ(" it has more than 64 KiB. Shorten it.", only_problem(std::string(kConfigBytesMax + 1, '#')));
}

TEST_F(ConfigFileTest, ManyMistakesAreBoundedAndInOrder) {
  std::string content;
  for (int i = 0; i < 100; ++i) content += "z" + std::to_string(99 - i) + " = 1\n";
  const ConfigFile file = read(content);
  ASSERT_EQ(kProblemsMax, file.problems.size());
  EXPECT_TRUE(file.problems[0].message.starts_with("unknown key 'z99'"));
}

TEST_F(ConfigFileTest, WhatIsNoFile) {
  const ConfigFile file = read_config_file(folder_);
  ASSERT_EQ(1u, file.problems.size());
  EXPECT_NE(std::string::npos, file.problems[0].message.find("can not be read"));
}

}  // namespace
}  // namespace quantumgate::qgate
