// SPDX-License-Identifier: MIT
#include "tests/vectors/noise_vectors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "crypto/aead.hpp"
#include "tests/vectors/noise_damage.hpp"
#include "tests/vectors/noise_vector.hpp"

namespace quantumgate::vectors {
namespace {

using handshake::NoiseSplit;

// Nothing, or what is wrong.
using Complaint = std::string;

// A transport cipher (Noise specification, sections 5.1 and 12), one direction.
class Transport {
 public:
  Transport(crypto::AeadAlgorithm algorithm, const Secret<32>& key)
      : algorithm_(algorithm), key_(algorithm, key.view()) {}

  Bytes seal(BytesView payload) {
    Bytes out(payload.size() + crypto::kAeadTagSize);
    key_.seal(nonce(), {}, payload, out);
    ++counter_;
    return out;
  }
  std::optional<Bytes> open(BytesView sealed) {
    if (sealed.size() < crypto::kAeadTagSize) return std::nullopt;
    Bytes out(sealed.size() - crypto::kAeadTagSize);
    if (!key_.open(nonce(), {}, sealed, out)) return std::nullopt;
    ++counter_;
    return out;
  }

 private:
  std::array<std::byte, 12> nonce() const {
    std::array<std::byte, 12> n{};
    for (unsigned i = 0; i < 8; ++i) {
      n[algorithm_ == crypto::AeadAlgorithm::aes_256_gcm ? 11 - i : 4 + i] =
          static_cast<std::byte>(counter_ >> (8 * i));
    }
    return n;
  }
  crypto::AeadAlgorithm algorithm_;
  crypto::AeadKey key_;
  std::uint64_t counter_ = 0;
};

bool same(const Secret<32>& a, BytesView b) { return std::ranges::equal(a.view(), b); }

Complaint check_handshake(const NoiseVector& v, Run& run) {
  while (!run.finished()) {
    const std::size_t i = run.next();
    const std::string which = "message " + std::to_string(i + 1);
    const Message& expected = v.messages.at(i);
    const std::size_t size = run.writer().next_message_size(expected.payload.size());
    if (run.reader().next_message_size(expected.payload.size()) != size)
      return which + ": the sides expect other sizes";
    const Bytes message = run.write();
    if (message.size() != size) return which + " has not the announced size";
    if (expected.size && message.size() != *expected.size) return which + " has another size";
    if (expected.ciphertext && message != *expected.ciphertext) return which + " differs";
    const Field last = layout(v.protocol, i, expected.payload.size()).back();
    if (last.offset + last.size != size) return which + ": the pattern's layout says another size";
    const auto payload = run.deliver(message);
    if (!payload) return which + " is refused";
    if (*payload != expected.payload) return which + ": another payload arrives";
  }
  return {};
}

Complaint check_end(const NoiseVector& v, Run& run) {
  if (!run.initiator().finished() || !run.responder().finished()) return "not finished";
  if (!run.random_used_up()) return "fewer random bytes were drawn than the vector has";
  if (run.initiator().handshake_hash() != run.responder().handshake_hash()) return "the sides' handshake hashes differ";
  if (v.handshake_hash && run.initiator().handshake_hash() != *v.handshake_hash) return "the handshake hash differs";
  const auto knows = [&](const handshake::NoiseHandshake& side, const Side& other) {
    return side.remote_static().empty() || other.static_key.empty() ||
           side.remote_static() == crypto::dh_public_key(v.protocol.suite.dh, other.static_key);
  };
  if (!knows(run.initiator(), v.responder) || !knows(run.responder(), v.initiator))
    return "another static key was learnt";
  const NoiseSplit a = run.initiator().split();
  const NoiseSplit b = run.responder().split();
  if (!same(a.sending, b.receiving.view()) || !same(a.receiving, b.sending.view())) return "the sides' keys differ";
  if (v.key_to_responder && !same(a.sending, *v.key_to_responder)) return "the key to the responder differs";
  if (v.key_to_initiator && !same(a.receiving, *v.key_to_initiator)) return "the key to the initiator differs";
  return {};
}

Complaint check_transport(const NoiseVector& v, Run& run, unsigned long& refused) {
  const NoiseSplit initiator = run.initiator().split();
  const NoiseSplit responder = run.responder().split();
  const crypto::AeadAlgorithm aead = v.protocol.suite.aead;
  Transport to_responder(aead, initiator.sending), from_initiator(aead, responder.receiving);
  Transport to_initiator(aead, responder.sending), from_responder(aead, initiator.receiving);
  for (std::size_t i = v.protocol.pattern.messages().size(); i < v.messages.size(); ++i) {
    const std::string which = "transport message " + std::to_string(i + 1);
    const bool by_initiator = v.protocol.pattern.one_way() || i % 2 == 0;
    const Bytes sealed = (by_initiator ? to_responder : to_initiator).seal(v.messages[i].payload);
    if (v.messages[i].ciphertext && sealed != *v.messages[i].ciphertext) return which + " differs";
    Transport& reader = by_initiator ? from_initiator : from_responder;
    for (const std::size_t at : {std::size_t{0}, sealed.size() / 2, sealed.size() - 1}) {
      Bytes damaged = sealed;
      damaged[at] ^= std::byte{0x10};
      if (reader.open(damaged)) return which + ", damaged, is accepted";
      ++refused;
    }
    const auto opened = reader.open(sealed);
    if (!opened || *opened != v.messages[i].payload) return which + " does not open";
  }
  return {};
}

}  // namespace

void run_noise(const nlohmann::json& file, Report& report) {
  unsigned long refused = 0;
  std::size_t number = 0;
  for (const nlohmann::json& json : file.at("vectors")) {
    ++number;
    // One name for the whole file, or one in each vector.
    const std::string name = (json.contains("protocol_name") ? json : file).at("protocol_name");
    const std::string label = "vector " + std::to_string(number) + ", " + name;
    ProtocolOrReason parsed = parse_protocol(name);
    if (!parsed.protocol) {
      parsed.malformed ? report.fail(label + ": " + parsed.reason) : report.skip(parsed.reason);
      continue;
    }
    Complaint complaint;
    try {
      const NoiseVector v = json.contains("messages") ? from_cacophony(json, std::move(*parsed.protocol))
                                                      : from_hybrid_proposal(json, std::move(*parsed.protocol));
      Run run(v);
      complaint = check_handshake(v, run);
      if (complaint.empty()) complaint = check_end(v, run);
      if (complaint.empty()) complaint = check_transport(v, run, refused);
      if (complaint.empty()) complaint = check_damage(v, refused);
    } catch (const std::exception& e) {
      complaint = e.what();
    }
    complaint.empty() ? report.pass() : report.fail(label + ": " + complaint);
  }
  report.count("damaged copies of messages, all refused", refused);
}

}  // namespace quantumgate::vectors
