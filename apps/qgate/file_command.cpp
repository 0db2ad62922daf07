// SPDX-License-Identifier: MIT
// qgate file send, qgate file receive
#include <cstdio>
#include <filesystem>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

// What both ends say about a file that went through.
void print_summary(const char* verb, const Json& end) {
  const double seconds = end.value("seconds", 0.0);
  const std::uint64_t size = number_member(end, "size").value_or(0);
  std::printf("%s %s: %s in %.2f s, %s\nSHA-256 %s\n", verb,
              text::printable(text_member(end, "name").value_or("?")).c_str(), human_bytes(size).c_str(), seconds,
              human_rate(size, seconds).c_str(), text_member(end, "sha256").value_or("?").c_str());
  std::fflush(stdout);
}

void print_event(const Json& event) {
  std::printf("%s\n", to_text(event).c_str());
  std::fflush(stdout);
}

Outcome<std::string> absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error);
  if (error || !text::is_utf8(full.native())) {
    return failed(ExitCode::usage, "'" + text::printable(path) + "' is not a path in UTF-8. Rename it first.");
  }
  return full.string();
}

}  // namespace

Outcome<void> file_send(const Globals& globals, const std::string& peer_text, const std::string& file) {
  const auto path = absolute(file);
  if (!path) return tl::unexpected(path.error());
  std::error_code error;
  if (!std::filesystem::is_regular_file(*path, error)) {
    return failed(ExitCode::usage, "'" + text::printable(file) + "' is not a file. Check the path.");
  }
  const auto peer = find_peer(globals, peer_text);
  if (!peer) return tl::unexpected(peer.error());

  ProgressBar bar(!globals.json && !globals.quiet);
  bar.start(text::printable(std::filesystem::path(*path).filename().string()));
  const Json request{{"peer", peer->to_string()}, {"path", *path}};
  bool sent = false;
  const auto answer = call_api(globals, "POST", "/v1/files/send", request, [&](const Json& event) {
    const auto kind = text_member(event, "event");
    if (kind == "progress") {
      bar.show(number_member(event, "bytes").value_or(0), number_member(event, "size").value_or(0));
    }
    if (globals.json) print_event(event);
    if (kind == "sent") {
      sent = true;
      bar.clear();
      if (!globals.json && !globals.quiet) print_summary("Sent", event);
    }
    return true;
  });
  if (!answer) return tl::unexpected(answer.error());
  if (!sent) return failed(ExitCode::transfer, "the node broke the transfer off without a reason. See its log.");
  return {};
}

Outcome<void> file_receive(const Globals& globals, const ReceiveOptions& options) {
  const auto folder = absolute(options.into);
  if (!folder) return tl::unexpected(folder.error());
  ProgressBar bar(!globals.json && !globals.quiet);
  const Json request{{"folder", *folder}, {"count", options.count}};
  const auto answer = call_api(globals, "POST", "/v1/files/receive", request, [&](const Json& event) {
    const auto kind = text_member(event, "event");
    const std::string name = text::printable(text_member(event, "name").value_or("?"));
    if (globals.json) {
      print_event(event);
    } else if (kind == "accepting" && !globals.quiet) {
      std::fprintf(stderr, "Taking files into %s. Ctrl-C ends.\n", text::printable(*folder).c_str());
    } else if (kind == "begin") {
      bar.start(name);
    } else if (kind == "progress") {
      bar.show(number_member(event, "bytes").value_or(0), number_member(event, "size").value_or(0));
    } else if (kind == "received") {
      bar.clear();
      print_summary("Received", event);
    } else if (kind == "failed") {
      bar.clear();
      std::fprintf(stderr, "qgate: %s was not received: %s.\n", name.c_str(),
                   text_member(event, "reason").value_or("?").c_str());
    }
    return true;
  });
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

}  // namespace quantumgate::qgate
