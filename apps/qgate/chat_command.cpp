// SPDX-License-Identifier: MIT
// qgate chat
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
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

bool is_line(const Json& object) { return text_member(object, "event") == "line"; }

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
  if (::isatty(STDIN_FILENO) == 1 && !globals.quiet) {
    std::fprintf(stderr, "Chat with %s. Each line is sent with Enter; Ctrl-D ends.\n", uuid.c_str());
  }
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
  if (options.text.empty()) return converse(globals, *peer);
  const auto sent = send_line(globals, *peer, options.text);
  if (!sent) return sent;
  if (globals.json) std::printf("%s\n", to_text({{"delivered", true}}).c_str());
  return {};
}

}  // namespace quantumgate::qgate
