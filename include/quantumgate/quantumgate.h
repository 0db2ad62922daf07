// SPDX-License-Identifier: MIT
/// \file
/// The whole public library in one include, but for sim.h and quantumgate_c.h.
#pragma once

#include "quantumgate/address.h"
#include "quantumgate/blocking.h"
#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/error.h"
#include "quantumgate/export.h"
#include "quantumgate/extender.h"
#include "quantumgate/identity.h"
#include "quantumgate/invitation.h"
#include "quantumgate/log.h"
#include "quantumgate/message.h"
#include "quantumgate/metrics.h"
#include "quantumgate/node.h"
#include "quantumgate/peer.h"
#include "quantumgate/privacy.h"
#include "quantumgate/result.h"
#include "quantumgate/sealed_log.h"
#include "quantumgate/secret.h"
#include "quantumgate/send_options.h"
#include "quantumgate/shared_secret.h"
#include "quantumgate/stream.h"
#include "quantumgate/uuid.h"

/// The library. Everything in it is documented in the header that declares it.
namespace quantumgate {}
