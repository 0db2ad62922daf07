// SPDX-License-Identifier: MIT
// qgate doctor: looks for what keeps a node from working. Changes nothing; asks nobody but this machine and its node.
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <optional>
#include <vector>

#include "apps/qgate/client.hpp"
#include "apps/qgate/commands.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/common/utf8.hpp"
#include "extenders/files/descriptor.hpp"
#include "quantumgate/endpoint.h"
#include "quantumgate/identity.h"
#include "quantumgate/secret.h"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate {
namespace {

enum class Verdict { ok, warning, problem };
constexpr const char* kVerdicts[] = {"ok", "warning", "problem"};

struct Finding {
  const char* area;
  Verdict verdict;
  std::string says;
  std::string mend;  // empty if there is nothing to do
};

// What a socket of the node asks the system for, in each direction (src/platform/udp_socket.cpp).
constexpr int kSocketBufferBytes = 4 * 1024 * 1024;
constexpr auto kClockSkewMax = std::chrono::seconds(120);  // docs/spec/02-handshake.md

// A failure's message is "<what>. <how to mend it>."
Finding from_failure(const char* area, Verdict verdict, const Failure& failure) {
  const auto end = failure.message.find(". ");
  if (end == std::string::npos) return {area, verdict, failure.message, ""};
  return {area, verdict, failure.message.substr(0, end + 1), failure.message.substr(end + 2)};
}

std::vector<Finding> look_at_settings(const Globals& globals) {
  std::vector<Finding> findings;
  for (const Problem& problem : globals.loaded.problems) {
    findings.push_back({"settings", Verdict::problem, problem.place + ": " + problem.message, "Mend the line."});
  }
  for (const Problem& problem : unknown_variables()) {
    findings.push_back({"settings", Verdict::warning, problem.place + ": " + problem.message, ""});
  }
  if (!findings.empty()) return findings;
  std::string read;
  for (const ReadFile& file : globals.loaded.files) {
    if (file.exists) read += (read.empty() ? "" : ", ") + text::printable(file.path.string());
  }
  return {
      {"settings", Verdict::ok, read.empty() ? "no configuration file, all defaults." : read + " can be read.", ""}};
}

Finding look_at_key(const Globals& globals) {
  const std::string file = globals.text(Setting::key);
  const auto sealed = Identity::needs_pass_phrase(file);
  if (!sealed) return from_failure("key", Verdict::problem, explain_key_file(sealed.error(), file));
  return {"key", Verdict::ok,
          text::printable(file) + (*sealed ? " is yours alone and has a pass phrase."
                                           : " is yours alone and has no pass phrase: only its mode protects it."),
          ""};
}

std::optional<Finding> look_at_pass_phrase_file(const Globals& globals) {
  const std::string file = globals.text(Setting::pass_phrase_file);
  struct stat info {};
  if (file.empty()) return std::nullopt;
  const std::string name = text::printable(file);
  if (::stat(file.c_str(), &info) != 0) {
    return Finding{"pass phrase", Verdict::problem, name + ": " + std::strerror(errno) + ".", "Check the path."};
  }
  if ((info.st_mode & 0077) == 0) return Finding{"pass phrase", Verdict::ok, name + " is yours alone.", ""};
  return Finding{"pass phrase", Verdict::warning, name + " can be read by others.", "Run: chmod 600 " + name};
}

std::optional<Finding> look_at_secret(const Globals& globals) {
  const std::string file = globals.text(Setting::gss);
  if (file.empty()) return std::nullopt;
  const auto secret = load_shared_secret(file);
  if (!secret) return from_failure("secret", Verdict::problem, explain_key_file(secret.error(), file));
  return Finding{"secret", Verdict::ok, text::printable(file) + " is yours alone and whole.", ""};
}

std::optional<Finding> look_at_receive(const Globals& globals) {
  const std::string folder = globals.text(Setting::receive);
  if (folder.empty()) return std::nullopt;
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(folder, error);
  const std::string name = text::printable(folder);
  if (is_folder && ::access(folder.c_str(), W_OK | X_OK) == 0) {
    return Finding{"receive", Verdict::ok, name + " can take files.", ""};
  }
  return Finding{"receive", Verdict::problem, name + (is_folder ? " may not be written to." : " is no folder."),
                 is_folder ? "Change its owner or mode." : "Make it first."};
}

Finding look_at_control(const Globals& globals, const Outcome<Json>& status) {
  if (!status) return from_failure("node", Verdict::warning, status.error());
  const auto uptime = std::chrono::seconds(number_member(*status, "uptime_s").value_or(0));
  return {"node", Verdict::ok,
          "a node answers on " + text::printable(globals.text(Setting::control)) + ", running for " +
              human_duration(uptime) + ".",
          ""};
}

std::string bind_error(const Endpoint& endpoint) {
  const bool v4 = endpoint.is_v4();
  const files::Descriptor descriptor(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (v4) {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.ip.data() + 12, 4);
    length = sizeof address;
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, endpoint.ip.data(), 16);
    length = sizeof address;
    const int on = 1;
    (void)::setsockopt(descriptor.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (descriptor.get() >= 0 && ::bind(descriptor.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0) return "";
  return std::strerror(errno);
}

std::vector<Finding> look_at_ports(const Globals& globals, bool node_answers) {
  const auto& listen = globals.loaded.settings.list(Setting::listen);
  if (listen.empty()) {
    return {{"listen", Verdict::warning, "no address to listen on is set.",
             "Say --listen when the node starts, or set 'listen' in a configuration file."}};
  }
  // The running node has them, if it was started with these settings: trying would only show that.
  if (node_answers) return {{"listen", Verdict::ok, "not tried: the node that answers has its ports.", ""}};
  std::vector<Finding> findings;
  for (const std::string& text : listen) {
    const std::string error = bind_error(*Endpoint::parse(text));
    findings.push_back(error.empty() ? Finding{"listen", Verdict::ok, text + " is free.", ""}
                                     : Finding{"listen", Verdict::problem, text + ": " + error + ".",
                                               "Choose another port or address, or stop the program that has it."});
  }
  return findings;
}

Finding look_at_clock(const Outcome<Json>& status) {
  const std::string rule = "A node ignores whoever is off by more than " + std::to_string(kClockSkewMax.count()) + " s";
  // No clock is older than the program that asks.
  struct stat program {};
  if (::stat("/proc/self/exe", &program) == 0 && ::time(nullptr) + kClockSkewMax.count() < program.st_mtime) {
    return {"clock", Verdict::problem, "the clock is behind the day this program was made. " + rule + ".",
            "Set it: timedatectl set-ntp true"};
  }
  const std::uint64_t refused =
      status ? number_member(status->value("counters", Json::object()), "dropped_clock").value_or(0) : 0;
  if (refused != 0) {
    return {"clock", Verdict::warning,
            std::to_string(refused) + " datagrams came with a time far from this clock's; one of the two is wrong.",
            "Compare: timedatectl, here and there"};
  }
  timex kernel{};
  if (::adjtimex(&kernel) == TIME_ERROR || (kernel.status & STA_UNSYNC) != 0) {
    return {"clock", Verdict::warning, "nothing tells the kernel that the clock is right. " + rule + ".",
            "timedatectl set-ntp true, unless something else keeps the clock"};
  }
  return {"clock", Verdict::ok, "the kernel holds it for synchronised.", ""};
}

Finding look_at_entropy() {
  std::byte sample[16];
  if (::getrandom(sample, sizeof sample, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof sample)) {
    return {"random", Verdict::ok, "the system's random source is ready.", ""};
  }
  return {"random", Verdict::problem,
          std::string("the system's random source gives nothing: ") + std::strerror(errno) + ".",
          "Wait, or install rng-tools or haveged"};
}

Finding look_at_key_memory(const Outcome<Json>& status) {
  // The node's own account; without a node, how this process fares.
  const SecretBytes probe(1);
  std::uint64_t swappable = secret_memory().unlocked_bytes;
  std::uint64_t outside = 0;
  if (status) {
    const Json memory = status->value("key_memory", Json::object());
    swappable = number_member(memory, "unlocked_bytes").value_or(0);
    outside = number_member(memory, "outside_bytes").value_or(0);
  }
  if (swappable == 0 && outside == 0) {
    return {"key memory", Verdict::ok, "the memory for keys is locked: it is not written to swap.", ""};
  }
  if (outside != 0) {
    return {"key memory", Verdict::warning,
            human_bytes(outside) + " of keys lie in ordinary memory, because there are so many.",
            "Lower sessions_max, or use an encrypted swap"};
  }
  rlimit limit{};
  (void)::getrlimit(RLIMIT_MEMLOCK, &limit);
  return {
      "key memory", Verdict::warning,
      std::string("the system refuses to keep ") + (status ? "some of the node's keys" : "keys") +
          " out of swap: this user may lock " + human_bytes(limit.rlim_cur) + ".",
      "Raise it: LimitMEMLOCK=64M in the unit, or 'memlock' in /etc/security/limits.conf; or use an encrypted swap"};
}

Finding look_at_buffer(const char* area, int force, int option, const char* setting) {
  const files::Descriptor descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int wanted = kSocketBufferBytes;
  if (::setsockopt(descriptor.get(), SOL_SOCKET, force, &wanted, sizeof wanted) != 0) {
    (void)::setsockopt(descriptor.get(), SOL_SOCKET, option, &wanted, sizeof wanted);
  }
  int got = 0;
  socklen_t length = sizeof got;
  if (::getsockopt(descriptor.get(), SOL_SOCKET, option, &got, &length) != 0) {
    return {area, Verdict::problem, std::string("no UDP socket: ") + std::strerror(errno) + ".", ""};
  }
  got /= 2;  // Linux counts its own overhead in
  const std::string size = human_bytes(static_cast<std::uint64_t>(got));
  if (got >= wanted) return {area, Verdict::ok, "a UDP socket of this user gets " + size + ".", ""};
  return {area, Verdict::warning,
          "a UDP socket of this user gets " + size + " of " + human_bytes(static_cast<std::uint64_t>(wanted)) +
              ": bursts may be lost.",
          std::string("sysctl -w ") + setting + "=" + std::to_string(wanted)};
}

std::vector<Finding> look_at_everything(const Globals& globals) {
  const Outcome<Json> status = ask_node(globals, "/v1/status");
  std::vector<Finding> findings = look_at_settings(globals);
  findings.push_back(look_at_key(globals));
  for (const auto& finding : {look_at_pass_phrase_file(globals), look_at_secret(globals), look_at_receive(globals)}) {
    if (finding) findings.push_back(*finding);
  }
  findings.push_back(look_at_control(globals, status));
  std::ranges::move(look_at_ports(globals, status.has_value()), std::back_inserter(findings));
  findings.push_back(look_at_clock(status));
  findings.push_back(look_at_entropy());
  findings.push_back(look_at_key_memory(status));
  findings.push_back(look_at_buffer("receiving", SO_RCVBUFFORCE, SO_RCVBUF, "net.core.rmem_max"));
  findings.push_back(look_at_buffer("sending", SO_SNDBUFFORCE, SO_SNDBUF, "net.core.wmem_max"));
  return findings;
}

}  // namespace

Outcome<void> doctor(const Globals& globals) {
  const std::vector<Finding> findings = look_at_everything(globals);
  Json list = Json::array();
  std::size_t problems = 0;
  constexpr std::size_t kIndent = 9 + 13;  // the columns of verdict and area
  const std::size_t width = std::max<std::size_t>(terminal_size(STDOUT_FILENO).columns, 60);
  for (const Finding& finding : findings) {
    const char* verdict = kVerdicts[static_cast<std::size_t>(finding.verdict)];
    if (finding.verdict == Verdict::problem) ++problems;
    list.push_back({{"area", finding.area}, {"verdict", verdict}, {"says", finding.says}, {"mend", finding.mend}});
    if (globals.json || (globals.quiet && finding.verdict == Verdict::ok)) continue;
    std::printf("%-9s%-13s%s\n", verdict, finding.area, wrapped(finding.says, width - kIndent, kIndent).c_str());
    if (!finding.mend.empty()) {
      std::printf("%*s%s\n", static_cast<int>(kIndent), "",
                  wrapped("-> " + finding.mend, width - kIndent, kIndent).c_str());
    }
  }
  if (globals.json) std::printf("%s\n", to_text({{"findings", list}, {"problems", problems}}).c_str());
  if (problems == 0) return {};
  return failed(ExitCode::failure, std::to_string(problems) + (problems == 1 ? " problem keeps" : " problems keep") +
                                       " a node from working. What to do is said above.");
}

}  // namespace quantumgate::qgate
