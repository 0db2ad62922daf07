// SPDX-License-Identifier: MIT
#include "apps/qgate/running_node.hpp"

#include <algorithm>
#include <filesystem>
#include <future>

#include "apps/qgate/folders.hpp"
#include "apps/qgate/privacy_choice.hpp"
#include "apps/qgate/received_lines.hpp"
#include "extenders/common/utf8.hpp"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate {
namespace {

Failure explain_start(const Error& error, const Settings& settings) {
  std::string places;
  for (const std::string& text : settings.list(Setting::listen)) places += (places.empty() ? "" : ", ") + text;
  switch (error.code) {
    case ErrorCode::address_in_use:
      return {ExitCode::listen, "the port is in use: " + places +
                                    ". Stop the other program, or choose another port (0 takes a free one)."};
    case ErrorCode::permission_denied:
      return {ExitCode::listen, "may not listen on " + places + ". Choose a port above 1023."};
    case ErrorCode::invalid_argument:
      return {ExitCode::usage,
              "can not listen on " + places + ": these are no addresses of this machine. See 'ip address'."};
    default: {
      const Failure general = explain(error);
      return {ExitCode::listen, "can not listen on " + places + ": " + general.message};
    }
  }
}

// Lets the chat remember from one start to the next. If it can not, the node runs without; what is to be said of that,
// else an empty text.
std::string keep_history(chat::Chat& chat, const Identity& identity, const Settings& settings) {
  if (settings.text(Setting::chat_history) != "disk") return {};
  const std::filesystem::path folder = state_folder() / "chat";
  const std::filesystem::path file = folder / (identity.uuid().to_string() + ".log");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return "lines are kept in memory only: '" + folder.string() + "': " + error.message();
  const auto kept = chat.history().keep_in(file, identity);
  if (kept) return {};
  std::string why = describe(kept.error().code);
  if (kept.error().code == ErrorCode::not_authentic) {
    why = "is damaged, or another key's. Move it away to begin a new one";
  } else if (kept.error().code == ErrorCode::would_block) {
    why = "belongs to another node that runs with this key";
  }
  return "lines are kept in memory only: '" + file.string() + "' " + why;
}

// Runs `work` on the node's thread and waits for its result.
template <class T>
T on_node(Node& node, std::function<T()> work) {
  std::promise<T> promise;
  node.post([&] { promise.set_value(work()); });
  return promise.get_future().get();
}

// The addresses to bind. `bound`, if any, are those that an earlier node of this process had: a free port, once taken,
// stays the same.
std::vector<Endpoint> places_of(const Settings& settings, const std::vector<HostPort>& bound) {
  std::vector<Endpoint> places;
  for (const std::string& text : settings.list(Setting::listen)) {
    Endpoint place = *Endpoint::parse(text);
    if (place.port == 0 && places.size() < bound.size()) place.port = bound[places.size()].port;
    places.push_back(place);
  }
  return places;
}

}  // namespace

Outcome<std::unique_ptr<RunningNode>> RunningNode::start(const Globals& globals, Identity identity,
                                                         const std::vector<HostPort>& bound, const LogSink& log) {
  const Settings& settings = globals.loaded.settings;
  NodeOptions options;
  options.listen = places_of(settings, bound);
  options.network = settings.text(Setting::network);
  options.tcp = settings.text(Setting::tcp) == "on";
  options.packet_size_max = static_cast<std::uint32_t>(settings.number(Setting::packet_size));
  options.sessions_max = static_cast<std::uint32_t>(settings.number(Setting::sessions_max));
  if (const auto& suites = settings.list(Setting::suites); !suites.empty()) options.suites = suites;
  options.cover_for_peers_max = settings.number(Setting::cover_for_peers) * 1024;
  options.privacy = *to_privacy(privacy_choice(settings));
  options.log = log;
  std::unique_ptr<RunningNode> running(new RunningNode);
  api::Service& service = running->service_;
  if (const std::string gss = settings.text(Setting::gss); !gss.empty()) {
    auto secret = load_shared_secret(gss);
    if (!secret) return tl::unexpected(explain_key_file(secret.error(), gss));
    service.shared_secret.emplace(secret->clone());
    options.shared_secret = std::move(*secret);
  }
  service.network = options.network;
  // Before the node starts, so that no line comes before the old ones; told only once it has.
  running->warning_ = keep_history(*service.chat, identity, settings);
  auto node = Node::start(std::move(identity), std::move(options), {service.chat, service.files});
  if (!node) return tl::unexpected(explain_start(node.error(), settings));
  running->node_ = std::move(*node);
  service.node = running->node_.get();

  if (const std::string folder = settings.text(Setting::receive); !folder.empty()) {
    files::AcceptOptions accept_options;
    accept_options.partial.age = std::chrono::hours(24 * settings.number(Setting::keep_parts));
    const auto accepted = on_node<Result<void>>(
        *service.node, [&] { return service.files->accept(folder, accept_options, print_received(globals)); });
    if (!accepted) {
      return failed(ExitCode::usage, "'" + text::printable(folder) + "' can not take files: " +
                                         describe(accepted.error().code) + ". Name a folder you may write to.");
    }
  }
  running->standing_ = std::make_shared<StandingPeers>(*service.node, log);
  return running;
}

}  // namespace quantumgate::qgate
