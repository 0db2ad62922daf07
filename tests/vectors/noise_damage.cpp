// SPDX-License-Identifier: MIT
#include "tests/vectors/noise_damage.hpp"

#include <algorithm>
#include <utility>

namespace quantumgate::vectors {
namespace {

struct Damaged {
  std::string how;
  Bytes message;
};

Bytes flipped(Bytes message, std::size_t at) {
  message[at] ^= static_cast<std::byte>(1 << (at % 8));
  return message;
}
Bytes resized(Bytes message, std::size_t size) {
  message.resize(size);
  return message;
}

// The genuine messages of a run between these two sides.
std::vector<Bytes> messages_of(const NoiseVector& vector, const Side& initiator, const Side& responder) {
  Run run(vector, initiator, responder);
  std::vector<Bytes> messages;
  while (!run.finished()) {
    messages.push_back(run.write());
    if (!run.deliver(messages.back())) break;
  }
  return messages;
}

// The same handshake between two sides that both differ from the vector's in one thing.
std::vector<Bytes> other_handshake(const NoiseVector& vector, void (*change)(Side&)) {
  Side initiator = vector.initiator;
  Side responder = vector.responder;
  change(initiator);
  change(responder);
  return messages_of(vector, initiator, responder);
}

// What the damaged copies are made of.
struct Material {
  std::vector<Bytes> genuine;
  std::vector<Bytes> other_keys;  // other ephemeral and KEM keys
  std::vector<Bytes> other_psk;   // empty if there is none
  std::vector<Bytes> other_prologue;
};

Material material_of(const NoiseVector& vector) {
  Material m;
  m.genuine = messages_of(vector, vector.initiator, vector.responder);
  m.other_keys = other_handshake(vector, [](Side& side) {
    for (std::size_t at = 5; at < side.random.size(); at += 32) side.random[at] ^= std::byte{0x40};
  });
  m.other_prologue = other_handshake(vector, [](Side& side) { side.prologue.push_back(std::byte{0}); });
  if (!vector.initiator.psks.empty()) {
    m.other_psk = other_handshake(vector, [](Side& side) { side.psks[0][31] ^= std::byte{1}; });
  }
  return m;
}

const char* name_of(const Field& field) {
  if (!field.token) return "payload";
  switch (*field.token) {
    case handshake::Token::e:
      return "ephemeral key";
    case handshake::Token::s:
      return "static key";
    case handshake::Token::e1:
      return "KEM key";
    default:
      return "KEM ciphertext";
  }
}

std::vector<Damaged> damages(const NoiseVector& vector, const Material& material, std::size_t i) {
  const Bytes& genuine = material.genuine[i];
  const std::size_t size = genuine.size();
  std::vector<Damaged> list{{"empty", {}},
                            {"last byte missing", resized(genuine, size - 1)},
                            {"second half missing", resized(genuine, size / 2)},
                            {"only the first byte", resized(genuine, 1)},
                            {"one byte longer", resized(genuine, size + 1)},
                            {"a tag longer", resized(genuine, size + 16)},
                            {"as long as Noise allows", resized(genuine, 65535)},
                            {"longer than Noise allows", resized(genuine, 65536)},
                            {"all zeros", Bytes(size)},
                            {"all ones", Bytes(size, std::byte{0xff})},
                            {"middle byte", flipped(genuine, size / 2)}};
  for (std::size_t j = 0; j < material.genuine.size(); ++j) {
    if (j != i) list.push_back({"message " + std::to_string(j + 1) + " instead", material.genuine[j]});
  }
  list.push_back({"from a handshake with another prologue", material.other_prologue[i]});
  if (!material.other_psk.empty()) list.push_back({"from a handshake with another psk", material.other_psk[i]});
  // With other keys, a first message is the beginning of another good handshake.
  if (i > 0) list.push_back({"from another handshake", material.other_keys[i]});
  for (const Field& field : layout(vector.protocol, i, vector.messages[i].payload.size())) {
    if (field.size == 0) continue;
    const std::string name = name_of(field);
    list.push_back({name + ": first byte", flipped(genuine, field.offset)});
    list.push_back({name + ": last byte", flipped(genuine, field.offset + field.size - 1)});
    Bytes replaced = genuine;
    std::copy_n(material.other_keys[i].begin() + static_cast<std::ptrdiff_t>(field.offset), field.size,
                replaced.begin() + static_cast<std::ptrdiff_t>(field.offset));
    list.push_back({name + " of another handshake", std::move(replaced)});
  }
  return list;
}

// A run up to message `i`, which has been written but not delivered.
Run run_up_to(const NoiseVector& vector, std::size_t i) {
  Run run(vector);
  run.advance(i);
  run.write();
  return run;
}

}  // namespace

std::string check_damage(const NoiseVector& vector, unsigned long& refused) {
  const Material material = material_of(vector);
  const std::size_t count = vector.protocol.pattern.messages().size();
  for (const auto* messages : {&material.genuine, &material.other_keys, &material.other_prologue}) {
    if (messages->size() != count) return "a handshake for comparison does not finish";
  }
  Run whole(vector);
  if (!whole.complete()) return "the handshake does not finish";

  for (std::size_t i = 0; i < count; ++i) {
    const Bytes& genuine = material.genuine[i];
    const bool authenticated = layout(vector.protocol, i, vector.messages[i].payload.size()).back().sealed;
    const auto complaint = [&](const std::string& how) { return "message " + std::to_string(i + 1) + ": " + how; };
    Run run = run_up_to(vector, i);
    for (const auto& [how, message] : damages(vector, material, i)) {
      if (message == genuine) continue;  // e.g. the other psk has had no effect so far
      if (run.deliver(message)) {
        if (authenticated) return complaint(how + ": accepted");
        if (run.finished() || run.deliver(run.write())) return complaint(how + ": accepted, and the next message too");
        run = run_up_to(vector, i);
      }
      ++refused;
    }
    if (i + 1 < count) {
      if (run.writer().read_message(genuine)) return complaint("reflected: accepted");
      ++refused;
    }
    // After all that, the handshake ends as if nothing had happened.
    if (!run.deliver(genuine) || !run.complete()) return complaint("the genuine one is refused after damaged ones");
    if (run.initiator().handshake_hash() != whole.initiator().handshake_hash() ||
        run.responder().handshake_hash() != whole.initiator().handshake_hash()) {
      return complaint("damaged copies have changed the handshake");
    }
  }
  return {};
}

}  // namespace quantumgate::vectors
