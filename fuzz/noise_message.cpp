// SPDX-License-Identifier: MIT
// Goal: NoiseHandshake::read_message takes any bytes without fault and only the one right message, and a wrong one
// leaves the handshake as it was. Method: the first bytes choose suite and message. The reader is given bytes of the
// input, raw or as damage to the right message, all of which it must refuse; then the right message, after which the
// handshake must come to its end with both sides agreed. All chance is repeatable, so the messages are the same for
// every input.
#include "handshake/noise.hpp"

#include "fuzz/input.hpp"
#include "handshake/suite.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::handshake;

constexpr std::size_t kMessages = 3;

// One side of a handshake, always with the same keys.
struct Side {
  Side(const Suite& suite, NoiseRole role) : random(3, static_cast<std::uint64_t>(role)), noise(make(suite, role)) {}

  NoiseHandshake make(const Suite& suite, NoiseRole role) {
    SecretBytes static_private(crypto::dh_size(suite.algorithms.dh));
    random.fill(static_private.mutable_view());
    NoiseKeys keys;
    keys.static_key = crypto::DhKeyPair::of(suite.algorithms.dh, std::move(static_private));
    keys.psks.emplace_back();
    auto created = NoiseHandshake::create(suite.pattern, suite.protocol_name, suite.algorithms, role,
                                          as_bytes("prologue"), std::move(keys), random);
    REQUIRE(created);
    return std::move(*created);
  }

  sim::SeededRandom random;
  NoiseHandshake noise;
};

Bytes payload(std::size_t message) { return Bytes(10 + 20 * message, static_cast<std::byte>(message)); }

// Both sides run up to where `message` is to be read.
struct Handshake {
  Handshake(const Suite& suite, std::size_t message)
      : initiator(suite, NoiseRole::initiator), responder(suite, NoiseRole::responder) {
    for (std::size_t i = 0; i < message; ++i) pass(i);
  }

  NoiseHandshake& writer(std::size_t message) { return message % 2 == 0 ? initiator.noise : responder.noise; }
  NoiseHandshake& reader(std::size_t message) { return message % 2 == 0 ? responder.noise : initiator.noise; }
  void pass(std::size_t message) {
    const Bytes written = writer(message).write_message(payload(message));
    REQUIRE(reader(message).read_message(written) == payload(message));
  }

  Side initiator;
  Side responder;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Bytes suites = all_suites();
  fuzz::Input input(data, size);
  const Suite& suite = *find_suite(std::to_integer<std::uint8_t>(suites[input.u8() % suites.size()]));
  const std::size_t at = input.u8() % kMessages;
  Handshake handshake(suite, at);
  const Bytes good = handshake.writer(at).write_message(payload(at));
  NoiseHandshake& reader = handshake.reader(at);

  for (int wrong_ones = 0; input.left() > 0 && wrong_ones < 8; ++wrong_ones) {
    Bytes message;
    const std::uint8_t how = input.u8();
    if (how % 4 == 0) {
      message = fuzz::copy(input.bytes(input.u16()));
    } else {
      message = good;
      fuzz::damage(input, message);
    }
    if (message == good) continue;
    const auto read = reader.read_message(message);
    REQUIRE(!read);
    REQUIRE(read.error().code == ErrorCode::malformed || read.error().code == ErrorCode::not_authentic);
    REQUIRE(!reader.my_turn() && !reader.finished());
  }
  // Authentic but against the rules of the protocol above.
  REQUIRE(!reader.read_message(good, [](BytesView, const auto&) { return false; }));

  REQUIRE(reader.read_message(good) == payload(at));
  for (std::size_t i = at + 1; i < kMessages; ++i) handshake.pass(i);
  const auto& a = handshake.initiator.noise;
  const auto& b = handshake.responder.noise;
  REQUIRE(a.finished() && b.finished() && a.handshake_hash() == b.handshake_hash());
  REQUIRE(std::ranges::equal(a.split().sending.view(), b.split().receiving.view()));
  REQUIRE(std::ranges::equal(a.split().receiving.view(), b.split().sending.view()));
  return 0;
}
