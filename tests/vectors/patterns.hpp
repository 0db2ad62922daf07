// SPDX-License-Identifier: MIT
// Every pattern of the Noise specification as data, and protocol names taken apart. The product has only its own
// pattern; these show that the state machine follows the specification.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "handshake/noise.hpp"

namespace quantumgate::vectors {

// A pattern that owns its tokens. view() borrows them.
class OwnedPattern {
 public:
  // The pattern of that name with the modifiers hfs and psk0 to psk9 applied, e.g. "XXhfs+psk0" or "IKpsk2". Nothing if
  // the name is unknown.
  static std::optional<OwnedPattern> named(std::string_view name);

  handshake::Pattern view() const;
  bool one_way() const { return messages_.size() == 1; }
  const std::vector<std::vector<handshake::Token>>& messages() const { return messages_; }
  bool has(handshake::Token token) const;

 private:
  std::string name_;
  std::vector<handshake::Token> initiator_premessage_, responder_premessage_;
  std::vector<std::vector<handshake::Token>> messages_;
  mutable std::vector<std::span<const handshake::Token>> views_;
};

struct Protocol {
  std::string name;  // the whole, e.g. "Noise_XX_25519_AESGCM_SHA256"
  OwnedPattern pattern;
  handshake::NoiseSuite suite;
};

struct ProtocolOrReason {
  std::optional<Protocol> protocol;
  std::string reason;      // why not
  bool malformed = false;  // it is not a protocol name at all, rather than one that is not in the code
};
ProtocolOrReason parse_protocol(const std::string& name);

// Where a message's parts lie, computed from the tokens alone. `token` is absent for the payload, which is last.
struct Field {
  std::optional<handshake::Token> token;
  std::size_t offset;
  std::size_t size;
  bool sealed;  // encrypted, with a tag at its end
};
// The fields of message `index`, whose payload has `payload_size` bytes.
std::vector<Field> layout(const Protocol& protocol, std::size_t index, std::size_t payload_size);

}  // namespace quantumgate::vectors
