// SPDX-License-Identifier: MIT
// The Noise Protocol Framework (revision 34) as a table-driven state machine, with the hybrid forward secrecy tokens
// e1 and ekem1 (a KEM beside the ephemeral Diffie-Hellman exchange). Patterns are data.
// Spec: docs/spec/02-handshake.md, section 3.   Layer: handshake (sans-I/O).
// Threads: one object, one thread.   Ownership: owns its keys and wipes them; borrows the RandomSource.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "crypto/aead.hpp"
#include "crypto/diffie_hellman.hpp"
#include "crypto/hash.hpp"
#include "crypto/ml_kem.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/result.h"
#include "quantumgate/secret.h"

namespace quantumgate::handshake {

enum class Token : std::uint8_t { e, s, ee, es, se, ss, psk, e1, ekem1 };

// A handshake pattern; all views point to static data. The first message is the initiator's; one-way patterns have one.
struct Pattern {
  std::string_view name;                        // as in the protocol name, e.g. "XXhfs+psk0"
  std::span<const Token> initiator_premessage;  // e and s only
  std::span<const Token> responder_premessage;
  std::span<const std::span<const Token>> messages;
};

// The product's patterns: that of the handshake, -> psk, e, e1   <- e, ee, ekem1, s, es   -> s, se
extern const Pattern kXXhfsPsk0;
// and that of key updates, -> psk, e, e1   <- e, ee, ekem1
extern const Pattern kNNhfsPsk0;

struct NoiseSuite {
  crypto::DhAlgorithm dh;
  std::optional<crypto::MlKemParameters> kem;  // for patterns with e1
  crypto::AeadAlgorithm aead;
  crypto::HashAlgorithm hash;
};

enum class NoiseRole : std::uint8_t { initiator, responder };

// What a side brings along. What the pattern does not use is ignored.
// Keys have the size of the suite's Diffie-Hellman function (CHECKed), those that are not there none.
struct NoiseKeys {
  std::optional<crypto::DhKeyPair> static_key;
  Bytes remote_static;           // from a pre-message
  Bytes remote_ephemeral;        // from a pre-message
  std::vector<Secret<32>> psks;  // one for each psk token, in order
};

// The two transport secrets of Split(), before any use: `sending` of one side equals `receiving` of the other.
struct NoiseSplit {
  Secret<32> sending;
  Secret<32> receiving;
};

class NoiseHandshake {
 public:
  // `protocol_name` e.g. "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256". Draws ephemeral keys from `random` when a
  // message needs them: a private key for e, 64 bytes for e1 (d ‖ z), 32 for ekem1 (m), in that order.
  // invalid_argument if a key that the pattern needs is missing.
  static Result<NoiseHandshake> create(const Pattern& pattern, std::string_view protocol_name, NoiseSuite suite,
                                       NoiseRole role, BytesView prologue, NoiseKeys keys, RandomSource& random);
  NoiseHandshake(NoiseHandshake&&) noexcept;
  NoiseHandshake& operator=(NoiseHandshake&&) noexcept;
  ~NoiseHandshake();

  // The next message, when it is our turn (CHECKed).
  Bytes write_message(BytesView payload);
  // Says whether an authentic message also keeps the rules of the protocol above; `remote_static` as it is known then,
  // empty if it is not.
  using Acceptance = std::function<bool(BytesView payload, const Bytes& remote_static)>;
  // Reads the peer's next message when it is its turn (CHECKed) and returns the payload. `malformed` or
  // `not_authentic` (also when `accept` says no): the state is as it was before, so a message that somebody else made
  // can not spoil a handshake.
  Result<Bytes> read_message(BytesView message, const Acceptance& accept = {});

  bool my_turn() const noexcept;
  bool finished() const noexcept;
  // Size of the next message, read or written, for a payload of `payload_size` bytes.
  std::size_t next_message_size(std::size_t payload_size) const noexcept;

  // After the last message. The handshake hash identifies the session (channel binding).
  Bytes handshake_hash() const;
  const Bytes& remote_static() const noexcept;  // empty: not known
  NoiseSplit split() const;

 private:
  struct State;
  explicit NoiseHandshake(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace quantumgate::handshake
