// SPDX-License-Identifier: MIT
// The command line: what there is to say, and nothing of what it does. The only file that includes CLI11.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>

#include "apps/qgate/commands.hpp"
#include "apps/qgate/json.hpp"

namespace quantumgate::qgate {
namespace {

std::string footer() {
  std::string text = "Exit codes:\n";
  for (const ExitCodeRow& row : kExitCodes) {
    const std::string number = std::to_string(static_cast<int>(row.code));
    text += std::string(4 - number.size(), ' ') + number + "  " + row.meaning + "\n";
  }
  return text + "See also: man qgate";
}

int report(const Globals& globals, const Failure& failure) {
  if (globals.json) {
    std::printf("%s\n", to_text(error_json(failure)).c_str());
  } else {
    std::fprintf(stderr, "qgate: %s\n", failure.message.c_str());
  }
  return static_cast<int>(failure.code);
}

void add_key_options(CLI::App& command, IdentityOptions& options) {
  command.add_option("--key", options.key, "Key file [$XDG_CONFIG_HOME/qgate/identity.key]");
  command
      .add_option("--pass-phrase-file", options.pass_phrase.file, "Take the pass phrase from the first line of FILE")
      ->type_name("FILE");
}

int run(int argc, char** argv) {
  Globals globals;
  std::function<Outcome<void>()> command;

  CLI::App app{"QuantumGate: encrypted, post-quantum peer-to-peer connections.", "qgate"};
  app.footer(footer());
  app.set_version_flag("--version", "qgate 0.1.0");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_flag("--json", globals.json, "Print JSON, one object a line; errors too, on stdout");
  app.add_flag("-q,--quiet", globals.quiet, "Say only what matters");
  app.add_flag("-v,--verbose", globals.verbose, "Say more");
  app.add_option("--control", globals.control, "Control socket of the node [$XDG_RUNTIME_DIR/qgate/node.sock]")
      ->envname("QG_CONTROL")
      ->type_name("SOCKET");
  const auto noun = [&](const char* name, const char* description) {
    CLI::App* group = app.add_subcommand(name, description);
    group->require_subcommand(1);
    group->fallthrough();
    return group;
  };
  const auto verb = [&](CLI::App* group, const char* name, const char* description,
                        std::function<Outcome<void>()> action) {
    CLI::App* leaf = group->add_subcommand(name, description);
    leaf->fallthrough();
    leaf->callback([&command, action = std::move(action)] { command = action; });
    return leaf;
  };

  IdentityOptions identity_options;
  CLI::App* identity = noun("identity", "Make and look at this node's key");
  CLI::App* fresh =
      verb(identity, "new", "Make a new key file", [&] { return identity_new(globals, identity_options); });
  add_key_options(*fresh, identity_options);
  fresh->add_flag("--no-pass-phrase", identity_options.no_pass_phrase, "Protect the key by the file's mode only");
  add_key_options(*verb(identity, "show", "Show UUID, fingerprint and address",
                        [&] { return identity_show(globals, identity_options); }),
                  identity_options);

  std::string gss_file;
  verb(noun("gss", "Make the shared secret of a private network"), "new", "Write 256 random bits to a new file",
       [&] { return gss_new(globals, gss_file); })
      ->add_option("FILE", gss_file)
      ->required();

  NodeOptionsText node_options;
  CLI::App* node = verb(noun("node", "Run a node"), "run", "Run a node in the foreground until TERM or INT",
                        [&] { return node_run(globals, node_options); });
  add_key_options(*node, node_options.identity);
  node->add_option("--listen", node_options.listen, "UDP address to listen on; port 0 takes a free one; repeatable")
      ->type_name("HOST:PORT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->required();
  node->add_option("--network", node_options.network, "Network name; both ends must use the same")
      ->capture_default_str();
  node->add_option("--gss", node_options.gss, "File with the shared secret of a private network")->type_name("FILE");
  node->add_option("--receive", node_options.receive, "Take files into this folder")->type_name("FOLDER");

  CLI::App* status_app = app.add_subcommand("status", "Show what the node does");
  status_app->fallthrough();
  status_app->callback([&] { command = [&] { return status(globals); }; });

  ConnectOptionsText connect_options;
  std::string peer;
  CLI::App* peers = noun("peer", "Connect to peers");
  CLI::App* dial = verb(peers, "connect", "Connect to a node by its address",
                        [&] { return peer_connect(globals, connect_options); });
  dial->add_option("ADDRESS", connect_options.address, "qg://<uuid>-<check>@host:port")->required();
  dial->add_option("--time-limit", connect_options.time_limit_s, "Seconds to wait for an answer")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 300.0));
  verb(peers, "list", "List the connected peers", [&] { return peer_list(globals); });
  verb(peers, "disconnect", "Part from a peer", [&] { return peer_disconnect(globals, peer); })
      ->add_option("PEER", peer, "UUID or address")
      ->required();

  ChatOptions chat_options;
  CLI::App* talk = app.add_subcommand("chat", "Exchange lines of text");
  talk->fallthrough();
  talk->callback([&] { command = [&] { return chat(globals, chat_options); }; });
  talk->add_option("PEER", chat_options.peer, "UUID or address; at a terminal, the beginning of the UUID");
  talk->add_option("--send", chat_options.text, "Send one line, wait until it was delivered, and end")
      ->type_name("TEXT");
  talk->add_flag("--follow", chat_options.follow, "Show the lines of all peers");

  std::string file;
  ReceiveOptions receive_options;
  CLI::App* files = noun("file", "Send and receive files");
  CLI::App* send = verb(files, "send", "Send a file to a peer", [&] { return file_send(globals, peer, file); });
  send->add_option("PEER", peer, "UUID or address; at a terminal, the beginning of the UUID")->required();
  send->add_option("FILE", file)->required();
  CLI::App* receive =
      verb(files, "receive", "Take files until interrupted", [&] { return file_receive(globals, receive_options); });
  receive->add_option("--into", receive_options.into, "Folder for the files")->required()->type_name("FOLDER");
  receive->add_option("--count", receive_options.count, "End after so many files")->check(CLI::PositiveNumber);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    // Parsing may have failed before it came to the flag.
    for (int i = 1; i < argc; ++i) globals.json = globals.json || std::string_view(argv[i]) == "--json";
    std::string what = error.what();
    while (!what.empty() && (what.back() == '.' || what.back() == '\n')) what.pop_back();
    for (char& c : what) c = c == '\n' ? ' ' : c;
    return report(globals, {ExitCode::usage, what + ". See 'qgate --help'."});
  }
  const auto outcome = command();
  return outcome ? 0 : report(globals, outcome.error());
}

}  // namespace
}  // namespace quantumgate::qgate

int main(int argc, char** argv) { return quantumgate::qgate::run(argc, argv); }
