// SPDX-License-Identifier: MIT
#include "apps/qgate/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "quantumgate/bytes.h"

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLineBytesMax = 1024;  // of a pass phrase

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

fs::path folder_of(const char* variable, const char* below_home) {
  // The XDG specification says that relative paths are to be ignored.
  if (const char* value = std::getenv(variable); value != nullptr && *value == '/') return fs::path(value) / "qgate";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr && *home == '/' ? home : "/") / below_home / "qgate";
}

Error from_errno() {
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::not_found};
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorCode::permission_denied, "", errno};
    case EEXIST:
      return {ErrorCode::exists};
    case ENOSPC:
    case EDQUOT:
      return {ErrorCode::no_space};
    default:
      return {ErrorCode::system, "", errno};
  }
}

// The first line of `descriptor`, byte by byte when it is a terminal or pipe; all in memory that is wiped.
Result<SecretBytes> first_line(int descriptor) {
  SecretBytes buffer(kLineBytesMax);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = ::read(descriptor, buffer.mutable_view().data() + size, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(from_errno());
    if (n == 0 || buffer.view()[size] == std::byte{'\n'}) break;
    ++size;
  }
  if (size != 0 && buffer.view()[size - 1] == std::byte{'\r'}) --size;
  return SecretBytes(buffer.view().first(size));
}

// Asks on the terminal itself, whatever stdin is. The echo is back on before this returns.
Outcome<SecretBytes> ask(const char* prompt) {
  const Descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (terminal.get() < 0) {
    return failed(ExitCode::usage,
                  "a pass phrase is needed and there is no terminal to ask on. Give --pass-phrase-file or set "
                  "QG_PASS_PHRASE.");
  }
  termios before{};
  const bool has_echo = ::tcgetattr(terminal.get(), &before) == 0;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (has_echo) ::tcsetattr(terminal.get(), TCSAFLUSH, &silent);
  (void)!::write(terminal.get(), prompt, std::strlen(prompt));
  auto line = first_line(terminal.get());
  if (has_echo) ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
  (void)!::write(terminal.get(), "\n", 1);
  if (!line) return tl::unexpected(explain(line.error()));
  return std::move(*line);
}

bool equal(const SecretBytes& a, const SecretBytes& b) {
  return a.size() == b.size() && std::equal(a.view().begin(), a.view().end(), b.view().begin());
}

}  // namespace

fs::path default_key_file() { return folder_of("XDG_CONFIG_HOME", ".config") / "identity.key"; }

Outcome<fs::path> control_socket(const Globals& globals, bool make_folder) {
  if (!globals.control.empty()) return fs::path(globals.control);
  fs::path folder;
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    folder = fs::path(runtime) / "qgate";
  } else {
    folder = "/tmp/qgate-" + std::to_string(::geteuid());
  }
  if (make_folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return failed(ExitCode::listen, "'" + folder.string() + "' can not be made: " + std::strerror(errno) +
                                          ". Name a control socket with --control.");
    }
    struct stat info {};
    // Below /tmp others could have made it first.
    if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() ||
        (info.st_mode & 0077) != 0) {
      return failed(ExitCode::listen, "'" + folder.string() +
                                          "' is not a folder of yours alone. Remove it, or name a control socket with "
                                          "--control.");
    }
  }
  return folder / "node.sock";
}

Outcome<SecretBytes> read_pass_phrase(const PassPhraseSource& source, bool is_new) {
  SecretBytes phrase;
  if (!source.file.empty()) {
    const Descriptor file(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
      const int error = errno;
      return failed(ExitCode::key_file, "pass phrase file '" + source.file +
                                            "' can not be read: " + std::strerror(error) + ". Check the path.");
    }
    auto line = first_line(file.get());
    if (!line) return tl::unexpected(explain_key_file(line.error(), source.file));
    phrase = std::move(*line);
  } else if (const char* value = std::getenv("QG_PASS_PHRASE"); value != nullptr) {
    phrase = SecretBytes(as_bytes(value));
    ::unsetenv("QG_PASS_PHRASE");  // not for children
  } else {
    auto first = ask(is_new ? "New pass phrase: " : "Pass phrase: ");
    if (!first) return tl::unexpected(first.error());
    if (is_new && !first->empty()) {
      const auto second = ask("Once more: ");
      if (!second) return tl::unexpected(second.error());
      if (!equal(*first, *second)) {
        return failed(ExitCode::pass_phrase, "the two pass phrases differ. Nothing was written; try again.");
      }
    }
    phrase = std::move(*first);
  }
  if (phrase.empty()) {
    return failed(ExitCode::pass_phrase, is_new ? "the pass phrase is empty. Choose one, or say --no-pass-phrase."
                                                : "the pass phrase is empty. Try again.");
  }
  return phrase;
}

Outcome<Identity> load_identity(const fs::path& key_file, const PassPhraseSource& source) {
  const auto sealed = Identity::needs_pass_phrase(key_file);
  if (!sealed) return tl::unexpected(explain_key_file(sealed.error(), key_file.string()));
  SecretBytes phrase;
  if (*sealed) {
    auto read = read_pass_phrase(source, false);
    if (!read) return tl::unexpected(read.error());
    phrase = std::move(*read);
  }
  auto identity = Identity::load(key_file, phrase);
  if (!identity) return tl::unexpected(explain_key_file(identity.error(), key_file.string()));
  return std::move(*identity);
}

}  // namespace quantumgate::qgate
