// SPDX-License-Identifier: MIT
// qgate file send, qgate file receive
#include <cstdio>
#include <filesystem>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/peer_text.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

std::uint64_t number(const Json& event, const char* key) { return number_member(event, key).value_or(0); }
std::string shown(const Json& event, const char* key) { return text::printable(text_member(event, key).value_or("?")); }

std::string title_of(const Json& event) {
  const std::uint64_t roots = number(event, "roots");
  return shown(event, "name") + (roots > 1 ? " and " + std::to_string(roots - 1) + " more" : "");
}

// What both ends say about a transfer that came to its end.
void print_summary(const char* verb, const Json& end) {
  const double seconds = end.value("seconds", 0.0);
  const std::uint64_t size = number(end, "size"), kept = number(end, "kept");
  const std::uint64_t moved = number(end, "bytes") - std::min(kept, number(end, "bytes"));
  const bool single = number(end, "files") == 1 && number(end, "folders") == 0;
  char time[32];
  std::snprintf(time, sizeof time, "%.2f s", seconds);
  if (single) {
    std::string how = human_bytes(size) + " in " + time + ", " + human_rate(moved, seconds);
    if (kept != 0) how += ", " + human_bytes(kept) + " were there before";
    if (kept == size && size != 0) how = human_bytes(size) + ", was there before";
    std::printf("%s %s: %s\nSHA-256 %s\n", verb, shown(end, "name").c_str(), how.c_str(), shown(end, "sha256").c_str());
  } else {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"  Files", std::to_string(number(end, "files")) + " in " + std::to_string(number(end, "folders")) +
                                   " folders, " + human_bytes(size)});
    rows.push_back({"  Moved", human_bytes(moved) + " in " + time + ", " + human_rate(moved, seconds)});
    if (kept != 0) rows.push_back({"  There before", human_bytes(kept)});
    if (number(end, "skipped") != 0) {
      rows.push_back({"  Skipped", std::to_string(number(end, "skipped")) + " links and special files"});
    }
    if (number(end, "failed") != 0) rows.push_back({"  Failed", std::to_string(number(end, "failed"))});
    std::printf("%s %s\n%s", verb, title_of(end).c_str(), table(rows).c_str());
  }
  std::fflush(stdout);
}

void print_event(const Json& event) {
  std::printf("%s\n", to_text(event).c_str());
  std::fflush(stdout);
}

// The bar counts the bytes of the whole and names the file on its way.
void show_progress(ProgressBar& bar, const Json& event) {
  std::string label;
  if (number(event, "files") > 1) {
    label = std::to_string(number(event, "files_done")) + "/" + std::to_string(number(event, "files")) + " ";
  }
  const std::string path = text_member(event, "file").value_or(text_member(event, "name").value_or("?"));
  bar.show(label + text::printable(path.substr(path.rfind('/') + 1)), number(event, "bytes"), number(event, "size"),
           number(event, "kept"));
}

// An item that a person wants to hear of: one that is not there, and was wanted.
void print_item(ProgressBar& bar, const Json& event) {
  const auto result = text_member(event, "result");
  if (result != "failed" && result != "skipped") return;
  bar.clear();
  std::fprintf(stderr, "qgate: %s: %s\n", shown(event, "path").c_str(), shown(event, "reason").c_str());
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

Outcome<void> file_send(const Globals& globals, const SendFileOptions& options) {
  Json paths = Json::array();
  for (const std::string& path : options.paths) {
    const auto full = absolute(path);
    if (!full) return tl::unexpected(full.error());
    std::error_code error;
    if (!std::filesystem::exists(*full, error)) {
      return failed(ExitCode::usage, "'" + text::printable(path) + "' is not a file or folder. Check the path.");
    }
    paths.push_back(*full);
  }
  const auto peer = find_peer(globals, options.peer);
  if (!peer) return tl::unexpected(peer.error());

  // For dialling again; a UUID has no places to try.
  const auto address = address_in(options.peer);
  ProgressBar bar(!globals.json && !globals.quiet);
  const Json request{{"peer", peer->to_string()},
                     {"paths", paths},
                     {"resume", !options.no_resume},
                     {"retry_s", options.no_resume ? 0 : options.retry_s},
                     {"address", address ? address->to_string() : ""}};
  bool sent = false;
  const auto answer = call_api(globals, "POST", "/v1/files/send", request, [&](const Json& event) {
    const auto kind = text_member(event, "event");
    if (globals.json) {
      print_event(event);
    } else if (kind == "progress") {
      show_progress(bar, event);
    } else if (kind == "item" && number(event, "files") != 1) {
      print_item(bar, event);
    } else if (kind == "paused") {
      bar.clear();
      if (!globals.quiet) {
        std::fprintf(stderr, "qgate: %s. Trying to go on; Ctrl-C ends.\n", shown(event, "reason").c_str());
      }
    } else if (kind == "sent") {
      bar.clear();
      if (!globals.quiet) print_summary("Sent", event);
    }
    sent = sent || kind == "sent";
    return true;
  });
  bar.clear();
  if (!answer) return tl::unexpected(answer.error());
  if (!sent) return failed(ExitCode::transfer, "the node broke the transfer off without a reason. See its log.");
  return {};
}

Outcome<void> file_receive(const Globals& globals, const ReceiveOptions& options) {
  const auto folder = absolute(options.into);
  if (!folder) return tl::unexpected(folder.error());
  ProgressBar bar(!globals.json && !globals.quiet);
  const Json request{{"folder", *folder}, {"count", options.count}, {"keep_parts_days", options.keep_parts_days}};
  const auto answer = call_api(globals, "POST", "/v1/files/receive", request, [&](const Json& event) {
    const auto kind = text_member(event, "event");
    if (globals.json) {
      print_event(event);
    } else if (kind == "accepting" && !globals.quiet) {
      std::fprintf(stderr, "Taking files into %s. Ctrl-C ends.\n", text::printable(*folder).c_str());
    } else if (kind == "progress") {
      show_progress(bar, event);
    } else if (kind == "item") {
      print_item(bar, event);
    } else if (kind == "received") {
      bar.clear();
      print_summary("Received", event);
    } else if (kind == "failed") {
      bar.clear();
      std::fprintf(stderr, "qgate: %s was not received: %s.\n", title_of(event).c_str(),
                   shown(event, "reason").c_str());
    }
    return true;
  });
  bar.clear();
  if (!answer) return tl::unexpected(answer.error());
  return {};
}

}  // namespace quantumgate::qgate
