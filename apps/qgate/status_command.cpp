// SPDX-License-Identifier: MIT
// qgate status, once or --watch
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/status_view.hpp"

namespace quantumgate::qgate {
namespace {

void print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

// The second screen of the terminal, without cursor; the first comes back, whatever happens.
class Screen {
 public:
  explicit Screen(bool wanted) : on_(wanted) { enter(); }
  ~Screen() { leave(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  void enter() const {
    if (on_) print("\x1b[?1049h\x1b[?25l");
  }
  void leave() const {
    if (on_) print("\x1b[?25h\x1b[?1049l");
  }
  void show(const std::vector<std::string>& lines) const {
    std::string text = on_ ? "\x1b[H" : "";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      text += lines[i];
      // No line feed after the last: it would scroll a full screen. What was there before is wiped.
      if (on_) text += i + 1 == lines.size() ? "\x1b[K\x1b[J" : "\x1b[K\r\n";
      if (!on_) text += "\n";
    }
    print(on_ ? text : text + "\n");
  }

 private:
  bool on_;
};

// Signals are held back and taken between two looks, so that the screen is never left half drawn.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH}) ::sigaddset(&set_, number);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next one; 0 when `limit` has passed.
  int next(std::chrono::nanoseconds limit) const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    const timespec time{.tv_sec = seconds.count(), .tv_nsec = (limit - seconds).count()};
    while (true) {
      const int number = ::sigtimedwait(&set_, nullptr, &time);
      if (number > 0) return number;
      if (errno == EAGAIN) return 0;
    }
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
};

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Outcome<Look> look_at(const Globals& globals) {
  auto status = ask_node(globals, "/v1/status");
  if (!status) return tl::unexpected(status.error());
  auto peers = ask_node(globals, "/v1/peers");
  if (!peers) return tl::unexpected(peers.error());
  return Look{std::move(*status), std::move(*peers), seconds_now()};
}

Outcome<void> watch(const Globals& globals, double interval_s) {
  const auto interval = std::chrono::nanoseconds(static_cast<std::int64_t>(interval_s * 1e9));
  const Signals signals;
  auto now = look_at(globals);  // before the screen changes: most errors show here
  if (!now) return tl::unexpected(now.error());
  const Screen screen(!globals.json && takes_escapes(STDOUT_FILENO));
  Look before = *now;
  while (true) {
    if (globals.json) {
      print(to_text(now->status) + "\n");
    } else {
      screen.show(watch_lines(*now, before, terminal_size(STDOUT_FILENO)));
    }
    const auto next_look = std::chrono::steady_clock::now() + interval;
    int number = 0;
    do {
      const auto left = next_look - std::chrono::steady_clock::now();
      number = left.count() > 0 ? signals.next(left) : 0;
      if (number == SIGTSTP) {
        screen.leave();
        ::raise(SIGSTOP);
        screen.enter();
      }
      if ((number == SIGTSTP || number == SIGWINCH) && !globals.json) {
        screen.show(watch_lines(*now, before, terminal_size(STDOUT_FILENO)));
      }
    } while (number == SIGTSTP || number == SIGWINCH);
    if (number != 0) return {};
    before = std::move(*now);
    now = look_at(globals);
    if (!now) return tl::unexpected(now.error());
  }
}

}  // namespace

Outcome<void> status(const Globals& globals, const StatusOptions& options) {
  if (options.watch) return watch(globals, options.interval_s);
  const auto answer = ask_node(globals, "/v1/status");
  if (!answer) return tl::unexpected(answer.error());
  print(globals.json ? to_text(*answer) + "\n" : status_table(*answer));
  return {};
}

}  // namespace quantumgate::qgate
