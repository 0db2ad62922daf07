// SPDX-License-Identifier: MIT
#include "apps/qgate/conversation.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>

#include "apps/qgate/chat_lines.hpp"
#include "apps/qgate/client.hpp"
#include "apps/qgate/line_editor.hpp"

namespace quantumgate::qgate {
namespace {

constexpr std::uint64_t kLinesBefore = 20;
constexpr std::size_t kUnsentMax = 64;  // lines typed and not delivered yet

// Keys come one by one, unseen, until this goes.
class RawTerminal {
 public:
  RawTerminal() : changed_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool changed_;
};

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

class Conversation {
 public:
  Conversation(const Globals& globals, const PeerUuid& peer)
      : globals_(globals), peer_(peer.to_string()), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Conversation() { ::close(wake_); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  Outcome<void> run();

 private:
  Outcome<void> show_past();
  void follow(ApiCall& call);
  void send_lines();
  bool take_keys();  // false: it is over
  void show_arrived();
  void show(const std::string& text);
  void mark_read(std::uint64_t number);
  void add(Json event);

  Globals globals_;
  std::string peer_;
  int wake_;
  LineEditor editor_;
  std::uint64_t last_number_ = 0;  // of the lines shown

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Json> arrived_;
  std::deque<std::string> unsent_;
  std::shared_ptr<ApiCall> sending_;
  bool ending_ = false;
  bool lost_ = false;
  std::optional<Failure> failure_;
};

Outcome<void> Conversation::run() {
  if (const auto past = show_past(); !past) return past;
  auto call = ApiCall::open(globals_);
  if (!call) return tl::unexpected(call.error());
  // These signals end it like Ctrl-C, so that the terminal is given back as it was.
  sigset_t signals, before;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  const int told = ::signalfd(-1, &signals, SFD_CLOEXEC);
  std::thread follower([&] { follow(**call); });
  std::thread sender([&] { send_lines(); });
  {
    const RawTerminal raw;
    show("");
    std::array<pollfd, 3> waiting{{{STDIN_FILENO, POLLIN, 0}, {wake_, POLLIN, 0}, {told, POLLIN, 0}}};
    for (bool open = true; open;) {
      if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
      show_arrived();
      if (waiting[2].revents != 0) break;
      if (waiting[0].revents != 0) open = take_keys();
      const std::lock_guard guard(mutex_);
      open = open && !lost_;
    }
    std::fputs(LineEditor::erase().c_str(), stdout);
    std::fflush(stdout);
  }
  {
    const std::lock_guard guard(mutex_);
    ending_ = true;
    if (sending_) sending_->stop();
  }
  changed_.notify_all();
  (*call)->stop();
  follower.join();
  sender.join();
  ::close(told);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

Outcome<void> Conversation::show_past() {
  bool marked = false;
  const auto now = std::chrono::system_clock::now();
  const auto answer =
      call_api(globals_, "POST", "/v1/chat/history", {{"peer", peer_}, {"limit", kLinesBefore}}, [&](const Json& line) {
        if (!is_line(line)) return true;
        if (line.value("unread", false) && !std::exchange(marked, true)) {
          std::printf("--- new ---\n");
        }
        std::printf("%s\n", shown_line(line, true, now).c_str());
        last_number_ = number_member(line, "number").value_or(last_number_);
        return true;
      });
  if (!answer) return tl::unexpected(answer.error());
  mark_read(last_number_);
  if (!globals_.quiet) {
    std::fprintf(stderr, "Chat with %s. Enter sends a line; Ctrl-D ends.\n", peer_.c_str());
  }
  return {};
}

void Conversation::follow(ApiCall& call) {
  const auto ended = call.run("GET", "/v1/chat/follow", {}, [&](const Json& line) {
    if (is_line(line) && text_member(line, "peer") == peer_) add(line);
    return true;
  });
  {
    const std::lock_guard guard(mutex_);
    if (!ending_ && !ended) failure_ = ended.error();
    lost_ = true;
  }
  add({{"event", "over"}});
}

void Conversation::send_lines() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !unsent_.empty(); });
    if (ending_) return;
    const std::string text = unsent_.front();
    lock.unlock();
    auto call = ApiCall::open(globals_);
    lock.lock();
    if (ending_) return;
    Outcome<Json> answer = Json::object();
    if (call) {
      sending_ = std::move(*call);
      lock.unlock();
      answer = sending_->run("POST", "/v1/chat/send", {{"peer", peer_}, {"text", text}});
      lock.lock();
      sending_.reset();
    } else {
      answer = tl::unexpected(call.error());
    }
    unsent_.pop_front();
    lock.unlock();
    // A line that was sent comes back from the history, with its time, and whether it was delivered.
    add(answer ? Json{{"event", "sent"}} : Json{{"event", "failed"}, {"message", answer.error().message}});
    lock.lock();
  }
}

void Conversation::add(Json event) {
  {
    const std::lock_guard guard(mutex_);
    arrived_.push_back(std::move(event));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

bool Conversation::take_keys() {
  std::array<char, 256> keys{};
  const ssize_t size = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (size <= 0) return size < 0 && errno == EINTR;
  for (const char key : std::string_view(keys.data(), static_cast<std::size_t>(size))) {
    switch (editor_.type(key)) {
      case LineEditor::Event::none:
        break;
      case LineEditor::Event::end:
      case LineEditor::Event::interrupt:
        return false;
      case LineEditor::Event::line: {
        const std::lock_guard guard(mutex_);
        if (unsent_.size() >= kUnsentMax) break;  // it stays, to be sent later
        if (std::string text = editor_.take(); !text.empty()) unsent_.push_back(std::move(text));
        break;
      }
    }
  }
  changed_.notify_all();
  show("");
  return true;
}

void Conversation::show_arrived() {
  std::uint64_t count = 0;
  (void)!::read(wake_, &count, sizeof count);
  std::deque<Json> arrived;
  {
    const std::lock_guard guard(mutex_);
    std::swap(arrived, arrived_);
  }
  if (arrived.empty()) return;
  std::string text;
  std::uint64_t read = 0;
  for (const Json& event : arrived) {
    if (text_member(event, "event") == "failed") {
      text += "qgate: " + text_member(event, "message").value_or("not delivered.") + "\n";
    }
    if (!is_line(event) || number_member(event, "number").value_or(0) <= last_number_) continue;
    read = last_number_ = *number_member(event, "number");
    text += shown_line(event, true, std::chrono::system_clock::now()) + "\n";
  }
  show(text);
  if (read != 0) mark_read(read);
}

// Prints whole lines above what is being typed.
void Conversation::show(const std::string& text) {
  bool waiting = false;
  {
    const std::lock_guard guard(mutex_);
    waiting = !unsent_.empty();
  }
  std::fputs((LineEditor::erase() + text + editor_.draw(waiting ? "(sending) > " : "> ", terminal_width())).c_str(),
             stdout);
  std::fflush(stdout);
}

void Conversation::mark_read(std::uint64_t number) {
  if (number != 0) (void)call_api(globals_, "POST", "/v1/chat/read", {{"peer", peer_}, {"number", number}});
}

}  // namespace

Outcome<void> converse_on_terminal(const Globals& globals, const PeerUuid& peer) {
  return Conversation(globals, peer).run();
}

}  // namespace quantumgate::qgate
