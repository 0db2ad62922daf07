// SPDX-License-Identifier: MIT
#include "apps/qgate/pass_phrase.hpp"
#include "extenders/files/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "quantumgate/bytes.h"

namespace quantumgate::qgate {
namespace {

constexpr std::size_t kLineBytesMax = 1024;  // of a pass phrase

// While it lives, signals that would end or stop the program are only noted, so that the echo can be put back first.
// They are let in by wait_readable() alone: one that came just before a plain read() would be noted, and waited out.
class SignalNote {
 public:
  SignalNote() {
    noted = 0;
    sigset_t all;
    ::sigemptyset(&all);
    struct sigaction action {};
    action.sa_handler = [](int number) { noted = number; };
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      ::sigaddset(&all, kSignals[i]);
      ::sigaction(kSignals[i], &action, &before_[i]);
    }
    ::pthread_sigmask(SIG_BLOCK, &all, &mask_before_);
  }
  ~SignalNote() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    if (noted != 0) ::raise(noted);
  }
  SignalNote(const SignalNote&) = delete;
  SignalNote& operator=(const SignalNote&) = delete;

  // False if a signal came before there was something to read.
  bool wait_readable(int descriptor) const {
    pollfd wanted{descriptor, POLLIN, 0};
    while (noted == 0 && ::ppoll(&wanted, 1, nullptr, &mask_before_) < 0 && errno == EINTR) {
    }
    return noted == 0;
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
  static inline volatile std::sig_atomic_t noted = 0;
  struct sigaction before_[std::size(kSignals)];
  sigset_t mask_before_;
};

// The first line of `descriptor`, byte by byte, so that nothing behind it is taken from a terminal or pipe; all in
// memory that is wiped. Nothing if `note` is given and a signal came in between, an error number if reading failed.
struct Line {
  SecretBytes bytes;
  int error = 0;
};
std::optional<Line> first_line(int descriptor, const SignalNote* note) {
  SecretBytes buffer(kLineBytesMax + 1);
  std::size_t size = 0;
  while (size < buffer.size()) {
    if (note != nullptr && !note->wait_readable(descriptor)) return std::nullopt;
    const ssize_t n = ::read(descriptor, buffer.mutable_view().data() + size, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Line{{}, errno};
    if (n == 0 || buffer.view()[size] == std::byte{'\n'}) break;
    ++size;
  }
  if (size != 0 && size <= kLineBytesMax && buffer.view()[size - 1] == std::byte{'\r'}) --size;
  return Line{SecretBytes(buffer.view().first(size)), 0};
}

class SilentTerminal {
 public:
  explicit SilentTerminal(int terminal) : terminal_(terminal), changed_(::tcgetattr(terminal, &before_) == 0) {
    if (!changed_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(terminal_, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    (void)!::write(terminal_, "\n", 1);
    if (changed_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  int terminal_;
  termios before_{};
  bool changed_;
};

// Asks on the terminal itself, whatever stdin is. The echo is back on before this returns, or a signal takes effect.
Outcome<SecretBytes> ask(const PassPhraseSource& source, const char* prompt) {
  const files::Descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal.get() < 0) {
    return failed(ExitCode::usage, std::string("a pass phrase is needed and there is no terminal to ask on. Give ") +
                                       source.flag + " or set " + source.variable + ".");
  }
  while (true) {
    std::optional<Line> line;
    {
      const SignalNote note;
      const SilentTerminal silence(terminal.get());
      (void)!::write(terminal.get(), prompt, std::strlen(prompt));
      line = first_line(terminal.get(), &note);
    }
    if (!line) continue;  // it was stopped and goes on: ask again
    if (line->error == 0) return std::move(line->bytes);
    return failed(ExitCode::failure, std::string("the terminal can not be read: ") + std::strerror(line->error) + ".");
  }
}

Outcome<SecretBytes> read_file(const PassPhraseSource& source) {
  const files::Descriptor file(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const auto unreadable = [&](int error) {
    return failed(ExitCode::key_file, "pass phrase file '" + source.file +
                                          "' can not be read: " + std::strerror(error) + ". Check the path.");
  };
  if (file.get() < 0) return unreadable(errno);
  auto line = first_line(file.get(), nullptr);
  if (line->error != 0) return unreadable(line->error);
  return std::move(line->bytes);
}

bool equal(const SecretBytes& a, const SecretBytes& b) {
  return a.size() == b.size() && std::equal(a.view().begin(), a.view().end(), b.view().begin());
}

Outcome<SecretBytes> read_somewhere(const PassPhraseSource& source) {
  if (!source.file.empty()) return read_file(source);
  if (const char* value = std::getenv(source.variable); value != nullptr) {
    SecretBytes phrase(as_bytes(value));
    ::unsetenv(source.variable);  // not for children
    return phrase;
  }
  auto first = ask(source, source.prompt);
  if (!first || !source.is_new || first->empty()) return first;
  const auto second = ask(source, "Once more: ");
  if (!second) return tl::unexpected(second.error());
  if (!equal(*first, *second)) {
    return failed(ExitCode::pass_phrase, "the two pass phrases differ. Nothing was written; try again.");
  }
  return first;
}

}  // namespace

Outcome<SecretBytes> read_pass_phrase(const PassPhraseSource& source) {
  auto phrase = read_somewhere(source);
  if (!phrase) return phrase;
  if (phrase->empty()) {
    return failed(ExitCode::pass_phrase, source.is_new
                                             ? "the pass phrase is empty. Choose one, or say --no-pass-phrase."
                                             : "the pass phrase is empty. Try again.");
  }
  if (phrase->size() > kLineBytesMax) {
    return failed(ExitCode::pass_phrase,
                  "the pass phrase is longer than " + std::to_string(kLineBytesMax) + " bytes. Shorten it.");
  }
  return phrase;
}

Outcome<Identity> load_identity(const std::filesystem::path& key_file, const PassPhraseSource& source) {
  const auto sealed = Identity::needs_pass_phrase(key_file);
  if (!sealed) return tl::unexpected(explain_key_file(sealed.error(), key_file.string()));
  SecretBytes phrase;
  if (*sealed) {
    auto read = read_pass_phrase(source);
    if (!read) return tl::unexpected(read.error());
    phrase = std::move(*read);
  }
  auto identity = Identity::load(key_file, phrase);
  if (!identity) return tl::unexpected(explain_key_file(identity.error(), key_file.string()));
  return std::move(*identity);
}

}  // namespace quantumgate::qgate
