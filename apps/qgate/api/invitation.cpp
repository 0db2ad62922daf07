// SPDX-License-Identifier: MIT
// POST /v1/invitation {"at": ["host:port"], "shared_secret": true}
#include <algorithm>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"
#include "extenders/common/utf8.hpp"
#include "quantumgate/invitation.h"

namespace quantumgate::qgate::api {
namespace {

// The address of the node as its user says it is reached.
Outcome<Address> address_at(const PeerUuid& uuid, const Json& places) {
  std::string text = Address{uuid, {}}.to_string();
  for (const Json& place : places) {
    const std::string shown = place.is_string() ? place.get<std::string>() : std::string();
    text += (text.find('@') == std::string::npos ? "@" : ",") + shown;
    const auto alone = Address::parse(Address{uuid, {}}.to_string() + "@" + shown);
    if (!alone || alone->hosts.size() != 1) {
      return failed(ExitCode::usage, "'" + text::shortened(text::printable(shown), 60) +
                                         "' is no place. Write it as example.org:5000, 192.0.2.1:5000 or [::1]:5000.");
    }
  }
  auto address = Address::parse(text);
  if (!address) return failed(ExitCode::usage, "an invitation names at most 8 places. Leave some out.");
  return std::move(*address);
}

}  // namespace

void invitation(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  if (!body) return refuse(*exchange, {ExitCode::usage, "the request is no JSON object. See docs/spec/control.md."});
  const Json places = body->value("at", Json::array());
  const auto wanted = body->find("shared_secret");
  if (!places.is_array() || (wanted != body->end() && !wanted->is_boolean())) {
    return refuse(*exchange, {ExitCode::usage, "the request is not understood. See docs/spec/control.md."});
  }
  Invitation made;
  made.network = service.network;
  if (places.empty()) {
    made.address = service.node->address();
  } else {
    auto address = address_at(service.node->uuid(), places);
    if (!address) return refuse(*exchange, address.error());
    made.address = std::move(*address);
  }
  if (service.shared_secret && (wanted == body->end() || wanted->get<bool>())) {
    made.shared_secret = (*service.shared_secret)->clone();
  }
  exchange->reply(200, to_text({{"invitation", made.to_string()},
                                {"address", made.address.to_string()},
                                {"network", made.network},
                                {"shared_secret", made.shared_secret.has_value()}}));
}

}  // namespace quantumgate::qgate::api
