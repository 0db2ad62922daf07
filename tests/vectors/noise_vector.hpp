// SPDX-License-Identifier: MIT
// One Noise vector, from whichever of the two layouts it was read, and both sides of the handshake it describes.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "handshake/noise.hpp"
#include "quantumgate/bytes.h"
#include "tests/vectors/patterns.hpp"

namespace quantumgate::vectors {

// What one side brings along. Keys are empty when the vector has none.
struct Side {
  Bytes prologue;
  std::vector<Bytes> psks;
  Bytes static_key;
  Bytes remote_static;
  Bytes random;  // what the side draws: ephemeral key, then d ‖ z or m
};

struct Message {
  Bytes payload;
  std::optional<Bytes> ciphertext;  // absent: only its size, or nothing, is known
  std::optional<std::size_t> size;
};

struct NoiseVector {
  Protocol protocol;
  Side initiator, responder;
  std::vector<Message> messages;  // of the handshake, then of the transport
  std::optional<Bytes> handshake_hash;
  std::optional<Bytes> key_to_responder, key_to_initiator;
};

// The layout of cacophony: init_prologue, init_psks, init_ephemeral, init_static, init_remote_static, the same with
// resp_, messages (payload, ciphertext), handshake_hash; and for hybrid patterns init_kem_seed (d ‖ z) and resp_kem_m.
NoiseVector from_cacophony(const nlohmann::json& vector, Protocol protocol);
// The layout of the hybrid proposal: static_i_private, ephemeral_dh_i_private, kem_keygen_seed_d_z, message_bytes, …
NoiseVector from_hybrid_proposal(const nlohmann::json& vector, Protocol protocol);

// Gives out prepared bytes; `used_up()` only if just those were asked for.
class ScriptedRandom final : public RandomSource {
 public:
  explicit ScriptedRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(MutableBytesView out) override;  // throws std::runtime_error at its end
  bool used_up() const { return at_ == bytes_.size(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

// Both sides of one run, which may differ from the vector. `vector` must outlive it.
class Run {
 public:
  Run(const NoiseVector& vector, const Side& initiator, const Side& responder);
  explicit Run(const NoiseVector& vector) : Run(vector, vector.initiator, vector.responder) {}

  handshake::NoiseHandshake& writer() { return next_ % 2 == 0 ? *initiator_ : *responder_; }
  handshake::NoiseHandshake& reader() { return next_ % 2 == 0 ? *responder_ : *initiator_; }
  // Writes the next handshake message.
  Bytes write() { return writer().write_message(vector_->messages.at(next_).payload); }
  // Lets the other side read it and gives its payload; the next message is then due. Nothing if it was refused.
  std::optional<Bytes> deliver(BytesView message);
  // Exchanges messages up to, not including, `index`. False if one of them is refused.
  bool advance(std::size_t index);
  // Exchanges whatever is left.
  bool complete() { return advance(vector_->protocol.pattern.messages().size()); }

  bool finished() const { return next_ == vector_->protocol.pattern.messages().size(); }
  std::size_t next() const { return next_; }
  handshake::NoiseHandshake& initiator() { return *initiator_; }
  handshake::NoiseHandshake& responder() { return *responder_; }
  bool random_used_up() const { return initiator_random_->used_up() && responder_random_->used_up(); }

 private:
  const NoiseVector* vector_;
  std::unique_ptr<ScriptedRandom> initiator_random_, responder_random_;
  std::optional<handshake::NoiseHandshake> initiator_, responder_;
  std::size_t next_ = 0;
};

}  // namespace quantumgate::vectors
