// SPDX-License-Identifier: MIT
// POST /v1/peers/connect {"address": "qg://..." or "qginvite:...", "time_limit_ms": 10000, "suite": name}
#include <algorithm>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/peer_json.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/peer_text.hpp"
#include "extenders/common/utf8.hpp"

namespace quantumgate::qgate::api {
namespace {

constexpr std::uint64_t kTimeLimitMsMin = 100;
constexpr std::uint64_t kTimeLimitMsMax = 5 * 60 * 1000;

Failure explain_dial(const Error& error, const Address& address, std::uint64_t time_limit_ms) {
  std::string at;
  for (const HostPort& place : address.hosts) {
    const bool v6 = place.host.find(':') != std::string::npos;
    at += (at.empty() ? "" : ", ") + (v6 ? "[" + place.host + "]" : place.host) + ":" + std::to_string(place.port);
  }
  switch (error.code) {
    case ErrorCode::no_answer:
    case ErrorCode::timed_out: {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%g", static_cast<double>(time_limit_ms) / 1000);
      return {ExitCode::no_answer,
              "no such node answered at " + at + " within " + seconds +
                  " s. Check that it runs there, that the address names its UUID, that both nodes use the same "
                  "network name and shared secret, and that the best suite of this node is enabled there: a node is "
                  "silent to everybody else."};
    }
    case ErrorCode::not_found:
      return {ExitCode::no_answer, "the host name in " + at + " is not known. Check its spelling and the network."};
    case ErrorCode::closed_by_peer:
      return {ExitCode::no_answer, "the node at " + at + " answered and closed the connection. See its log."};
    default:
      return explain(error);
  }
}

// Whom to dial. An invitation must be for the network that this node is in: nobody else would answer.
Outcome<Address> address_of(const Service& service, const std::string& text) {
  if (!is_invitation(text)) return parse_address(text);
  auto invitation = parse_invitation(text);
  if (!invitation) return tl::unexpected(invitation.error());
  constexpr const char* kRemedy = ". Set a node up for it with 'qgate join', and start that.";
  if (invitation->network != service.network) {
    return failed(ExitCode::address, "the invitation is for the network '" + text::printable(invitation->network) +
                                         "', this node is in '" + text::printable(service.network) + "'" + kRemedy);
  }
  if (const auto& secret = invitation->shared_secret; secret) {
    const auto& own = service.shared_secret;
    if (!own || !std::ranges::equal(secret->view(), (*own)->view())) {
      return failed(ExitCode::address, std::string("the invitation is for a network whose shared secret this node does "
                                                   "not have") +
                                           kRemedy);
    }
  }
  return std::move(invitation->address);
}

}  // namespace

void peers_connect(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  const auto text = body ? text_member(*body, "address") : std::nullopt;
  if (!text) return refuse(*exchange, {ExitCode::usage, "the request names no address. See docs/spec/control.md."});
  auto address = address_of(service, *text);
  if (!address) return refuse(*exchange, address.error());
  if (address->hosts.empty()) {
    return refuse(*exchange,
                  {ExitCode::address, "the address has no host. Write it as qg://<uuid>-<check>@host:port."});
  }
  const std::uint64_t limit = number_member(*body, "time_limit_ms").value_or(10'000);
  if (limit < kTimeLimitMsMin || limit > kTimeLimitMsMax) {
    return refuse(*exchange, {ExitCode::usage, "the time limit is out of range. Choose 0.1 to 300 seconds."});
  }
  ConnectOptions options;
  options.time_limit = std::chrono::milliseconds(limit);
  options.suite = text_member(*body, "suite");
  service.node->connect(
      *address, options, [exchange, address = *address, limit, suite = options.suite](Result<Peer> peer) {
        if (!peer && suite && peer.error().code == ErrorCode::invalid_argument) {
          return refuse(*exchange, {ExitCode::usage, "this node does not take part in the suite '" +
                                                         text::printable(*suite) + "'. See 'qgate config show'."});
        }
        if (!peer) return refuse(*exchange, explain_dial(peer.error(), address, limit));
        exchange->reply(200, to_text({{"peer", peer_json(*peer)}}));
      });
}

}  // namespace quantumgate::qgate::api
