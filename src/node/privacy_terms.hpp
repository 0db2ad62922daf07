// SPDX-License-Identifier: MIT
// What the two ends of a session do for its privacy: each asks the other to shape its packets no less than it does
// itself, since a tap sees both directions.
// Spec: docs/spec/03-session.md, section 10.   Layer: node.   Threads: one object, one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "quantumgate/bytes.h"
#include "quantumgate/privacy.h"

namespace quantumgate::node {

class PrivacyTerms {
 public:
  // Whether it asks for anything that the packets of a session show.
  static bool shapes(const Privacy& privacy);

  explicit PrivacyTerms(const Privacy& own) { set_own(own); }

  // Asks the peer anew if that is another shape.
  void set_own(const Privacy& own);
  // What the peer asked for. Nothing takes it back.
  void set_asked(std::optional<Privacy> asked) { asked_ = asked; }

  // What to do: of all, the stronger of what we want and what the peer asked for.
  Privacy effective() const;

  // Whether the peer has agreed to what we want, if we want anything.
  bool peer_follows() const { return follows_ || !shapes(own_); }
  // The request to the peer, while it is due.
  bool request_due() const noexcept { return due_; }
  Bytes request() const;
  void requested(std::uint32_t id);
  // Whether it is the answer to ours. `answer` is nothing when none came.
  bool on_answer(std::uint32_t id, std::optional<BytesView> answer);

 private:
  Privacy own_;
  std::optional<Privacy> asked_;
  std::optional<Privacy> told_;      // what we asked for last
  std::optional<std::uint32_t> id_;  // of that request, while it is unanswered
  bool due_ = false;
  bool follows_ = false;
};

// What a request asks for; nothing if it makes no sense.
std::optional<Privacy> read_privacy_request(BytesView body);

}  // namespace quantumgate::node
