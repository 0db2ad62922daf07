// SPDX-License-Identifier: MIT
#include "apps/qgate/node_key.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "apps/qgate/pass_phrase.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate {
namespace {

#ifndef EXFAT_SUPER_MAGIC
constexpr std::uint64_t EXFAT_SUPER_MAGIC = 0x2011BAB0;  // linux/magic.h since 5.7
#endif

// FAT has no inodes: its driver makes up numbers, and others when it has forgotten a file in between.
bool keeps_inodes(const std::filesystem::path& file) {
  struct statfs system {};
  if (::statfs(file.c_str(), &system) != 0) return true;
  const auto type = static_cast<std::uint64_t>(system.f_type);
  return type != MSDOS_SUPER_MAGIC && type != EXFAT_SUPER_MAGIC;
}

bool plugged_in(dev_t device) {
  const std::string name = "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
  return ::access(name.c_str(), F_OK) == 0;
}

}  // namespace

std::optional<FileStamp> stamp_of(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return std::nullopt;
  return FileStamp{info.st_dev,
                   keeps_inodes(file) ? info.st_ino : 0,
                   static_cast<std::uint64_t>(info.st_size),
                   info.st_mtim.tv_sec,
                   static_cast<std::uint32_t>(info.st_mtim.tv_nsec),
                   plugged_in(info.st_dev)};
}

NodeKey::NodeKey(const Settings& settings)
    : file_(settings.text(Setting::key)),
      pass_phrase_file_(settings.text(Setting::pass_phrase_file)),
      locks_(settings.text(Setting::key_gone) == "lock") {}

Outcome<Identity> NodeKey::open(bool may_ask) {
  const auto sealed = Identity::needs_pass_phrase(file_);
  if (!sealed) return tl::unexpected(explain_key_file(sealed.error(), file_.string()));
  if (!*sealed) pass_phrase_ = {};
  if (*sealed && pass_phrase_.empty()) {
    // A running node does not stop to ask.
    if (!may_ask && pass_phrase_file_.empty()) {
      return failed(ExitCode::pass_phrase, "'" + text::printable(file_.string()) +
                                               "' has a pass phrase now. Restart the node, or name a file with it.");
    }
    auto phrase = read_pass_phrase({.file = pass_phrase_file_});
    if (!phrase) return tl::unexpected(phrase.error());
    pass_phrase_ = std::move(*phrase);
  }
  auto identity = Identity::load(file_, pass_phrase_);
  // From a file it can be had again, perhaps a new one.
  if (!locks_ || !pass_phrase_file_.empty()) pass_phrase_ = {};
  if (!identity) return tl::unexpected(explain_key_file(identity.error(), file_.string()));
  return std::move(*identity);
}

Outcome<Identity> NodeKey::load() {
  stamp_ = stamp_of(file_);  // before it is read: what takes its place meanwhile is noticed
  auto identity = open(true);
  if (identity) fingerprint_ = identity->fingerprint();
  return identity;
}

bool NodeKey::there() const { return !locks_ || (stamp_ && stamp_of(file_) == stamp_); }

std::optional<Identity> NodeKey::returned(const LogSink& log) {
  const auto now = stamp_of(file_);
  if (!now || now == refused_) return std::nullopt;
  auto identity = open(false);
  if (stamp_of(file_) != now) return std::nullopt;  // it goes or changes right now; look again next time
  std::string why;
  if (!identity) {
    why = identity.error().message;
  } else if (identity->fingerprint() != *fingerprint_) {
    why = "'" + text::printable(file_.string()) + "' holds another key. Bring back the one this node was started with.";
  } else {
    stamp_ = now;
    refused_.reset();
    return std::move(*identity);
  }
  refused_ = now;
  log(LogLevel::error, "key", "still locked: " + why);
  return std::nullopt;
}

}  // namespace quantumgate::qgate
