// SPDX-License-Identifier: MIT
// The command line: what there is to say, and nothing of what it does. The only file that includes CLI11.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "apps/qgate/command_tree.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/completion.hpp"
#include "apps/qgate/dumps.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/manual.hpp"
#include "apps/qgate/terminal.hpp"

namespace quantumgate::qgate {
namespace {

constexpr const char* kVersionText = "qgate " QG_VERSION;

std::string footer() {
  std::string text = "Exit codes:\n";
  for (const ExitCodeRow& row : kExitCodes) {
    const std::string number = std::to_string(static_cast<int>(row.code));
    text += std::string(4 - number.size(), ' ') + number + "  " + row.meaning + "\n";
  }
  return text + "See also: man qgate, man qgate.toml";
}

int report(const Globals& globals, const Failure& failure) {
  if (globals.json) {
    std::printf("%s\n", to_text(error_json(failure)).c_str());
  } else {
    std::fprintf(stderr, "qgate: %s\n", failure.message.c_str());
  }
  return static_cast<int>(failure.code);
}

// Breaks what CLI11 prints in one line, so that --help fits 80 columns.
class Formatter : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return broken(CLI::Formatter::make_option_desc(option));
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::stringstream out;
    CLI::detail::format_help(out, command->get_name(), broken(command->get_description()), column_width_);
    return out.str();
  }

 private:
  std::string broken(const std::string& text) const { return wrapped(text, 80 - column_width_, 0); }
};

// CLI::Range lets "nan" through.
CLI::Validator seconds_between(double min, double max) {
  return CLI::Validator(
      [min, max](std::string& text) -> std::string {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= min && value <= max) return "";
        char message[80];
        std::snprintf(message, sizeof message, "not a number of seconds from %g to %g", min, max);
        return message;
      },
      "");
}

using Action = std::function<Outcome<void>()>;
// A command that works without settings, or looks into what is wrong with them.
enum class NeedsSettings : bool { no, yes };

class CommandLine {
 public:
  CommandLine() : app_("QuantumGate: encrypted, post-quantum peer-to-peer connections.", "qgate") {
    app_.formatter(std::make_shared<Formatter>());
    app_.footer(footer());
    app_.set_version_flag("--version", kVersionText, "Print the version and end");
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.add_flag("--json", globals_.json, "Print JSON, one object a line; errors too, on stdout");
    app_.add_flag("-q,--quiet", globals_.quiet, "Say only what matters");
    app_.add_flag("-v,--verbose", globals_.verbose, "Say more");
    app_.add_option("--config", globals_.flags.config, "Configuration file, in place of the user's and the system's")
        ->type_name("FILE");
    add_settings(app_, SettingScope::every_command);
    add_key_commands();
    add_node_commands();
    add_privacy_command();
    add_invitation_commands();
    add_peer_commands();
    add_chat_command();
    add_file_commands();
    add_config_commands();
    add_shell_commands();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app_.exit(error);  // --help, --version
      // Parsing may have failed before it came to the flag.
      for (int i = 1; i < argc; ++i) globals_.json = globals_.json || std::string_view(argv[i]) == "--json";
      std::string what = error.what();
      while (!what.empty() && (what.back() == '.' || what.back() == '\n')) what.pop_back();
      for (char& c : what) c = c == '\n' ? ' ' : c;
      return report(globals_, {ExitCode::usage, what + ". See 'qgate --help'."});
    }
    globals_.loaded = load_settings(globals_.flags);
    if (needs_settings_ == NeedsSettings::yes && !globals_.loaded.problems.empty()) {
      return report(globals_, explain_problems(globals_.loaded.problems));
    }
    const auto outcome = action_();
    return outcome ? 0 : report(globals_, outcome.error());
  }

 private:
  CLI::App* noun(const char* name, const char* description) {
    CLI::App* group = app_.add_subcommand(name, description);
    group->require_subcommand(1);
    group->fallthrough();
    return group;
  }

  CLI::App* verb(CLI::App& group, const char* name, const char* description, Action action,
                 NeedsSettings needs = NeedsSettings::yes) {
    CLI::App* leaf = group.add_subcommand(name, description);
    leaf->fallthrough();
    leaf->callback([this, leaf, needs, action = std::move(action)] {
      if (!leaf->get_subcommands().empty()) return;  // one of its own commands counts, and was called before
      action_ = action;
      needs_settings_ = needs;
    });
    return leaf;
  }

  void add_settings(CLI::App& command, SettingScope scope) {
    for (const SettingRow& row : setting_rows()) {
      if (row.scope != scope) continue;
      const std::string fallback = *row.fallback == '\0' ? "" : std::string(" [") + row.fallback + "]";
      CLI::Option* option = command
                                .add_option(flag_of(row), globals_.flags.texts[static_cast<std::size_t>(row.setting)],
                                            row.meaning + fallback)
                                ->type_name(row.placeholder)
                                ->expected(1);
      if (row.is_list()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      choices_[option] = choices_of(row);
    }
  }

  void add_key_commands() {
    CLI::App* identity = noun("identity", "Make and look at this node's key");
    CLI::App* fresh =
        verb(*identity, "new", "Make a new key file", [this] { return identity_new(globals_, identity_); });
    add_settings(*fresh, SettingScope::key_commands);
    fresh->add_flag("--no-pass-phrase", identity_.no_pass_phrase, "Protect the key by the file's mode only");
    fresh->add_flag("--if-missing", identity_.if_missing, "Do nothing if there is a key file already");
    add_settings(
        *verb(*identity, "show", "Show UUID, fingerprint and address", [this] { return identity_show(globals_); }),
        SettingScope::key_commands);
    CLI::App* passwd = verb(*identity, "passwd", "Change, add or remove the pass phrase of the key file",
                            [this] { return identity_passwd(globals_, identity_); });
    add_settings(*passwd, SettingScope::key_commands);
    CLI::Option* file = passwd
                            ->add_option("--new-pass-phrase-file", identity_.new_pass_phrase_file,
                                         "Take the new pass phrase from the first line of FILE")
                            ->type_name("FILE");
    passwd->add_flag("--no-pass-phrase", identity_.no_pass_phrase, "Remove it: the file's mode alone protects the key")
        ->excludes(file);

    verb(*noun("gss", "Make the shared secret of a private network"), "new", "Write 256 random bits to a new file",
         [this] { return gss_new(globals_, file_); })
        ->add_option("FILE", file_, "The file to make")
        ->type_name("")
        ->required();
  }

  void add_node_commands() {
    CLI::App* run = verb(*noun("node", "Run a node"), "run", "Run a node in the foreground until TERM or INT",
                         [this] { return node_run(globals_); });
    add_settings(*run, SettingScope::key_commands);
    add_settings(*run, SettingScope::node);
    CLI::App* look = verb(app_, "status", "Show what the node does", [this] { return status(globals_, status_); });
    CLI::Option* watch =
        look->add_flag("--watch", status_.watch, "Show it again and again, with rates and peers, until interrupted");
    look->add_option("--interval", status_.interval_s, "Seconds from one look to the next, 0.2 to 3600 [2]")
        ->type_name("SECONDS")
        ->needs(watch)
        ->check(seconds_between(0.2, 3600));
  }

  void add_privacy_command() {
    CLI::App* command = verb(app_, "privacy", "Choose what a watcher of the network is not to see, until the node ends",
                             [this] { return privacy(globals_, privacy_); });
    command
        ->add_option("LEVEL", privacy_.level, "1: nothing is hidden, nothing is spent, to 5: all looks alike, always")
        ->type_name("")
        ->required()
        ->check(CLI::Range(1, 5).description(""));
    command->add_option("--peer", privacy_.peer, "For the session with this one only: UUID, address or invitation")
        ->type_name("PEER");
    const auto differing = [&](Setting setting, auto& value) {
      const SettingRow& row = row_of(setting);
      choices_[command->add_option(flag_of(row), value, row.meaning)->type_name(row.placeholder)] = choices_of(row);
    };
    differing(Setting::padding, privacy_.padding);
    differing(Setting::cover, privacy_.cover);
    differing(Setting::cover_interval, privacy_.cover_interval_ms);
    differing(Setting::send_delay, privacy_.send_delay_ms);
    differing(Setting::handshake_jitter, privacy_.handshake_jitter_ms);
  }

  void add_invitation_commands() {
    CLI::App* ask = verb(app_, "invite", "Print an invitation: all that a newcomer needs, in one line",
                         [this] { return invite(globals_, invite_); });
    ask->add_option("--at", invite_.places, "Where others reach this node; may be given up to 8 times")
        ->type_name("HOST:PORT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    ask->add_flag("--no-secret", invite_.no_secret, "Leave the network's shared secret out: it goes by another way");
    verb(app_, "join", "Set this node up for the network of an invitation",
         [this] { return join(globals_, invitation_); })
        ->add_option("INVITATION", invitation_, "The line; - reads it from standard input")
        ->type_name("")
        ->required();
  }

  void add_peer_commands() {
    CLI::App* peers = noun("peer", "Connect to peers");
    CLI::App* dial = verb(*peers, "connect", "Connect to a node by its address or invitation",
                          [this] { return peer_connect(globals_, connect_); });
    dial->add_option("ADDRESS", connect_.address, "qg://<uuid>-<check>@host:port, or an invitation")
        ->type_name("")
        ->required();
    dial->add_option("--time-limit", connect_.time_limit_s, "Seconds to wait for an answer, 0.1 to 300 [10]")
        ->type_name("SECONDS")
        ->check(seconds_between(0.1, 300));
    choices_[dial->add_option("--suite", connect_.suite, "Suite to dial with, for a peer that lacks this node's best")
                 ->type_name("SUITE")] = choices_of(row_of(Setting::suites));
    verb(*peers, "list", "List the connected peers; with -q only their UUIDs, with -v more of each",
         [this] { return peer_list(globals_); });
    verb(*peers, "disconnect", "Part from a peer", [this] { return peer_disconnect(globals_, peer_); })
        ->add_option("PEER", peer_, "UUID, address or invitation")
        ->type_name("")
        ->required();
  }

  void add_chat_command() {
    CLI::App* talk = verb(app_, "chat", "Exchange lines of text", [this] { return chat(globals_, chat_); });
    talk->add_option("PEER", chat_.peer, "UUID, address or invitation; at a terminal, the beginning of the UUID")
        ->type_name("");
    talk->add_option("--send", chat_.text, "Send one line, wait until it was delivered, and end")->type_name("TEXT");
    talk->add_flag("--follow", chat_.follow, "Show the lines of all peers");
    CLI::App* past = verb(*talk, "history", "Show what was said, and that it has been read",
                          [this] { return chat_history(globals_, chat_history_); });
    past->add_option("PEER", chat_history_.peer, "Only with this one: UUID, address or invitation")->type_name("");
    past->add_option("--since", chat_history_.since, "2026-11-25, '2026-11-25 14:02', or how long ago: 90m, 12h, 3d")
        ->type_name("TIME");
    past->add_option("--limit", chat_history_.limit, "How many lines, 1 to 1000 [50]")
        ->type_name("N")
        ->check(CLI::Range(1, 1000).description(""));
    past->add_flag("--peek", chat_history_.peek, "Leave unread what is unread");
    verb(*talk, "clear", "Forget what was said, on the disk too", [this] { return chat_clear(globals_, peer_); })
        ->add_option("PEER", peer_, "Only with this one: UUID, address or invitation")
        ->type_name("");
  }

  void add_file_commands() {
    CLI::App* files = noun("file", "Send and receive files and folders");
    CLI::App* send = verb(*files, "send", "Send files and folders to a peer; what is there already is not sent again",
                          [this] { return file_send(globals_, send_file_); });
    send->add_option("PEER", send_file_.peer, "UUID, address or invitation; at a terminal, the beginning of the UUID")
        ->type_name("")
        ->required();
    send->add_option("FILE", send_file_.paths, "Files and folders")->type_name("")->required();
    send->add_flag("--no-resume", send_file_.no_resume, "Start anew; do not try again when the connection breaks");
    send->add_option(
            "--retry", send_file_.retry_s,
            "How long to try to go on after the connection broke, since the last progress; 0: not at all [300]")
        ->type_name("SECONDS")
        ->check(CLI::Range(0, 86400).description(""));
    CLI::App* receive =
        verb(*files, "receive", "Take files until interrupted", [this] { return file_receive(globals_, receive_); });
    receive->add_option("--into", receive_.into, "Folder for the files")->required()->type_name("FOLDER");
    receive->add_option("--count", receive_.count, "End after so many transfers")
        ->type_name("N")
        ->check(CLI::PositiveNumber.description(""));
    receive
        ->add_option("--keep-parts", receive_.keep_parts_days,
                     "How long to keep what a broken transfer has brought; 0: not at all [7]")
        ->type_name("DAYS")
        ->check(CLI::Range(0, 3650).description(""));
  }

  void add_config_commands() {
    CLI::App* config = noun("config", "Look at the settings and where they come from");
    CLI::App* show = verb(
        *config, "show", "Show what is set", [this] { return config_show(globals_, effective_); }, NeedsSettings::no);
    show->add_flag("--effective", effective_, "Show the defaults of what is not set, too");
    add_settings(*show, SettingScope::key_commands);
    add_settings(*show, SettingScope::node);
    verb(
        *config, "check", "Say what is wrong in the configuration files and the environment",
        [this] { return config_check(globals_, file_); }, NeedsSettings::no)
        ->add_option("FILE", file_, "This file only, and its drop-ins")
        ->type_name("");
    verb(
        *config, "keys", "List all keys with default and meaning", [this] { return config_keys(globals_); },
        NeedsSettings::no);
  }

  void add_shell_commands() {
    CLI::Option* shell = verb(
                             app_, "completion", "Print the completions for a shell",
                             [this] { return print_completion(globals_, tree(), shell_); }, NeedsSettings::no)
                             ->add_option("SHELL", shell_, "bash, zsh or fish")
                             ->type_name("")
                             ->required();
    choices_[shell] = {"bash", "zsh", "fish"};
    CLI::App* look = verb(
        app_, "doctor", "Look for what keeps a node from working, and say how to mend it",
        [this] { return doctor(globals_); }, NeedsSettings::no);
    add_settings(*look, SettingScope::key_commands);
    add_settings(*look, SettingScope::node);
    // For the build: fills the templates of the manual pages.
    verb(
        app_, "manual", "Fill a template of a manual page", [this] { return print_manual(tree(), file_); },
        NeedsSettings::no)
        ->group("")
        ->add_option("TEMPLATE", file_)
        ->required();
  }

  CommandInfo tree() const { return describe(app_); }

  CommandInfo describe(const CLI::App& app) const {
    CommandInfo info{.name = app.get_name(), .help = app.get_description()};
    for (const CLI::Option* option : app.get_options()) {
      const bool positional = option->get_positional();
      OptionInfo described{.help = option->get_description(),
                           .required = option->get_required(),
                           .repeatable = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll};
      if (positional) {
        described.placeholder = option->get_name();
      } else {
        for (const std::string& name : option->get_snames()) described.names.push_back("-" + name);
        for (const std::string& name : option->get_lnames()) described.names.push_back("--" + name);
        if (option->get_type_size() != 0) described.placeholder = option->get_type_name();
      }
      if (const auto found = choices_.find(option); found != choices_.end()) described.choices = found->second;
      (positional ? info.arguments : info.options).push_back(std::move(described));
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (!command->get_group().empty()) info.commands.push_back(describe(*command));
    }
    return info;
  }

  Globals globals_;
  IdentityOptions identity_;
  StatusOptions status_;
  PrivacyOptions privacy_;
  InviteOptions invite_;
  std::string invitation_;
  ConnectOptionsText connect_;
  ChatOptions chat_;
  ChatHistoryOptions chat_history_;
  SendFileOptions send_file_;
  ReceiveOptions receive_;
  std::string peer_;
  std::string file_;
  std::string shell_;
  bool effective_ = false;

  CLI::App app_;
  std::map<const CLI::Option*, std::vector<std::string>> choices_;
  Action action_;
  NeedsSettings needs_settings_ = NeedsSettings::yes;
};

}  // namespace
}  // namespace quantumgate::qgate

int main(int argc, char** argv) {
  quantumgate::qgate::forbid_dumps();
  return quantumgate::qgate::CommandLine().run(argc, argv);
}
