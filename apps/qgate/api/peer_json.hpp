// SPDX-License-Identifier: MIT
// How a peer looks in JSON.
#pragma once

#include "apps/qgate/json.hpp"
#include "quantumgate/peer.h"

namespace quantumgate::qgate::api {

Json peer_json(const Peer& peer);

}  // namespace quantumgate::qgate::api
