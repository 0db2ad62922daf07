// SPDX-License-Identifier: MIT
// How the state of a node looks to people, made from what the local API says. No I/O.
#pragma once

#include <string>
#include <vector>

#include "apps/qgate/json.hpp"
#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate {

// `qgate status`: name and value, line by line. Fits 80 columns as long as the node has one IPv4 address.
std::string status_table(const Json& status);

// What `qgate status --watch` compares.
struct Look {
  Json status;
  Json peers;          // as GET /v1/peers
  double seconds = 0;  // on a clock that only goes forward
};

// `now` with rates since `before`, at most `size.columns` wide and `size.lines` high.
std::vector<std::string> watch_lines(const Look& now, const Look& before, TerminalSize size);

}  // namespace quantumgate::qgate
