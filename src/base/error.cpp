// SPDX-License-Identifier: MIT
#include "quantumgate/error.h"

#include "quantumgate/peer.h"

namespace quantumgate {

const char* describe(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid argument";
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::bad_check_group:
      return "check characters do not match";
    case ErrorCode::not_authentic:
      return "not authentic";
    case ErrorCode::wrong_pass_phrase:
      return "wrong pass phrase";
    case ErrorCode::too_open:
      return "readable by others";
    case ErrorCode::exists:
      return "exists already";
    case ErrorCode::not_found:
      return "not found";
    case ErrorCode::permission_denied:
      return "permission denied";
    case ErrorCode::address_in_use:
      return "address in use";
    case ErrorCode::no_space:
      return "no space left";
    case ErrorCode::would_block:
      return "queue full";
    case ErrorCode::limit:
      return "limit reached";
    case ErrorCode::timed_out:
      return "timed out";
    case ErrorCode::no_answer:
      return "no such node answered";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::closed_by_peer:
      return "closed by the peer";
    case ErrorCode::reset:
      return "broken off by the peer";
    case ErrorCode::unsupported:
      return "not supported";
    case ErrorCode::would_deadlock:
      return "would deadlock";
    case ErrorCode::integrity:
      return "digest differs";
    case ErrorCode::system:
      return "system error";
  }
  return "unknown error";
}

const char* describe(Transport transport) noexcept { return transport == Transport::tcp ? "tcp" : "udp"; }

const char* describe(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::normal:
      return "closed";
    case CloseReason::shutting_down:
      return "the node is shutting down";
    case CloseReason::duplicate:
      return "both nodes dialled; the other session stays";
    case CloseReason::replaced:
      return "replaced by a newer session";
    case CloseReason::protocol:
      return "the other side broke the protocol";
    case CloseReason::internal:
      return "a fault on the other side";
    case CloseReason::idle:
      return "no sign of life";
    case CloseReason::key_limit:
      return "the session's keys could not be replaced in time";
    case CloseReason::evicted:
      return "its place was needed for a peer from elsewhere";
  }
  return "unknown reason";
}

}  // namespace quantumgate
