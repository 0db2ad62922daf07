// SPDX-License-Identifier: MIT
#include "apps/qgate/folders.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

fs::path home() {
  const char* value = std::getenv("HOME");
  return value != nullptr && *value == '/' ? value : "/";
}

fs::path folder_of(const char* variable, const char* below_home) {
  // The specification says that relative paths are to be ignored.
  const char* value = std::getenv(variable);
  return (value != nullptr && *value == '/' ? fs::path(value) : home() / below_home) / "qgate";
}

}  // namespace

fs::path config_folder() { return folder_of("XDG_CONFIG_HOME", ".config"); }
fs::path data_folder() { return folder_of("XDG_DATA_HOME", ".local/share"); }
fs::path state_folder() { return folder_of("XDG_STATE_HOME", ".local/state"); }

fs::path runtime_folder() {
  const char* value = std::getenv("XDG_RUNTIME_DIR");
  if (value != nullptr && *value == '/') return fs::path(value) / "qgate";
  return "/tmp/qgate-" + std::to_string(::geteuid());
}

Outcome<void> make_runtime_folder() {
  const fs::path folder = runtime_folder();
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
  return {};
}

fs::path user_config_file() { return config_folder() / "qgate.toml"; }

fs::path system_config_file() {
  const fs::path last = "/etc/qgate/qgate.toml";
  const char* value = std::getenv("XDG_CONFIG_DIRS");
  std::string_view folders = value != nullptr && *value != '\0' ? value : "/etc/xdg";
  while (!folders.empty()) {
    const auto end = std::min(folders.find(':'), folders.size());
    const fs::path file = fs::path(folders.substr(0, end)) / "qgate" / "qgate.toml";
    std::error_code ignored;
    if (file.is_absolute() && fs::exists(file, ignored)) return file;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return last;
}

fs::path without_tilde(const std::string& path) {
  return path.starts_with("~/") ? home() / path.substr(2) : fs::path(path);
}

}  // namespace quantumgate::qgate
