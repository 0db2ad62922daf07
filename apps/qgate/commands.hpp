// SPDX-License-Identifier: MIT
// One function per command, each in the file of its noun. They print their result and return how it went; main.cpp
// prints the failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/qgate/settings.hpp"

namespace quantumgate::qgate {

struct IdentityOptions {
  bool no_pass_phrase = false;
  bool if_missing = false;           // new: all is well if there is one already
  std::string new_pass_phrase_file;  // passwd
};
Outcome<void> identity_new(const Globals& globals, const IdentityOptions& options);
Outcome<void> identity_show(const Globals& globals);
Outcome<void> identity_passwd(const Globals& globals, const IdentityOptions& options);

Outcome<void> gss_new(const Globals& globals, const std::string& file);

Outcome<void> node_run(const Globals& globals);

Outcome<void> config_show(const Globals& globals, bool effective);
Outcome<void> config_check(const Globals& globals, const std::string& file);  // "": all that would be read
Outcome<void> config_keys(const Globals& globals);

struct StatusOptions {
  bool watch = false;
  double interval_s = 2;  // 0.2 to 3600
};
Outcome<void> status(const Globals& globals, const StatusOptions& options);

Outcome<void> doctor(const Globals& globals);

struct PrivacyOptions {
  std::uint64_t level = 1;
  std::optional<std::string> padding, cover;
  std::optional<std::uint64_t> cover_interval_ms, send_delay_ms, handshake_jitter_ms;
  std::string peer;  // empty: the node's own, for all sessions without one
};
Outcome<void> privacy(const Globals& globals, const PrivacyOptions& options);

struct InviteOptions {
  std::vector<std::string> places;  // "host:port"; empty: where the node listens
  bool no_secret = false;
};
Outcome<void> invite(const Globals& globals, const InviteOptions& options);
Outcome<void> join(const Globals& globals, const std::string& invitation);  // "-": the first line of stdin

struct ConnectOptionsText {
  std::string address;  // or an invitation
  double time_limit_s = 10;
  std::string suite;  // "": the node's best
};
Outcome<void> peer_connect(const Globals& globals, const ConnectOptionsText& options);
Outcome<void> peer_list(const Globals& globals);
Outcome<void> peer_disconnect(const Globals& globals, const std::string& peer);

struct ChatOptions {
  std::string peer;
  std::string text;  // --send
  bool follow = false;
};
Outcome<void> chat(const Globals& globals, const ChatOptions& options);

struct ChatHistoryOptions {
  std::string peer;   // empty: all
  std::string since;  // as parse_since() takes it
  std::uint64_t limit = 50;
  bool peek = false;
};
Outcome<void> chat_history(const Globals& globals, const ChatHistoryOptions& options);
Outcome<void> chat_clear(const Globals& globals, const std::string& peer);  // empty: all

struct SendFileOptions {
  std::string peer;
  std::vector<std::string> paths;
  bool no_resume = false;
  std::uint64_t retry_s = 300;
};
Outcome<void> file_send(const Globals& globals, const SendFileOptions& options);

struct ReceiveOptions {
  std::string into;
  std::uint64_t count = 0;  // transfers; 0: until interrupted
  std::uint64_t keep_parts_days = 7;
};
Outcome<void> file_receive(const Globals& globals, const ReceiveOptions& options);

}  // namespace quantumgate::qgate
