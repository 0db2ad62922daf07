// SPDX-License-Identifier: MIT
// POST /v1/privacy {"level": 1, "padding": "full", ..., "peer": UUID}
#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"
#include "apps/qgate/privacy_choice.hpp"

namespace quantumgate::qgate::api {

void privacy(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto json = parse_object(request.body);
  if (!json) return refuse(*exchange, {ExitCode::usage, "the request is no JSON object."});
  const auto choice = privacy_choice(*json);
  if (!choice) return refuse(*exchange, choice.error());
  const auto wanted = to_privacy(*choice);
  if (!wanted) return refuse(*exchange, wanted.error());
  std::optional<PeerUuid> peer;
  if (json->contains("peer")) {
    const auto uuid = PeerUuid::parse(text_member(*json, "peer").value_or(""));
    if (!uuid) return refuse(*exchange, {ExitCode::usage, "peer is not a UUID. See 'qgate peer list'."});
    peer = *uuid;
  }
  service.node->post([&service, exchange, peer, privacy = *wanted] {
    const auto set = peer ? service.node->set_privacy(*peer, privacy) : service.node->set_privacy(privacy);
    if (!set) {
      return refuse(*exchange,
                    {ExitCode::not_connected, "no session with " + peer->to_string() + ". See 'qgate peer list'."});
    }
    exchange->reply(200, to_text({{"privacy", privacy_json(privacy)}}));
  });
}

}  // namespace quantumgate::qgate::api
