// SPDX-License-Identifier: MIT
// qgate invite, qgate join
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/peer_text.hpp"
#include "extenders/common/utf8.hpp"
#include "extenders/files/descriptor.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate {
namespace {

namespace fs = std::filesystem;

bool leads_here_only(const Address& address) {
  return std::ranges::all_of(address.hosts, [](const HostPort& place) {
    return place.host == "localhost" || place.host == "::1" || place.host.starts_with("127.");
  });
}

// From the command line, or for "-" the first line of standard input, where no other user can see it.
Outcome<Invitation> read_invitation(const std::string& text) {
  if (text != "-") return parse_invitation(text);
  char line[4096 + 64] = "";  // the longest invitation, and blanks around it
  if (std::fgets(line, sizeof line, stdin) == nullptr) {
    return failed(ExitCode::usage, "there is no invitation on standard input. Send it the line of 'qgate invite'.");
  }
  return parse_invitation(line);
}

// Writes a new file and syncs it; an error leaves nothing behind.
Outcome<void> write_new(const fs::path& file, const std::string& content) {
  const auto because = [&](int error) {
    return failed(ExitCode::failure, "'" + text::printable(file.string()) + "' can not be written: " +
                                         std::strerror(error) + ". Mend that and try again.");
  };
  const files::Descriptor descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (descriptor.get() < 0) return because(errno);
  const ssize_t size = ::write(descriptor.get(), content.data(), content.size());
  const bool is_whole = size == static_cast<ssize_t>(content.size());
  if (!is_whole || ::fsync(descriptor.get()) != 0) {
    const int error = size >= 0 && !is_whole ? ENOSPC : errno;
    ::unlink(file.c_str());
    return because(error);
  }
  return {};
}

// What is set now, beside what an invitation wants.
enum class Fit { same, unset, different };

Fit fit_of_network(const Settings& settings, const Invitation& invitation) {
  if (settings.text(Setting::network) == invitation.network) return Fit::same;
  return settings.value(Setting::network).origin == Origin::fallback ? Fit::unset : Fit::different;
}

// An invitation without a secret says nothing about it: it may come by another way.
Outcome<Fit> fit_of_secret(const Settings& settings, const Invitation& invitation) {
  if (!invitation.shared_secret) return Fit::same;
  const std::string file = settings.text(Setting::gss);
  if (file.empty()) return Fit::unset;
  const auto held = load_shared_secret(file);
  if (!held) return tl::unexpected(explain_key_file(held.error(), file));
  return std::ranges::equal(held->view(), invitation.shared_secret->view()) ? Fit::same : Fit::different;
}

Failure is_elsewhere(const SettingValue& other) {
  return {ExitCode::exists, "this node is set up for another network, in '" + text::printable(other.place) +
                                "'. Nothing was changed. Run a second node for this one, with a configuration file of "
                                "its own: see --config."};
}

// Writes joined.toml, and the secret beside it, into the drop-in folder of the configuration file that is in force.
struct Wanting {
  bool network = false, secret = false, connect = false;
  bool any() const noexcept { return network || secret || connect; }
};
Outcome<fs::path> write_settings(const Globals& globals, const Invitation& invitation, Wanting wanting) {
  const auto [network, secret, connect] = wanting;
  const fs::path folder = writable_config_file(globals.flags).string() + ".d";
  const fs::path settings_file = folder / "joined.toml";
  const fs::path secret_file = folder / "joined.gss";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return failed(ExitCode::failure, "the folder '" + text::printable(folder.string()) +
                                         "' can not be made: " + error.message() + ". Mend that and try again.");
  }
  for (const fs::path& file : {settings_file, secret_file}) {
    if (!fs::exists(fs::symlink_status(file, error))) continue;
    return failed(ExitCode::exists, "'" + text::printable(file.string()) +
                                        "' is there from another invitation and is not replaced. Move it away first.");
  }
  std::string content = "# Made by 'qgate join'.\n";
  if (network) content += "network = " + to_text(Json(invitation.network)) + "\n";
  if (secret) content += "gss = \"joined.gss\"\n";
  if (connect) content += "connect = [" + to_text(Json(invitation.address.to_string())) + "]\n";
  if (secret) {
    const auto saved = save_shared_secret(secret_file.string(), *invitation.shared_secret);
    if (!saved) return tl::unexpected(explain_key_file(saved.error(), secret_file.string()));
  }
  if (const auto written = write_new(settings_file, content); !written) {
    if (secret) fs::remove(secret_file, error);
    return tl::unexpected(written.error());
  }
  return settings_file;
}

}  // namespace

Outcome<void> invite(const Globals& globals, const InviteOptions& options) {
  const auto answer =
      call_api(globals, "POST", "/v1/invitation", {{"at", options.places}, {"shared_secret", !options.no_secret}});
  if (!answer) return tl::unexpected(answer.error());
  if (globals.json) {
    std::printf("%s\n", to_text(*answer).c_str());
    return {};
  }
  std::printf("%s\n", text_member(*answer, "invitation").value_or("?").c_str());
  std::fflush(stdout);
  if (globals.quiet) return {};
  if (answer->value("shared_secret", false)) {
    std::fputs("qgate: the network's shared secret is in it: who reads it can join. Send it by a safe way.\n", stderr);
  }
  const auto address = Address::parse(text_member(*answer, "address").value_or(""));
  if (address && leads_here_only(*address)) {
    std::fputs(
        "qgate: it leads to programs on this machine only. Say with --at HOST:PORT where others reach this node.\n",
        stderr);
  }
  return {};
}

Outcome<void> join(const Globals& globals, const std::string& text) {
  const auto invitation = read_invitation(text);
  if (!invitation) return tl::unexpected(invitation.error());
  // It will stand in a file of settings, which holds nothing else.
  if (const auto problem = problem_with(row_of(Setting::network), std::vector{invitation->network})) {
    return failed(ExitCode::address, "the network's name in the invitation can not be used: " + *problem +
                                         ". Ask for an invitation to another network.");
  }
  const Settings& settings = globals.loaded.settings;
  const Fit network = fit_of_network(settings, *invitation);
  const auto secret = fit_of_secret(settings, *invitation);
  if (!secret) return tl::unexpected(secret.error());
  if (network == Fit::different) return tl::unexpected(is_elsewhere(settings.value(Setting::network)));
  if (*secret == Fit::different) return tl::unexpected(is_elsewhere(settings.value(Setting::gss)));

  // A list of peers that is there already is the user's, and stays as it is.
  const Wanting wanting{network == Fit::unset, *secret == Fit::unset, settings.list(Setting::connect).empty()};
  std::string file;
  if (wanting.any()) {
    const auto written = write_settings(globals, *invitation, wanting);
    if (!written) return tl::unexpected(written.error());
    file = written->string();
  }
  const std::string address = invitation->address.to_string();
  const bool stays = wanting.connect || std::ranges::find(settings.list(Setting::connect), address) !=
                                            settings.list(Setting::connect).end();
  if (globals.json) {
    const Json json{{"network", invitation->network},
                    {"shared_secret", invitation->shared_secret.has_value()},
                    {"address", address},
                    {"connect", stays},
                    {"written", file.empty() ? Json() : Json(file)}};
    std::printf("%s\n", to_text(json).c_str());
    return {};
  }
  if (!globals.quiet) {
    const std::string& name = invitation->network;
    if (file.empty()) {
      std::printf("This node is set up for the network '%s' already.\n", name.c_str());
    } else {
      std::printf("Set up for the network '%s' in %s.\n(Re)start the node with 'qgate node run'.\n", name.c_str(),
                  text::printable(file).c_str());
    }
    std::puts(stays ? "It stays connected with:" : "Connect with it by 'qgate peer connect', or add it to 'connect':");
  }
  std::printf("%s\n", address.c_str());
  return {};
}

}  // namespace quantumgate::qgate
