// SPDX-License-Identifier: MIT
// qgate node run: a node in the foreground, with chat, files and the control socket, until TERM or INT. On HUP it reads
// its settings again.
#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <future>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/folders.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/pass_phrase.hpp"
#include "apps/qgate/received_lines.hpp"
#include "apps/qgate/service_manager.hpp"
#include "apps/qgate/standing_peers.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate {
namespace {

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "?";
}

LogLevel log_level(const Globals& globals, const Settings& settings) {
  const SettingValue& value = settings.value(Setting::log_level);
  // -v and -q are flags too; the one that says more, wins.
  if (value.origin != Origin::flag && (globals.verbose || globals.quiet)) {
    return globals.verbose ? LogLevel::debug : LogLevel::warning;
  }
  const auto& names = row_of(Setting::log_level).choices;
  return static_cast<LogLevel>(std::ranges::find(names, settings.text(Setting::log_level)) - names.begin());
}

LogSink log_to_stderr(const std::atomic<LogLevel>& least) {
  return [&least](LogLevel level, std::string_view area, std::string_view line) {
    if (level < least) return;
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char time[32];
    std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &parts);
    // One call, one line, also when other threads write.
    std::fprintf(stderr, "%s %s %.*s: %.*s\n", time, level_name(level), static_cast<int>(area.size()), area.data(),
                 static_cast<int>(line.size()), line.data());
  };
}

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

Failure explain_control(const Error& error, const std::string& socket) {
  const std::string name = "'" + socket + "'";
  switch (error.code) {
    case ErrorCode::address_in_use:
      return {ExitCode::listen, "another node answers on the control socket " + name +
                                    ". Stop it, or name another socket with --control."};
    case ErrorCode::exists:
      return {ExitCode::exists, name + " exists and is no socket. Name another control socket with --control."};
    case ErrorCode::not_found:
      return {ExitCode::listen, "the folder of the control socket " + name + " does not exist. Make it first."};
    case ErrorCode::invalid_argument:
      return {ExitCode::usage,
              "the path of the control socket is longer than 107 bytes. Name a shorter one with --control."};
    default: {
      const Failure general = explain(error);
      return {ExitCode::listen, "can not open the control socket " + name + ": " + general.message};
    }
  }
}

// The next of `signals`; 0 if `limit` passes first.
int next_signal(const sigset_t& signals, std::optional<std::chrono::microseconds> limit) {
  while (true) {
    int signal = 0;
    if (!limit) {
      if (::sigwait(&signals, &signal) == 0) return signal;
      continue;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*limit);
    const timespec time{.tv_sec = seconds.count(), .tv_nsec = (*limit - seconds).count() * 1000};
    signal = ::sigtimedwait(&signals, nullptr, &time);
    if (signal > 0) return signal;
    if (errno == EAGAIN) return 0;
  }
}

std::vector<Address> standing_addresses(const Settings& settings) {
  std::vector<Address> addresses;
  for (const std::string& text : settings.list(Setting::connect)) addresses.push_back(*Address::parse(text));
  return addresses;
}

// Takes over what a running node can, and says of the rest that it waits for the next start.
void reload(const Globals& globals, std::atomic<LogLevel>& least, StandingPeers& standing, const LogSink& log) {
  const LoadedSettings loaded = load_settings(globals.flags);
  for (const Problem& problem : loaded.problems) {
    log(LogLevel::error, "settings", problem.place + ": " + problem.message + " Nothing was taken over.");
  }
  if (!loaded.problems.empty()) return;
  for (const SettingRow& row : setting_rows()) {
    const auto& running = globals.loaded.settings.list(row.setting);
    if (!row.reloads && loaded.settings.list(row.setting) != running) {
      log(LogLevel::warning, "settings", std::string(row.name) + " has changed; restart the node to use it.");
    }
  }
  least = log_level(globals, loaded.settings);
  standing.set(standing_addresses(loaded.settings));
  log(LogLevel::info, "settings", std::string("read again; log_level is ") + level_name(least) + ".");
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

}  // namespace

Outcome<void> node_run(const Globals& globals) {
  // Keys live in this process: no core files, and no other process of the user reads its memory.
  ::prctl(PR_SET_DUMPABLE, 0);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of one transfer, not the end of the node

  const ServiceManager manager;
  const Settings& settings = globals.loaded.settings;
  if (settings.list(Setting::listen).empty()) {
    return failed(ExitCode::usage,
                  "where shall the node listen? Say --listen HOST:PORT, or set 'listen' in a configuration file.");
  }
  std::atomic<LogLevel> least = log_level(globals, settings);
  NodeOptions node_options;
  for (const std::string& text : settings.list(Setting::listen)) node_options.listen.push_back(*Endpoint::parse(text));
  node_options.network = settings.text(Setting::network);
  node_options.sessions_max = static_cast<std::uint32_t>(settings.number(Setting::sessions_max));
  if (const auto& suites = settings.list(Setting::suites); !suites.empty()) node_options.suites = suites;
  const LogSink log = log_to_stderr(least);
  node_options.log = log;
  if (const std::string gss = settings.text(Setting::gss); !gss.empty()) {
    auto secret = load_shared_secret(gss);
    if (!secret) return tl::unexpected(explain_key_file(secret.error(), gss));
    node_options.shared_secret = std::move(*secret);
  }
  const std::string socket = settings.text(Setting::control);
  if (settings.value(Setting::control).origin == Origin::fallback) {
    if (const auto made = make_runtime_folder(); !made) return made;
  }
  auto identity = load_identity(settings.text(Setting::key), {.file = settings.text(Setting::pass_phrase_file)});
  if (!identity) return tl::unexpected(identity.error());

  // Blocked before the threads start, so that only this one takes them.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGHUP);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);

  api::Service service;
  // Before the node starts, so that no line comes before the old ones; told only once it has.
  const std::string history_warning = keep_history(*service.chat, *identity, settings);
  service.network = node_options.network;
  if (node_options.shared_secret) service.shared_secret = node_options.shared_secret->clone();
  auto node = Node::start(std::move(*identity), std::move(node_options), {service.chat, service.files});
  if (!node) return tl::unexpected(explain_start(node.error(), settings));
  service.node = node->get();

  if (const std::string folder = settings.text(Setting::receive); !folder.empty()) {
    files::AcceptOptions accept_options;
    accept_options.partial.age = std::chrono::hours(24 * settings.number(Setting::keep_parts));
    const auto accepted = on_node<Result<void>>(
        **node, [&] { return service.files->accept(folder, accept_options, print_received(globals)); });
    if (!accepted) {
      return failed(ExitCode::usage, "'" + text::printable(folder) + "' can not take files: " +
                                         describe(accepted.error().code) + ". Name a folder you may write to.");
    }
  }
  auto server = control::Server::start(socket, api::router(service));
  if (!server) return tl::unexpected(explain_control(server.error(), socket));
  if (!history_warning.empty()) log(LogLevel::warning, "chat", history_warning);

  const std::string address = (*node)->address().to_string();
  if (globals.json) {
    std::printf(
        "%s\n",
        to_text({{"event", "ready"}, {"address", address}, {"uuid", (*node)->uuid().to_string()}, {"control", socket}})
            .c_str());
  } else {
    std::printf("Ready: %s\n", address.c_str());
  }
  std::fflush(stdout);

  manager.tell("READY=1\nSTATUS=" + address);
  const auto standing = std::make_shared<StandingPeers>(**node, log);
  standing->set(standing_addresses(settings));
  standing->tick();
  auto told = std::chrono::steady_clock::now();
  while (true) {
    const int signal = next_signal(signals, StandingPeers::kTick);
    if (signal == SIGHUP) {
      manager.tell_reloading();
      reload(globals, least, *standing, log);
      manager.tell("READY=1");
    } else if (signal == 0) {
      standing->tick();
      const auto interval = manager.watchdog_interval();
      if (!interval || std::chrono::steady_clock::now() - told < *interval) continue;
      told = std::chrono::steady_clock::now();
      // Told by the node's thread: if that hangs, the manager learns of it.
      (*node)->post([&manager] { manager.tell("WATCHDOG=1"); });
    } else {
      break;
    }
  }
  manager.tell("STOPPING=1");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);  // a second one ends the program at once
  server->reset();
  node->reset();
  return {};
}

}  // namespace quantumgate::qgate
