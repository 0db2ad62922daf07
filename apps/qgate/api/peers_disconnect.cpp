// SPDX-License-Identifier: MIT
// DELETE /v1/peers/<uuid>
#include <string_view>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"

namespace quantumgate::qgate::api {

void peers_disconnect(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto uuid = PeerUuid::parse(std::string_view(request.path).substr(std::string_view("/v1/peers/").size()));
  if (!uuid) return refuse(*exchange, {ExitCode::usage, "that is not a UUID. See 'qgate peer list'."});
  service.node->post([&service, exchange, uuid = *uuid] {
    if (!service.node->disconnect(uuid)) {
      return refuse(*exchange,
                    {ExitCode::not_connected, "no session with " + uuid.to_string() + ". See 'qgate peer list'."});
    }
    exchange->reply(200, to_text({{"disconnected", uuid.to_string()}}));
  });
}

}  // namespace quantumgate::qgate::api
