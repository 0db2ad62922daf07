// SPDX-License-Identifier: MIT
// Small requests inside a session, sent again until answered: for what must work without streams.
// Spec: docs/spec/03-session.md, section 3.   Layer: session (sans-I/O).
// Threads: one object, one thread.   Memory: at most 16 requests and 16 answers of 262 bytes.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "session/constants.hpp"

namespace quantumgate::session {

class ControlChannel {
 public:
  explicit ControlChannel(std::uint32_t first_id) : next_id_(first_id) {}

  // Opens a request; its id. `limit` when 16 are open. `body`: at most 256 bytes (CHECKed).
  Result<std::uint32_t> request(TimePoint now, std::uint8_t method, BytesView body);
  // Answers the peer's request `id`. With 16 answers not yet sent it is dropped; the peer asks again.
  void answer(std::uint32_t id, std::uint8_t method, BytesView body);

  struct Received {
    bool is_request;
    std::uint32_t id;
    std::uint8_t method;
    BytesView body;  // borrowed from the frame
  };
  // Reads the body of a CONTROL frame. Nothing for an answer to no open request; `malformed` as it says.
  Result<std::optional<Received>> receive(BytesView frame_body);
  // The oldest request that nobody answered in all its tries; call until empty.
  struct Failed {
    std::uint32_t id;
    std::uint8_t method;
  };
  std::optional<Failed> poll_failed();

  // Body of the next CONTROL frame to send, empty if there is none. Call until empty.
  Bytes poll_transmit(TimePoint now);
  std::optional<TimePoint> deadline() const;
  void on_deadline(TimePoint now);
  std::size_t open_requests() const noexcept { return open_.size(); }

 private:
  struct Request {
    std::uint8_t method;
    Bytes frame;
    std::size_t tries = 0;
    TimePoint next;
    bool due = true;
  };
  std::map<std::uint32_t, Request> open_;  // at most kRequestsOpenMax
  std::deque<Bytes> answers_;              // likewise
  std::deque<Failed> failed_;              // at most as many as were open
  std::uint32_t next_id_;
};

}  // namespace quantumgate::session
