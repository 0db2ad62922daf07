// SPDX-License-Identifier: MIT
// Goal: two sides that bring the same secrets agree on everything, and nobody else gets a message accepted or a
// handshake disturbed. Method: one published vector; then both sides in one process with scripted randomness, every
// suite, and each message damaged at every byte and cut at every length before the genuine one is read. More patterns
// and vectors are run by tests/vectors.
#include "handshake/noise.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crypto/test_hex.hpp"

namespace quantumgate::handshake {
namespace {

using crypto::AeadAlgorithm;
using crypto::DhAlgorithm;
using crypto::DhKeyPair;
using crypto::from_hex;
using crypto::HashAlgorithm;
using crypto::MlKemParameters;
using crypto::secret_from_hex;
using crypto::to_hex;

constexpr Token kE[] = {Token::e};
constexpr Token kEE1[] = {Token::e, Token::e1};
constexpr Token kEEe[] = {Token::e, Token::ee};
constexpr Token kEEeEkem1SEs[] = {Token::e, Token::ee, Token::ekem1, Token::s, Token::es};
constexpr Token kEEs[] = {Token::e, Token::es};
constexpr Token kS[] = {Token::s};
constexpr Token kSSe[] = {Token::s, Token::se};
constexpr std::span<const Token> kNNMessages[] = {kE, kEEe};
constexpr std::span<const Token> kNKMessages[] = {kEEs, kEEe};
constexpr std::span<const Token> kXXhfsMessages[] = {kEE1, kEEeEkem1SEs, kSSe};
const Pattern kNN{"NN", {}, {}, kNNMessages};
const Pattern kNK{"NK", {}, kS, kNKMessages};
const Pattern kXXhfs{"XXhfs", {}, {}, kXXhfsMessages};

// Gives out prepared bytes, in order, in just the portions asked for.
class ScriptedRandom final : public RandomSource {
 public:
  explicit ScriptedRandom(std::string_view hex) : bytes_(from_hex(hex)) {}
  void fill(MutableBytesView out) override {
    ASSERT_LE(out.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
  }
  bool used_up() const { return at_ == bytes_.size(); }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

// Repeatable bytes without an end.
class CountingRandom final : public RandomSource {
 public:
  explicit CountingRandom(std::uint8_t start) : next_(start) {}
  void fill(MutableBytesView out) override {
    for (std::byte& b : out) b = static_cast<std::byte>(next_++ * 151u >> 3);
  }

 private:
  unsigned next_;
};

std::string repeated(std::string_view byte, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += byte;
  return text;
}

DhKeyPair key_pair(DhAlgorithm dh, std::string_view byte) {
  return DhKeyPair::of(dh, SecretBytes(from_hex(repeated(byte, static_cast<int>(crypto::dh_size(dh))))));
}

NoiseKeys keys(std::string_view static_byte, std::string_view psk_byte = {}, DhAlgorithm dh = DhAlgorithm::x25519) {
  NoiseKeys k;
  if (!static_byte.empty()) k.static_key = key_pair(dh, static_byte);
  if (!psk_byte.empty()) k.psks.push_back(secret_from_hex(repeated(psk_byte, 32)));
  return k;
}

constexpr NoiseSuite kDefaultSuite{DhAlgorithm::x25519, MlKemParameters::ml_kem_768, AeadAlgorithm::aes_256_gcm,
                                   HashAlgorithm::sha256};

NoiseHandshake start(const Pattern& pattern, NoiseRole role, NoiseKeys k, RandomSource& random,
                     std::string_view prologue = "prologue", NoiseSuite suite = kDefaultSuite) {
  auto handshake = NoiseHandshake::create(pattern, "Noise_" + std::string(pattern.name) + "_25519_test", suite, role,
                                          as_bytes(prologue), std::move(k), random);
  EXPECT_TRUE(handshake);
  return std::move(*handshake);
}

// Both sides of the product's pattern.
struct Pair {
  explicit Pair(NoiseSuite suite = kDefaultSuite)
      : initiator(
            start(kXXhfsPsk0, NoiseRole::initiator, keys("11", "99", suite.dh), initiator_random, "prologue", suite)),
        responder(
            start(kXXhfsPsk0, NoiseRole::responder, keys("22", "99", suite.dh), responder_random, "prologue", suite)) {}

  NoiseHandshake& writer() { return initiator.my_turn() ? initiator : responder; }
  NoiseHandshake& reader() { return initiator.my_turn() ? responder : initiator; }

  CountingRandom initiator_random{1};
  CountingRandom responder_random{101};
  NoiseHandshake initiator;
  NoiseHandshake responder;
};

ErrorCode error_of(const Result<Bytes>& result) { return result ? ErrorCode{} : result.error().code; }

// The first vector of the hybrid Noise proposal for libp2p (shared with tests/vectors, which runs all of them): its
// handshake hash covers every byte of the three messages.
TEST(NoiseTest, PublishedXXhfsVector) {
  ScriptedRandom initiator_random(repeated("13", 32) + repeated("15", 64));
  ScriptedRandom responder_random(repeated("14", 32) + repeated("16", 32));
  const NoiseSuite suite{DhAlgorithm::x25519, MlKemParameters::ml_kem_768, AeadAlgorithm::chacha20_poly1305,
                         HashAlgorithm::sha256};
  constexpr std::string_view kName = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256";
  auto initiator = NoiseHandshake::create(kXXhfs, kName, suite, NoiseRole::initiator, {}, keys("11"), initiator_random);
  auto responder = NoiseHandshake::create(kXXhfs, kName, suite, NoiseRole::responder, {}, keys("12"), responder_random);
  ASSERT_TRUE(initiator && responder);

  const Bytes first = initiator->write_message({});
  EXPECT_EQ(first.size(), 1216u);
  ASSERT_TRUE(responder->read_message(first));
  const Bytes second = responder->write_message({});
  EXPECT_EQ(second.size(), 1200u);
  ASSERT_TRUE(initiator->read_message(second));
  const Bytes third = initiator->write_message({});
  EXPECT_EQ(
      to_hex(third),
      "ecee945a65a96f34fdaf116d3c70727852b0a25eb350bf72bb088f21cb374ba50c973fdc4ea63d2065ac9ff9fb347f0700dcf7ec3bb3a3"
      "c01f84290c6d8931aa");
  ASSERT_TRUE(responder->read_message(third));

  for (const NoiseHandshake* side : {&*initiator, &*responder}) {
    EXPECT_TRUE(side->finished());
    EXPECT_EQ(to_hex(side->handshake_hash()), "b5a3c9854777aa5dad0a633c769bcc6662713f20f14e0371e4bfd253e1869eef");
  }
  EXPECT_EQ(to_hex(initiator->split().sending.view()),
            "0a825d67cbf14170dcccf6f5c54d50f46a9a23541122654f5bec41ef0a5657e5");
  EXPECT_EQ(to_hex(initiator->split().receiving.view()),
            "f8546817671a440fd8df45b26fd6b45ebbf39e4207455ca12bc6d56ac0b35ebc");
  EXPECT_TRUE(initiator_random.used_up());
  EXPECT_TRUE(responder_random.used_up());
}

void expect_round_trip(NoiseSuite suite) {
  Pair pair(suite);
  std::size_t payload_size = 0;
  while (!pair.initiator.finished()) {
    NoiseHandshake& writer = pair.writer();
    NoiseHandshake& reader = pair.reader();
    const Bytes payload(payload_size, std::byte{0x5a});
    const std::size_t size = writer.next_message_size(payload_size);
    EXPECT_EQ(reader.next_message_size(payload_size), size);
    const Bytes message = writer.write_message(payload);
    EXPECT_EQ(message.size(), size);
    const auto read = reader.read_message(message);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, payload);
    payload_size += 77;
  }
  ASSERT_TRUE(pair.responder.finished());
  EXPECT_EQ(pair.initiator.handshake_hash(), pair.responder.handshake_hash());
  EXPECT_EQ(pair.initiator.handshake_hash().size(), crypto::hash_size(suite.hash));
  const NoiseSplit a = pair.initiator.split();
  const NoiseSplit b = pair.responder.split();
  EXPECT_EQ(to_hex(a.sending.view()), to_hex(b.receiving.view()));
  EXPECT_EQ(to_hex(a.receiving.view()), to_hex(b.sending.view()));
  EXPECT_NE(to_hex(a.sending.view()), to_hex(a.receiving.view()));
  EXPECT_EQ(pair.initiator.remote_static(), key_pair(suite.dh, "22").public_key);
  EXPECT_EQ(pair.responder.remote_static(), key_pair(suite.dh, "11").public_key);
}

// Of all algorithms, not only those that a suite of the product puts together.
TEST(NoiseTest, ProductPatternRoundTripsWithAllAlgorithms) {
  for (const DhAlgorithm dh : {DhAlgorithm::x25519, DhAlgorithm::x448}) {
    for (const MlKemParameters kem : {MlKemParameters::ml_kem_768, MlKemParameters::ml_kem_1024}) {
      for (const AeadAlgorithm aead : {AeadAlgorithm::aes_256_gcm, AeadAlgorithm::chacha20_poly1305}) {
        for (const HashAlgorithm hash :
             {HashAlgorithm::sha256, HashAlgorithm::sha512, HashAlgorithm::blake2s, HashAlgorithm::blake2b}) {
          expect_round_trip({dh, kem, aead, hash});
        }
      }
    }
  }
}

TEST(NoiseTest, SizesOfTheProductsMessages) {
  struct Sizes {
    DhAlgorithm dh;
    MlKemParameters kem;
    std::size_t key, encapsulation_key, ciphertext;
  };
  for (const Sizes& s : {Sizes{DhAlgorithm::x25519, MlKemParameters::ml_kem_768, 32, 1184, 1088},
                         Sizes{DhAlgorithm::x448, MlKemParameters::ml_kem_1024, 56, 1568, 1568}}) {
    Pair pair({s.dh, s.kem, AeadAlgorithm::aes_256_gcm, HashAlgorithm::sha512});
    EXPECT_EQ(pair.initiator.next_message_size(16), s.key + (s.encapsulation_key + 16) + (16 + 16));
    const auto exchange = [&] { ASSERT_TRUE(pair.reader().read_message(pair.writer().write_message({}))); };
    exchange();
    EXPECT_EQ(pair.initiator.next_message_size(0), s.key + (s.ciphertext + 16) + (s.key + 16) + 16);
    exchange();
    EXPECT_EQ(pair.initiator.next_message_size(1), (s.key + 16) + (1 + 16));
  }
}

// Every byte of every message damaged, every shorter length and some longer ones: refused, and the genuine message is
// still welcome afterwards.
void expect_damage_refused(NoiseSuite suite) {
  Pair pair(suite);
  while (!pair.initiator.finished()) {
    NoiseHandshake& reader = pair.reader();
    Bytes message = pair.writer().write_message(as_bytes("payload"));
    for (std::size_t at = 0; at < message.size(); ++at) {
      message[at] ^= static_cast<std::byte>(1 << (at % 8));
      const auto read = reader.read_message(message);
      message[at] ^= static_cast<std::byte>(1 << (at % 8));
      // The top bit of an X25519 key has no meaning, yet it is authenticated.
      ASSERT_EQ(error_of(read), ErrorCode::not_authentic) << at;
      ASSERT_FALSE(reader.my_turn());
    }
    for (std::size_t size = 0; size < message.size(); ++size) {
      ASSERT_NE(error_of(reader.read_message(BytesView(message).first(size))), ErrorCode{}) << size;
    }
    Bytes longer = message;
    for (const std::size_t size : {message.size() + 1, message.size() + 16, std::size_t{65535}, std::size_t{65536}}) {
      longer.resize(size);
      ASSERT_NE(error_of(reader.read_message(longer)), ErrorCode{}) << size;
    }
    const auto read = reader.read_message(message);
    ASSERT_TRUE(read);
    EXPECT_EQ(as_text(*read), "payload");
  }
  EXPECT_EQ(pair.initiator.handshake_hash(), pair.responder.handshake_hash());
}

TEST(NoiseTest, DamagedMessagesAreRefusedAndChangeNothing) { expect_damage_refused(kDefaultSuite); }
TEST(NoiseTest, DamagedMessagesAreRefusedAndChangeNothingWithX448) {
  expect_damage_refused(
      {DhAlgorithm::x448, MlKemParameters::ml_kem_1024, AeadAlgorithm::chacha20_poly1305, HashAlgorithm::blake2b});
}

TEST(NoiseTest, AnotherSecretPrologueOrNameIsRefusedAtTheFirstMessage) {
  Pair pair;
  const Bytes message = pair.initiator.write_message({});
  CountingRandom random(7);
  NoiseHandshake other_psk = start(kXXhfsPsk0, NoiseRole::responder, keys("22", "98"), random);
  EXPECT_EQ(error_of(other_psk.read_message(message)), ErrorCode::not_authentic);
  NoiseHandshake other_prologue = start(kXXhfsPsk0, NoiseRole::responder, keys("22", "99"), random, "Prologue");
  EXPECT_EQ(error_of(other_prologue.read_message(message)), ErrorCode::not_authentic);
  auto other_name = NoiseHandshake::create(kXXhfsPsk0, "Noise_XXhfs+psk0_other", kDefaultSuite, NoiseRole::responder,
                                           as_bytes("prologue"), keys("22", "99"), random);
  ASSERT_TRUE(other_name);
  EXPECT_EQ(error_of(other_name->read_message(message)), ErrorCode::not_authentic);
  EXPECT_TRUE(pair.responder.read_message(message));
}

TEST(NoiseTest, ReflectedAndRepeatedMessagesAreRefused) {
  Pair pair;
  const Bytes first = pair.initiator.write_message({});
  EXPECT_NE(error_of(pair.initiator.read_message(first)), ErrorCode{});  // reflected
  ASSERT_TRUE(pair.responder.read_message(first));
  const Bytes second = pair.responder.write_message({});
  EXPECT_NE(error_of(pair.responder.read_message(second)), ErrorCode{});
  EXPECT_NE(error_of(pair.responder.read_message(first)), ErrorCode{});  // repeated
  ASSERT_TRUE(pair.initiator.read_message(second));
  EXPECT_TRUE(pair.responder.read_message(pair.initiator.write_message({})));
}

TEST(NoiseTest, ProtocolNamesUpToTheHashSizeAreNotHashed) {
  // 32 bytes fit SHA-256 as they are; the name then is the first handshake hash itself.
  CountingRandom random(1);
  for (const std::size_t size : {1u, 31u, 32u, 33u, 64u, 65u}) {
    const std::string name(size, 'n');
    auto a = NoiseHandshake::create(kNN, name, kDefaultSuite, NoiseRole::initiator, {}, {}, random);
    auto b = NoiseHandshake::create(kNN, name, kDefaultSuite, NoiseRole::responder, {}, {}, random);
    ASSERT_TRUE(a && b);
    ASSERT_TRUE(b->read_message(a->write_message({})));
    ASSERT_TRUE(a->read_message(b->write_message({})));
    EXPECT_EQ(a->handshake_hash(), b->handshake_hash());
  }
}

// Without a psk nothing of the first message is authenticated, so its keys have to be looked at.
TEST(NoiseTest, KeysThatWouldMakeAKnownSecretAreRefused) {
  CountingRandom random(1);
  for (const char* u : {"0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7"}) {
    NoiseHandshake responder = start(kNN, NoiseRole::responder, {}, random);
    EXPECT_EQ(error_of(responder.read_message(from_hex(u))), ErrorCode::malformed) << u;
    EXPECT_FALSE(responder.my_turn());

    NoiseKeys k;
    k.remote_static = from_hex(u);
    EXPECT_FALSE(NoiseHandshake::create(kNK, "n", kDefaultSuite, NoiseRole::initiator, {}, std::move(k), random));
  }
  NoiseSuite with_x448 = kDefaultSuite;
  with_x448.dh = DhAlgorithm::x448;
  for (const std::byte u : {std::byte{0}, std::byte{1}}) {
    Bytes key(56);
    key[0] = u;
    NoiseHandshake responder = start(kNN, NoiseRole::responder, {}, random, "prologue", with_x448);
    EXPECT_EQ(error_of(responder.read_message(key)), ErrorCode::malformed);
  }
}

TEST(NoiseTest, KemKeysThatAreNotReducedAreRefused) {
  CountingRandom initiator_random(1);
  CountingRandom responder_random(50);
  NoiseHandshake initiator = start(kXXhfs, NoiseRole::initiator, keys("11"), initiator_random);
  NoiseHandshake responder = start(kXXhfs, NoiseRole::responder, keys("22"), responder_random);
  const Bytes message = initiator.write_message({});
  for (const std::size_t at : {std::size_t{32}, std::size_t{33}, std::size_t{32 + 1150}}) {
    Bytes damaged = message;
    damaged[at] = damaged[at + 1] = std::byte{0xff};  // some coefficient becomes 4095 or at least 0xff0
    EXPECT_EQ(error_of(responder.read_message(damaged)), ErrorCode::malformed) << at;
  }
  ASSERT_TRUE(responder.read_message(message));
  EXPECT_TRUE(initiator.read_message(responder.write_message({})));
}

TEST(NoiseTest, KeysFromPreMessages) {
  CountingRandom random(1);
  const Bytes responder_public = key_pair(DhAlgorithm::x25519, "22").public_key;
  NoiseKeys right, wrong;
  right.remote_static = responder_public;
  wrong.remote_static = key_pair(DhAlgorithm::x25519, "23").public_key;
  NoiseHandshake responder = start(kNK, NoiseRole::responder, keys("22"), random);
  NoiseHandshake stranger = start(kNK, NoiseRole::initiator, std::move(wrong), random);
  EXPECT_EQ(error_of(responder.read_message(stranger.write_message({}))), ErrorCode::not_authentic);
  NoiseHandshake initiator = start(kNK, NoiseRole::initiator, std::move(right), random);
  ASSERT_TRUE(responder.read_message(initiator.write_message({})));
  ASSERT_TRUE(initiator.read_message(responder.write_message({})));
  EXPECT_EQ(initiator.handshake_hash(), responder.handshake_hash());
  EXPECT_EQ(initiator.remote_static(), responder_public);
}

TEST(NoiseTest, MissingKeysAreAnInvalidArgument) {
  CountingRandom random(1);
  const auto created = [&](const Pattern& pattern, NoiseSuite suite, NoiseRole role, NoiseKeys k) {
    return NoiseHandshake::create(pattern, "n", suite, role, {}, std::move(k), random).has_value();
  };
  NoiseSuite no_kem = kDefaultSuite;
  no_kem.kem.reset();
  for (const NoiseRole role : {NoiseRole::initiator, NoiseRole::responder}) {
    EXPECT_TRUE(created(kXXhfsPsk0, kDefaultSuite, role, keys("11", "99")));
    EXPECT_FALSE(created(kXXhfsPsk0, kDefaultSuite, role, keys("", "99")));
    EXPECT_FALSE(created(kXXhfsPsk0, kDefaultSuite, role, keys("11", "")));
    EXPECT_FALSE(created(kXXhfsPsk0, no_kem, role, keys("11", "99")));
    EXPECT_TRUE(created(kNN, no_kem, role, {}));
    EXPECT_FALSE(created(kNK, no_kem, role, {}));
  }
}

TEST(NoiseTest, CallsOutOfTurnAreOurBug) {
  Pair pair;
  EXPECT_TRUE(pair.initiator.my_turn());
  EXPECT_FALSE(pair.responder.my_turn());
  EXPECT_DEATH(static_cast<void>(pair.initiator.read_message({})), "internal error");
  EXPECT_DEATH(static_cast<void>(pair.responder.write_message({})), "internal error");
  EXPECT_DEATH(static_cast<void>(pair.initiator.split()), "internal error");
  EXPECT_DEATH(static_cast<void>(pair.initiator.handshake_hash()), "internal error");
  EXPECT_DEATH(static_cast<void>(pair.initiator.write_message(Bytes(65535))), "internal error");
}

}  // namespace
}  // namespace quantumgate::handshake
