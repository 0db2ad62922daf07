// SPDX-License-Identifier: MIT
// qgate status
#include <cstdio>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate {

Outcome<void> status(const Globals& globals) {
  const auto answer = call_api(globals, "GET", "/v1/status");
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
    return {};
  }
  const auto text = [&](const char* key) { return text_member(*answer, key).value_or("?"); };
  const auto number = [](const Json& json, const char* key) { return number_member(json, key).value_or(0); };
  const Json counters = answer->value("counters", Json::object());
  std::vector<std::vector<std::string>> rows{
      {"Address", text("address")},
      {"Network", text("network") + (answer->value("shared_secret", false) ? ", with a shared secret" : "")},
      {"Running for", human_duration(std::chrono::seconds(number(*answer, "uptime_s")))},
      {"Peers", std::to_string(number(*answer, "peers"))},
      {"Takes files", answer->value("accepting_files", false) ? "yes" : "no"},
      {"Received", human_bytes(number(counters, "bytes_received")) + " in " +
                       std::to_string(number(counters, "datagrams_received")) + " datagrams"},
      {"Sent", human_bytes(number(counters, "bytes_sent")) + " in " +
                   std::to_string(number(counters, "datagrams_sent")) + " datagrams"},
      {"Dropped", std::to_string(number(counters, "dropped_malformed")) + " malformed, " +
                      std::to_string(number(counters, "dropped_unauthentic")) + " not authentic, " +
                      std::to_string(number(counters, "dropped_replayed")) + " replayed"},
      {"", std::to_string(number(counters, "dropped_clock")) + " with a wrong clock, " +
               std::to_string(number(counters, "dropped_full")) + " for want of room"},
      {"Handshakes", std::to_string(number(counters, "handshakes_completed")) + " completed, " +
                         std::to_string(number(counters, "handshakes_started")) + " answered"},
  };
  std::fputs(table(rows).c_str(), stdout);
  return {};
}

}  // namespace quantumgate::qgate
