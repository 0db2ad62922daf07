// SPDX-License-Identifier: MIT
#include "tests/vectors/noise_vector.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "crypto/test_hex.hpp"

namespace quantumgate::vectors {
namespace {

using crypto::from_hex;
using handshake::NoiseHandshake;
using handshake::NoiseRole;
using nlohmann::json;

Bytes optional_bytes(const json& object, const std::string& field) {
  return object.contains(field) ? from_hex(object.at(field).get<std::string>()) : Bytes();
}
Bytes bytes(const json& object, const std::string& field) { return from_hex(object.at(field).get<std::string>()); }

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <std::size_t N>
std::span<const std::byte, N> fixed(const Bytes& b) {
  if (b.size() != N) throw std::runtime_error("a key of the wrong size");
  return std::span<const std::byte, N>(b.data(), N);
}

Side cacophony_side(const json& vector, const std::string& prefix, const std::string& kem_field) {
  Side side;
  side.prologue = optional_bytes(vector, prefix + "prologue");
  if (vector.contains(prefix + "psks")) {
    for (const json& psk : vector.at(prefix + "psks")) side.psks.push_back(from_hex(psk.get<std::string>()));
  }
  side.static_key = optional_bytes(vector, prefix + "static");
  side.remote_static = optional_bytes(vector, prefix + "remote_static");
  side.random = joined(optional_bytes(vector, prefix + "ephemeral"), optional_bytes(vector, kem_field));
  return side;
}

handshake::NoiseKeys keys_of(crypto::DhAlgorithm dh, const Side& side) {
  for (const Bytes& key : {side.static_key, side.remote_static}) {
    if (!key.empty() && key.size() != crypto::dh_size(dh)) throw std::runtime_error("a key of the wrong size");
  }
  handshake::NoiseKeys keys;
  if (!side.static_key.empty()) keys.static_key = crypto::DhKeyPair::of(dh, SecretBytes(side.static_key));
  keys.remote_static = side.remote_static;
  for (const Bytes& psk : side.psks) keys.psks.emplace_back(fixed<32>(psk));
  return keys;
}

NoiseHandshake start(const Protocol& protocol, NoiseRole role, const Side& side, RandomSource& random) {
  auto created = NoiseHandshake::create(protocol.pattern.view(), protocol.name, protocol.suite, role, side.prologue,
                                        keys_of(protocol.suite.dh, side), random);
  if (!created) throw std::runtime_error("the handshake could not be started");
  return std::move(*created);
}

}  // namespace

NoiseVector from_cacophony(const json& vector, Protocol protocol) {
  NoiseVector v{std::move(protocol),
                cacophony_side(vector, "init_", "init_kem_seed"),
                cacophony_side(vector, "resp_", "resp_kem_m"),
                {},
                {},
                {},
                {}};
  for (const json& message : vector.at("messages")) {
    v.messages.push_back({bytes(message, "payload"), bytes(message, "ciphertext"), std::nullopt});
  }
  if (vector.contains("handshake_hash")) v.handshake_hash = bytes(vector, "handshake_hash");
  return v;
}

NoiseVector from_hybrid_proposal(const json& vector, Protocol protocol) {
  NoiseVector v{std::move(protocol), {}, {}, {}, {}, {}, {}};
  v.initiator.prologue = v.responder.prologue = bytes(vector, "prologue");
  v.initiator.static_key = bytes(vector, "static_i_private");
  v.responder.static_key = bytes(vector, "static_r_private");
  v.initiator.random = joined(bytes(vector, "ephemeral_dh_i_private"), bytes(vector, "kem_keygen_seed_d_z"));
  v.responder.random = joined(bytes(vector, "ephemeral_dh_r_private"), bytes(vector, "kem_encap_seed_m"));
  const json& payloads = vector.at("payloads");
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    Message message{from_hex(payloads[i].get<std::string>()), std::nullopt, std::nullopt};
    message.size = vector.at("message_bytes").at(i).get<std::size_t>();
    const std::string field = "message_" + std::to_string(i + 1);
    if (vector.contains(field)) message.ciphertext = bytes(vector, field);
    v.messages.push_back(std::move(message));
  }
  v.handshake_hash = bytes(vector, "handshake_hash");
  v.key_to_responder = bytes(vector, "transport_key_initiator_to_responder");
  v.key_to_initiator = bytes(vector, "transport_key_responder_to_initiator");
  return v;
}

void ScriptedRandom::fill(MutableBytesView out) {
  if (out.size() > bytes_.size() - at_)
    throw std::runtime_error("the handshake drew more random bytes than the vector has");
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
  at_ += out.size();
}

Run::Run(const NoiseVector& vector, const Side& initiator, const Side& responder)
    : vector_(&vector),
      initiator_random_(std::make_unique<ScriptedRandom>(initiator.random)),
      responder_random_(std::make_unique<ScriptedRandom>(responder.random)),
      initiator_(start(vector.protocol, NoiseRole::initiator, initiator, *initiator_random_)),
      responder_(start(vector.protocol, NoiseRole::responder, responder, *responder_random_)) {}

std::optional<Bytes> Run::deliver(BytesView message) {
  auto payload = reader().read_message(message);
  if (!payload) return std::nullopt;
  ++next_;
  return std::move(*payload);
}

bool Run::advance(std::size_t index) {
  while (next_ < index) {
    if (!deliver(write())) return false;
  }
  return true;
}

}  // namespace quantumgate::vectors
