// SPDX-License-Identifier: MIT
// The whole public library in one include.
#pragma once

#include "quantumgate/address.h"
#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/error.h"
#include "quantumgate/export.h"
#include "quantumgate/extender.h"
#include "quantumgate/identity.h"
#include "quantumgate/log.h"
#include "quantumgate/node.h"
#include "quantumgate/peer.h"
#include "quantumgate/result.h"
#include "quantumgate/secret.h"
#include "quantumgate/shared_secret.h"
#include "quantumgate/stream.h"
#include "quantumgate/uuid.h"
