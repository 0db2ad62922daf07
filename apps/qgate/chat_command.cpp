// SPDX-License-Identifier: MIT
// qgate chat, qgate chat history, qgate chat clear
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <thread>

#include "apps/qgate/chat_lines.hpp"
#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/conversation.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

void show(const Globals& globals, const Json& line) {
  if (globals.json) {
    std::printf("%s\n", to_text(line).c_str());
  } else {
    const std::string who = text_member(line, "peer").value_or("?").substr(0, 8);
    const std::string text = text::printable(text_member(line, "text").value_or(""));
    std::printf("%s%s: %s\n", line.value("outgoing", false) ? "to " : "", who.c_str(), text.c_str());
  }
  std::fflush(stdout);
}

Outcome<void> send_line(const Globals& globals, const PeerUuid& peer, const std::string& text) {
  const auto answer = call_api(globals, "POST", "/v1/chat/send", {{"peer", peer.to_string()}, {"text", text}});
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

Outcome<void> follow(const Globals& globals) {
  const auto answer = call_api(globals, "GET", "/v1/chat/follow", {}, [&](const Json& object) {
    if (is_line(object)) show(globals, object);
    return true;
  });
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

// Lines from stdin go to the peer, the peer's lines to stdout, until stdin ends.
Outcome<void> converse(const Globals& globals, const PeerUuid& peer) {
  auto following = ApiCall::open(globals);
  if (!following) return tl::unexpected(following.error());
  const std::string uuid = peer.to_string();
  std::optional<Failure> lost;
  std::thread listener([&] {
    const auto ended = (*following)->run("GET", "/v1/chat/follow", {}, [&](const Json& object) {
      if (is_line(object) && text_member(object, "peer") == uuid && !object.value("outgoing", false)) {
        show(globals, object);
      }
      return true;
    });
    if (!ended) lost = ended.error();
  });
  Outcome<void> result;
  for (std::string line; result && std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) result = send_line(globals, peer, line);
  }
  (*following)->stop();
  listener.join();
  if (result && lost) return tl::unexpected(*lost);
  return result;
}

}  // namespace

Outcome<void> chat(const Globals& globals, const ChatOptions& options) {
  if (options.peer.empty()) {
    if (!options.follow)
      return failed(ExitCode::usage, "chat with whom? Name a peer, or show what all say with --follow.");
    return follow(globals);
  }
  if (options.follow) return failed(ExitCode::usage, "--follow shows the lines of all peers. Leave the peer out.");
  const auto peer = find_peer(globals, options.peer);
  if (!peer) return tl::unexpected(peer.error());
  if (options.text.empty()) {
    const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && !globals.json;
    return terminal ? converse_on_terminal(globals, *peer) : converse(globals, *peer);
  }
  const auto sent = send_line(globals, *peer, options.text);
  if (!sent) return sent;
  if (globals.json) std::printf("%s\n", to_text({{"delivered", true}}).c_str());
  return {};
}

Outcome<void> chat_history(const Globals& globals, const ChatHistoryOptions& options) {
  Json request{{"limit", options.limit}};
  if (!options.peer.empty()) {
    const auto peer = named_peer(globals, options.peer);
    if (!peer) return tl::unexpected(peer.error());
    request["peer"] = peer->to_string();
  }
  const auto now = std::chrono::system_clock::now();
  if (!options.since.empty()) {
    const auto since = parse_since(options.since, now);
    if (!since) {
      return failed(ExitCode::usage, "'" + text::printable(options.since) +
                                         "' is no time. Write it as 2026-11-25, '2026-11-25 14:02', 90m, 12h or 3d.");
    }
    request["since"] = std::max<std::int64_t>(0, std::chrono::system_clock::to_time_t(*since));
  }
  std::map<std::string, std::uint64_t> last;  // number of the last line shown, of each peer
  bool marked = false;
  const auto answer = call_api(globals, "POST", "/v1/chat/history", request, [&](const Json& line) {
    if (!is_line(line)) return true;
    if (globals.json) {
      std::printf("%s\n", to_text(line).c_str());
    } else {
      if (line.value("unread", false) && !std::exchange(marked, true)) std::printf("--- new ---\n");
      std::printf("%s\n", shown_line(line, !options.peer.empty(), now).c_str());
    }
    last[text_member(line, "peer").value_or("")] = number_member(line, "number").value_or(0);
    return true;
  });
  if (!answer) return tl::unexpected(answer.error());
  if (last.empty() && !globals.json && !globals.quiet) std::printf("Nothing was said.\n");
  if (options.peek) return {};
  for (const auto& [peer, number] : last) {
    const auto read = call_api(globals, "POST", "/v1/chat/read", {{"peer", peer}, {"number", number}});
    if (!read) return tl::unexpected(read.error());
  }
  return {};
}

Outcome<void> chat_clear(const Globals& globals, const std::string& peer_text) {
  Json request = Json::object();
  if (!peer_text.empty()) {
    const auto peer = named_peer(globals, peer_text);
    if (!peer) return tl::unexpected(peer.error());
    request["peer"] = peer->to_string();
  }
  const auto answer = call_api(globals, "POST", "/v1/chat/clear", request);
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
  } else if (!globals.quiet) {
    std::printf("%llu lines forgotten\n",
                static_cast<unsigned long long>(number_member(*answer, "cleared").value_or(0)));
  }
  return {};
}

}  // namespace quantumgate::qgate
