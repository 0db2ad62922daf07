// SPDX-License-Identifier: MIT
// qgate node run: a node in the foreground, with chat, files and the control socket, until TERM or INT. On HUP it reads
// its settings again. With key_gone = "lock" there is no node while the key file is gone: the control socket says so.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <optional>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/folders.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/node_key.hpp"
#include "apps/qgate/privacy_choice.hpp"
#include "apps/qgate/running_node.hpp"
#include "apps/qgate/service_manager.hpp"
#include "apps/qgate/standing_peers.hpp"
#include "apps/qgate/terminal.hpp"

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

// What a running node takes over, besides the level of its log.
struct Reloaded {
  std::vector<Address> standing;
  std::optional<Privacy> privacy;  // none: never read again
};

// Takes over what a running node can, and says of the rest that it waits for the next start.
void reload(const Globals& globals, std::atomic<LogLevel>& least, Reloaded& reloaded, const LogSink& log) {
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
  const auto privacy = to_privacy(privacy_choice(loaded.settings));
  if (!privacy) {
    log(LogLevel::error, "settings", "privacy: " + privacy.error().message + " Nothing was taken over.");
    return;
  }
  least = log_level(globals, loaded.settings);
  reloaded = {standing_addresses(loaded.settings), *privacy};
  log(LogLevel::info, "settings", std::string("read again; log_level is ") + level_name(least) + ".");
}

// What the node says when it is ready, locks itself or is itself again.
void print_event(const Globals& globals, const char* event, const char* sentence, const std::string& detail,
                 Json members) {
  if (globals.json) {
    members["event"] = event;
    std::printf("%s\n", to_text(members).c_str());
  } else {
    std::printf("%s%s\n", sentence, detail.c_str());
  }
  std::fflush(stdout);
}

// The node, and what serves the control socket in its place while it is locked.
class Life {
 public:
  Life(const Globals& globals, const ServiceManager& manager, const LogSink& log)
      : globals_(globals),
        manager_(manager),
        log_(log),
        socket_(globals.text(Setting::control)),
        key_(globals.loaded.settings),
        reloaded_{standing_addresses(globals.loaded.settings), std::nullopt} {}

  Outcome<Identity> load_key() { return key_.load(); }

  Outcome<void> start(Identity identity) {
    auto running = RunningNode::start(globals_, std::move(identity), address_.hosts, log_);
    if (!running) return tl::unexpected(running.error());
    server_.reset();  // the one that served while the node was locked
    auto server = control::Server::start(socket_, api::router((*running)->service()));
    if (!server) return tl::unexpected(explain_control(server.error(), socket_));
    server_ = std::move(*server);
    running_ = std::move(*running);
    address_ = running_->node().address();
    if (!running_->warning().empty()) log_(LogLevel::warning, "chat", running_->warning());
    take_over();
    if (!reloaded_.standing.empty()) running_->standing().tick();
    return {};
  }

  // Whether tick() has anything to look after.
  bool needs_ticks() const { return key_.is_watched() || !reloaded_.standing.empty(); }
  // Once a second.
  void tick() {
    if (running_ && !key_.there()) lock();
    if (!running_) unlock();
    if (running_ && !reloaded_.standing.empty()) running_->standing().tick();
  }

  void reload_settings(std::atomic<LogLevel>& least) {
    reload(globals_, least, reloaded_, log_);
    if (running_) take_over();
  }

  void tell_alive() const {
    if (!running_) return manager_.tell("WATCHDOG=1");
    // Told by the node's thread: if that hangs, the manager learns of it.
    running_->node().post([&manager = manager_] { manager.tell("WATCHDOG=1"); });
  }

  void stop() {
    server_.reset();
    running_.reset();
  }

  std::string address() const { return address_.to_string(); }

 private:
  void take_over() {
    running_->standing().set(reloaded_.standing);
    if (!reloaded_.privacy) return;
    Node& node = running_->node();
    node.post([&node, privacy = *reloaded_.privacy] { static_cast<void>(node.set_privacy(privacy)); });  // was checked
  }

  void lock() {
    const api::LockedStatus status{running_->node().uuid().to_string(), address(), running_->service().network,
                                   running_->service().shared_secret.has_value(), started_};
    server_.reset();  // its handlers work on the node
    running_.reset();
    auto server = control::Server::start(socket_, api::locked_router(status));
    if (server) {
      server_ = std::move(*server);
    } else {
      log_(LogLevel::error, "key", explain_control(server.error(), socket_).message);
    }
    log_(LogLevel::warning, "key", "locked: the key file is gone. All sessions are closed and the keys are wiped.");
    manager_.tell("STATUS=locked: the key file is gone");
    print_event(globals_, "locked", "Locked: the key file is gone.", "", Json::object());
  }

  void unlock() {
    if (std::chrono::steady_clock::now() < try_again_) return;
    auto identity = key_.returned(log_);
    if (!identity) return;
    if (const auto started = start(std::move(*identity)); !started) {
      log_(LogLevel::error, "key", "still locked: " + started.error().message);
      try_again_ = std::chrono::steady_clock::now() + kStartPause;
      return;
    }
    log_(LogLevel::info, "key", "unlocked: the key file is back.");
    manager_.tell("STATUS=" + address());
    print_event(globals_, "unlocked", "Unlocked: ", address(), {{"address", address()}});
  }

  static constexpr std::chrono::seconds kStartPause{10};  // a pass phrase costs a third of a second each time

  const Globals& globals_;
  const ServiceManager& manager_;
  const LogSink& log_;
  const std::string socket_;
  NodeKey key_;
  Reloaded reloaded_;
  Address address_;
  std::unique_ptr<RunningNode> running_;
  std::unique_ptr<control::Server> server_;  // destroyed before the node
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point try_again_{};
};

}  // namespace

Outcome<void> node_run(const Globals& globals) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of one transfer, not the end of the node

  const ServiceManager manager;
  const Settings& settings = globals.loaded.settings;
  if (const auto privacy = to_privacy(privacy_choice(settings)); !privacy) {
    return failed(ExitCode::usage, "the settings for privacy do not fit together: " + privacy.error().message);
  }
  if (settings.list(Setting::listen).empty()) {
    return failed(ExitCode::usage,
                  "where shall the node listen? Say --listen HOST:PORT, or set 'listen' in a configuration file.");
  }
  std::atomic<LogLevel> least = log_level(globals, settings);
  const LogSink log = log_to_stderr(least);
  if (settings.value(Setting::control).origin == Origin::fallback) {
    if (const auto made = make_runtime_folder(); !made) return made;
  }
  Life life(globals, manager, log);
  auto identity = life.load_key();
  if (!identity) return tl::unexpected(identity.error());

  // Blocked before the threads start, so that only this one takes them.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGHUP);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);

  const std::string uuid = identity->uuid().to_string();
  if (const auto started = life.start(std::move(*identity)); !started) return started;
  print_event(globals, "ready", "Ready: ", life.address(),
              {{"address", life.address()}, {"uuid", uuid}, {"control", settings.text(Setting::control)}});
  manager.tell("READY=1\nSTATUS=" + life.address());
  auto told = std::chrono::steady_clock::now();
  while (true) {
    std::optional<std::chrono::microseconds> limit = manager.watchdog_interval();
    if (life.needs_ticks())
      limit = std::min<std::chrono::microseconds>(limit.value_or(StandingPeers::kTick), StandingPeers::kTick);
    const int signal = next_signal(signals, limit);
    if (signal == SIGHUP) {
      manager.tell_reloading();
      life.reload_settings(least);
      manager.tell("READY=1");
    } else if (signal == 0) {
      life.tick();
      const auto interval = manager.watchdog_interval();
      if (!interval || std::chrono::steady_clock::now() - told < *interval) continue;
      told = std::chrono::steady_clock::now();
      life.tell_alive();
    } else {
      break;
    }
  }
  manager.tell("STOPPING=1");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);  // a second one ends the program at once
  life.stop();
  return {};
}

}  // namespace quantumgate::qgate
