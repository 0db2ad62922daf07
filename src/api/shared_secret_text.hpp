// SPDX-License-Identifier: MIT
// The text form of a shared secret: 64 hexadecimal digits and a line feed.
// Spec: docs/spec/01-identity.md, section 3.   Layer: api.   Threads: any.   Not constant time: it never runs for a
// peer.
#pragma once

#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "quantumgate/shared_secret.h"

namespace quantumgate::api {

inline constexpr std::size_t kSharedSecretTextSize = 65;

Secret<kSharedSecretTextSize> encode_shared_secret(const SharedSecret& secret);  // lower case
Result<SharedSecret> decode_shared_secret(BytesView text);                       // either case; malformed

}  // namespace quantumgate::api
