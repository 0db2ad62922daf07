// SPDX-License-Identifier: MIT
// CipherState, SymmetricState and the walk over a pattern's tokens are those of the Noise specification, section 5; the
// psk tokens those of its section 9.
#include "handshake/noise.hpp"

#include <algorithm>
#include <utility>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::handshake {
namespace {

using crypto::AeadAlgorithm;
using crypto::DhKeyPair;
using crypto::HashAlgorithm;
using crypto::kAeadTagSize;

constexpr std::size_t kKeySize = 32;            // of the cipher
constexpr std::size_t kMessageSizeMax = 65535;  // Noise specification, section 3

constexpr Token kHfsPsk0Message1[] = {Token::psk, Token::e, Token::e1};
constexpr Token kXXhfsPsk0Message2[] = {Token::e, Token::ee, Token::ekem1, Token::s, Token::es};
constexpr Token kXXhfsPsk0Message3[] = {Token::s, Token::se};
constexpr std::span<const Token> kXXhfsPsk0Messages[] = {kHfsPsk0Message1, kXXhfsPsk0Message2, kXXhfsPsk0Message3};
constexpr Token kNNhfsPsk0Message2[] = {Token::e, Token::ee, Token::ekem1};
constexpr std::span<const Token> kNNhfsPsk0Messages[] = {kHfsPsk0Message1, kNNhfsPsk0Message2};

// The KEM's key is used when we write our next message; one that can not be used has to be refused when it is read.
// This is the modulus check of FIPS 203, 7.2: two 12-bit coefficients in three bytes, all below q; then a 32-byte seed.
bool kem_key_well_formed(BytesView key) {
  constexpr unsigned kQ = 3329;
  for (BytesView rest = key.first(key.size() - 32); rest.size() >= 3; rest = rest.subspan(3)) {
    const auto [b0, b1, b2] = std::array{std::to_integer<unsigned>(rest[0]), std::to_integer<unsigned>(rest[1]),
                                         std::to_integer<unsigned>(rest[2])};
    if ((b0 | (b1 & 15) << 8) >= kQ || (b1 >> 4 | b2 << 4) >= kQ) return false;
  }
  return true;
}

// An expanded decapsulation key (FIPS 203, algorithm 16) holds the encapsulation key, followed by its hash and z.
BytesView encapsulation_key_of(crypto::MlKemParameters kem, const SecretBytes& decapsulation_key) {
  const crypto::MlKemSizes sizes = crypto::ml_kem_sizes(kem);
  return decapsulation_key.view().last(sizes.encapsulation_key + 64).first(sizes.encapsulation_key);
}

class CipherState {
 public:
  explicit CipherState(AeadAlgorithm algorithm) : algorithm_(algorithm) {}
  CipherState clone() const {
    CipherState copy(algorithm_);
    if (key_) copy.key_.emplace((*key_)->clone());
    copy.nonce_ = nonce_;
    return copy;
  }

  void initialize_key(std::span<const std::byte, kKeySize> key) {
    key_.emplace(Secret<kKeySize>(key));
    nonce_ = 0;
    aead_.reset();
  }
  bool has_key() const noexcept { return key_.has_value(); }

  void encrypt_with_ad(BytesView ad, BytesView plaintext, MutableBytesView out) {
    aead().seal(next_nonce(), ad, plaintext, out);
    ++nonce_;
  }
  // The nonce advances only if `sealed` is authentic.
  [[nodiscard]] bool decrypt_with_ad(BytesView ad, BytesView sealed, MutableBytesView out) {
    if (!aead().open(next_nonce(), ad, sealed, out)) return false;
    ++nonce_;
    return true;
  }

 private:
  // Made when first used: most keys of a handshake are replaced before they encrypt anything.
  crypto::AeadKey& aead() {
    if (!aead_) aead_.emplace(algorithm_, (*key_)->view());
    return *aead_;
  }

  // Noise specification, section 12: 4 zero bytes, then the counter, big-endian for AESGCM, little-endian for
  // ChaChaPoly.
  std::array<std::byte, crypto::kAeadNonceSize> next_nonce() const {
    std::array<std::byte, crypto::kAeadNonceSize> nonce{};
    const auto counter = std::span(nonce).last<8>();
    store_be(nonce_, counter);
    if (algorithm_ == AeadAlgorithm::chacha20_poly1305) std::ranges::reverse(counter);
    return nonce;
  }

  AeadAlgorithm algorithm_;
  std::optional<Guarded<Secret<kKeySize>>> key_;
  std::uint64_t nonce_ = 0;
  std::optional<crypto::AeadKey> aead_;
};

class SymmetricState {
 public:
  SymmetricState(AeadAlgorithm aead, HashAlgorithm hash, BytesView protocol_name)
      : hash_(hash), size_(crypto::hash_size(hash)), cipher_(aead) {
    if (protocol_name.size() <= size_) {
      std::ranges::copy(protocol_name, h_.begin());
    } else {
      crypto::hash(hash_, {protocol_name}, h());
    }
    std::ranges::copy(h_, chaining_key_->mutable_view().begin());
  }
  SymmetricState clone() const {
    SymmetricState copy(hash_, cipher_.clone(), chaining_key_->clone());
    copy.h_ = h_;
    return copy;
  }

  void mix_key(BytesView input) {
    Secret<2 * crypto::kHashSizeMax> output;
    hkdf(input, output.mutable_view().first(2 * size_));
    take_chaining_key(output.view().first(size_));
    cipher_.initialize_key(output.view().subspan(size_).first<kKeySize>());
  }
  void mix_hash(BytesView data) { crypto::hash(hash_, {h(), data}, h()); }
  void mix_key_and_hash(BytesView input) {
    Secret<3 * crypto::kHashSizeMax> output;
    hkdf(input, output.mutable_view().first(3 * size_));
    take_chaining_key(output.view().first(size_));
    mix_hash(output.view().subspan(size_, size_));
    cipher_.initialize_key(output.view().subspan(2 * size_).first<kKeySize>());
  }

  bool has_key() const noexcept { return cipher_.has_key(); }
  std::size_t sealed_size(std::size_t size) const noexcept { return has_key() ? size + kAeadTagSize : size; }

  // Appends to `message`.
  void encrypt_and_hash(BytesView plaintext, Bytes& message) {
    const std::size_t at = message.size();
    message.resize(at + sealed_size(plaintext.size()));
    const MutableBytesView out = MutableBytesView(message).subspan(at);
    if (has_key()) {
      cipher_.encrypt_with_ad(h(), plaintext, out);
    } else {
      std::ranges::copy(plaintext, out.begin());
    }
    mix_hash(out);
  }
  // `out` is smaller than `sealed` by a tag if there is a key.
  [[nodiscard]] bool decrypt_and_hash(BytesView sealed, MutableBytesView out) {
    if (has_key()) {
      if (!cipher_.decrypt_with_ad(h(), sealed, out)) return false;
    } else {
      CHECK(out.size() == sealed.size());
      std::ranges::copy(sealed, out.begin());
    }
    mix_hash(sealed);
    return true;
  }

  std::pair<Secret<kKeySize>, Secret<kKeySize>> split() const {
    Secret<2 * crypto::kHashSizeMax> output;
    hkdf({}, output.mutable_view().first(2 * size_));
    return {Secret<kKeySize>(output.view().first<kKeySize>()),
            Secret<kKeySize>(output.view().subspan(size_).first<kKeySize>())};
  }
  BytesView h() const noexcept { return BytesView(h_).first(size_); }

 private:
  SymmetricState(HashAlgorithm hash, CipherState cipher, Secret<crypto::kHashSizeMax> chaining_key)
      : hash_(hash),
        size_(crypto::hash_size(hash)),
        cipher_(std::move(cipher)),
        chaining_key_(std::move(chaining_key)) {}

  MutableBytesView h() noexcept { return MutableBytesView(h_).first(size_); }
  void take_chaining_key(BytesView bytes) { std::ranges::copy(bytes, chaining_key_->mutable_view().begin()); }
  // Noise's HKDF with two or three outputs is RFC 5869 with the chaining key as salt and no info.
  void hkdf(BytesView input, MutableBytesView out) const {
    Secret<crypto::kHashSizeMax> prk;
    const MutableBytesView extracted = prk.mutable_view().first(size_);
    crypto::hkdf_extract(hash_, chaining_key_->view().first(size_), input, extracted);
    crypto::hkdf_expand(hash_, extracted, {}, out);
  }

  HashAlgorithm hash_;
  std::size_t size_;
  CipherState cipher_;
  std::array<std::byte, crypto::kHashSizeMax> h_{};
  Guarded<Secret<crypto::kHashSizeMax>> chaining_key_;
};

// What reading a message changes, apart from everything else: read_message() works on a copy and keeps it only if the
// message was authentic.
struct Progress {
  SymmetricState symmetric;
  std::size_t message = 0;  // index of the next one
  std::size_t psk = 0;      // index of the next one
  Bytes remote_ephemeral;
  Bytes remote_static;
  Bytes remote_kem_key;

  Progress clone() const { return {symmetric.clone(), message, psk, remote_ephemeral, remote_static, remote_kem_key}; }
};

bool writes(NoiseRole role, std::size_t message) noexcept {
  return (message % 2 == 0) == (role == NoiseRole::initiator);
}

}  // namespace

const Pattern kXXhfsPsk0{"XXhfs+psk0", {}, {}, kXXhfsPsk0Messages};
const Pattern kNNhfsPsk0{"NNhfs+psk0", {}, {}, kNNhfsPsk0Messages};

struct NoiseHandshake::State {
  // Fixed by create().
  Pattern pattern;
  NoiseSuite suite;
  NoiseRole role;
  RandomSource* random;
  bool has_psk = false;
  // Ours; changed only by writing.
  std::optional<DhKeyPair> static_key;
  std::optional<DhKeyPair> ephemeral;
  SecretBytes kem_decapsulation_key;
  std::vector<SecretBytes> psks;

  Progress progress;

  bool initiator() const noexcept { return role == NoiseRole::initiator; }
  std::span<const Token> tokens() const noexcept { return pattern.messages[progress.message]; }
  std::size_t dh_size() const noexcept { return crypto::dh_size(suite.dh); }
  // Whether a key of the peer's can be used at all. One of small order would make a secret that everybody knows.
  bool is_good(BytesView remote_key) const noexcept { return !crypto::dh_has_small_order(suite.dh, remote_key); }

  // Fills in the role's half of the pattern's pre-messages and says whether any key is missing.
  bool premessage(std::span<const Token> tokens, bool ours, const NoiseKeys& keys);
  bool has_needed_keys() const;

  // The tokens that mix the same secret in on both sides.
  void mix_dh(Token token, Progress& p) const;
  void mix_ephemeral(BytesView key, Progress& p) const {
    p.symmetric.mix_hash(key);
    if (has_psk) p.symmetric.mix_key(key);
  }
  void mix_psk(Progress& p) const { p.symmetric.mix_key_and_hash(psks[p.psk++].view()); }

  void write(Token token, Bytes& message);
  Result<void> read(Token token, BytesView& rest, Progress& p) const;
  std::size_t next_size(std::size_t payload_size) const noexcept;
  void finish_message();
};

bool NoiseHandshake::State::premessage(std::span<const Token> tokens, bool ours, const NoiseKeys& keys) {
  for (const Token token : tokens) {
    if (token == Token::s) {
      if (ours) {
        if (!static_key) return false;
        progress.symmetric.mix_hash(static_key->public_key);
      } else {
        if (keys.remote_static.empty() || !is_good(keys.remote_static)) return false;
        progress.remote_static = keys.remote_static;
        progress.symmetric.mix_hash(progress.remote_static);
      }
    } else {
      CHECK(token == Token::e);
      // Our own ephemeral key is never known before the first message: it is drawn when a message needs it.
      if (ours || keys.remote_ephemeral.empty() || !is_good(keys.remote_ephemeral)) return false;
      progress.remote_ephemeral = keys.remote_ephemeral;
      mix_ephemeral(progress.remote_ephemeral, progress);
    }
  }
  return true;
}

bool NoiseHandshake::State::has_needed_keys() const {
  std::size_t psks_needed = 0;
  for (std::size_t message = 0; message < pattern.messages.size(); ++message) {
    for (const Token token : pattern.messages[message]) {
      const bool own_static = (token == Token::s && writes(role, message)) || token == Token::ss ||
                              token == (initiator() ? Token::se : Token::es);
      if (own_static && !static_key) return false;
      if ((token == Token::e1 || token == Token::ekem1) && !suite.kem) return false;
      if (token == Token::psk) ++psks_needed;
    }
  }
  return psks_needed <= psks.size();
}

void NoiseHandshake::State::mix_dh(Token token, Progress& p) const {
  // The letters of a token: the initiator's key, then the responder's.
  const bool first = token == Token::es || token == Token::ee;
  const bool second = token == Token::se || token == Token::ee;
  const bool own_ephemeral = initiator() ? first : second;
  const bool remote_ephemeral = initiator() ? second : first;
  const auto& own = own_ephemeral ? ephemeral : static_key;
  const auto& remote = remote_ephemeral ? p.remote_ephemeral : p.remote_static;
  CHECK(own && !remote.empty());
  const auto shared = crypto::dh(suite.dh, own->private_key.view(), remote);
  CHECK(shared);  // keys of small order are refused where they come in
  p.symmetric.mix_key(shared->view());
}

void NoiseHandshake::State::write(Token token, Bytes& message) {
  Progress& p = progress;
  switch (token) {
    case Token::e: {
      SecretBytes private_key(dh_size());
      random->fill(private_key.mutable_view());
      ephemeral = DhKeyPair::of(suite.dh, std::move(private_key));
      message.insert(message.end(), ephemeral->public_key.begin(), ephemeral->public_key.end());
      mix_ephemeral(ephemeral->public_key, p);
      break;
    }
    case Token::s:
      p.symmetric.encrypt_and_hash(static_key->public_key, message);
      break;
    case Token::e1: {
      Secret<crypto::kMlKemSeedSize> seed;
      random->fill(seed.mutable_view());
      kem_decapsulation_key = crypto::ml_kem_decapsulation_key(*suite.kem, seed);
      p.symmetric.encrypt_and_hash(encapsulation_key_of(*suite.kem, kem_decapsulation_key), message);
      break;
    }
    case Token::ekem1: {
      Secret<32> m;
      random->fill(m.mutable_view());
      Bytes ciphertext(crypto::ml_kem_sizes(*suite.kem).ciphertext);
      const auto shared = crypto::ml_kem_encapsulate(*suite.kem, p.remote_kem_key, m, ciphertext);
      CHECK(shared);          // the key was checked when it was read
      p.remote_kem_key = {};  // a half-open handshake does without
      p.symmetric.encrypt_and_hash(ciphertext, message);
      p.symmetric.mix_key(shared->view());
      break;
    }
    case Token::psk:
      mix_psk(p);
      break;
    case Token::ee:
    case Token::es:
    case Token::se:
    case Token::ss:
      mix_dh(token, p);
      break;
  }
}

// `rest` is long enough for all tokens: read_message() has checked that.
Result<void> NoiseHandshake::State::read(Token token, BytesView& rest, Progress& p) const {
  constexpr const char* kDoing = "reading a handshake message";
  const auto take = [&rest](std::size_t size) {
    const BytesView taken = rest.first(size);
    rest = rest.subspan(size);
    return taken;
  };
  switch (token) {
    case Token::e: {
      const BytesView key = take(dh_size());
      if (!is_good(key)) return fail(ErrorCode::malformed, kDoing);
      p.remote_ephemeral.assign(key.begin(), key.end());
      mix_ephemeral(key, p);
      break;
    }
    case Token::s: {
      p.remote_static.resize(dh_size());
      if (!p.symmetric.decrypt_and_hash(take(p.symmetric.sealed_size(dh_size())), p.remote_static)) {
        return fail(ErrorCode::not_authentic, kDoing);
      }
      if (!is_good(p.remote_static)) return fail(ErrorCode::malformed, kDoing);
      break;
    }
    case Token::e1: {
      p.remote_kem_key.resize(crypto::ml_kem_sizes(*suite.kem).encapsulation_key);
      const BytesView sealed = take(p.symmetric.sealed_size(p.remote_kem_key.size()));
      if (!p.symmetric.decrypt_and_hash(sealed, p.remote_kem_key)) return fail(ErrorCode::not_authentic, kDoing);
      if (!kem_key_well_formed(p.remote_kem_key)) return fail(ErrorCode::malformed, kDoing);
      break;
    }
    case Token::ekem1: {
      Bytes ciphertext(crypto::ml_kem_sizes(*suite.kem).ciphertext);
      if (!p.symmetric.decrypt_and_hash(take(p.symmetric.sealed_size(ciphertext.size())), ciphertext)) {
        return fail(ErrorCode::not_authentic, kDoing);
      }
      const auto shared = crypto::ml_kem_decapsulate(*suite.kem, kem_decapsulation_key.view(), ciphertext);
      CHECK(shared);  // both sizes are right and the key is our own
      p.symmetric.mix_key(shared->view());
      break;
    }
    case Token::psk:
      mix_psk(p);
      break;
    case Token::ee:
    case Token::es:
    case Token::se:
    case Token::ss:
      mix_dh(token, p);
      break;
  }
  return {};
}

std::size_t NoiseHandshake::State::next_size(std::size_t payload_size) const noexcept {
  bool has_key = progress.symmetric.has_key();
  const auto sealed = [&has_key](std::size_t size) { return has_key ? size + kAeadTagSize : size; };
  std::size_t size = 0;
  for (const Token token : tokens()) {
    switch (token) {
      case Token::e:
        size += dh_size();
        has_key = has_key || has_psk;
        break;
      case Token::s:
        size += sealed(dh_size());
        break;
      case Token::e1:
        size += sealed(crypto::ml_kem_sizes(*suite.kem).encapsulation_key);
        break;
      case Token::ekem1:
        size += sealed(crypto::ml_kem_sizes(*suite.kem).ciphertext);
        has_key = true;
        break;
      case Token::psk:
      case Token::ee:
      case Token::es:
      case Token::se:
      case Token::ss:
        has_key = true;
        break;
    }
  }
  return size + sealed(payload_size);
}

void NoiseHandshake::State::finish_message() {
  if (++progress.message < pattern.messages.size()) return;
  static_key.reset();
  ephemeral.reset();
  kem_decapsulation_key = {};
  psks.clear();
}

NoiseHandshake::NoiseHandshake(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
NoiseHandshake::NoiseHandshake(NoiseHandshake&&) noexcept = default;
NoiseHandshake& NoiseHandshake::operator=(NoiseHandshake&&) noexcept = default;
NoiseHandshake::~NoiseHandshake() = default;

Result<NoiseHandshake> NoiseHandshake::create(const Pattern& pattern, std::string_view protocol_name, NoiseSuite suite,
                                              NoiseRole role, BytesView prologue, NoiseKeys keys,
                                              RandomSource& random) {
  CHECK(!pattern.messages.empty());
  auto state = std::make_unique<State>(
      State{.pattern = pattern,
            .suite = suite,
            .role = role,
            .random = &random,
            .has_psk = std::ranges::any_of(
                pattern.messages, [](auto tokens) { return std::ranges::find(tokens, Token::psk) != tokens.end(); }),
            .static_key = std::move(keys.static_key),
            .ephemeral = std::nullopt,
            .kem_decapsulation_key = {},
            .psks = {},
            .progress = {SymmetricState(suite.aead, suite.hash, as_bytes(protocol_name)), 0, 0, {}, {}, {}}});
  for (const auto& psk : keys.psks) state->psks.emplace_back(psk.view());
  for (const BytesView key : {state->static_key ? BytesView(state->static_key->public_key) : BytesView(),
                              BytesView(keys.remote_static), BytesView(keys.remote_ephemeral)}) {
    CHECK(key.empty() || key.size() == state->dh_size());
  }
  state->progress.symmetric.mix_hash(prologue);
  const bool initiator = role == NoiseRole::initiator;
  if (!state->premessage(pattern.initiator_premessage, initiator, keys) ||
      !state->premessage(pattern.responder_premessage, !initiator, keys) || !state->has_needed_keys()) {
    return fail(ErrorCode::invalid_argument, "starting a handshake");
  }
  return NoiseHandshake(std::move(state));
}

Bytes NoiseHandshake::write_message(BytesView payload) {
  CHECK(my_turn());
  const std::size_t size = next_message_size(payload.size());
  CHECK(size <= kMessageSizeMax);
  Bytes message;
  message.reserve(size);
  for (const Token token : state_->tokens()) state_->write(token, message);
  state_->progress.symmetric.encrypt_and_hash(payload, message);
  CHECK(message.size() == size);
  state_->finish_message();
  return message;
}

Result<Bytes> NoiseHandshake::read_message(BytesView message, const Acceptance& accept) {
  constexpr const char* kDoing = "reading a handshake message";
  CHECK(!finished() && !my_turn());
  const std::size_t size_min = next_message_size(0);
  if (message.size() < size_min || message.size() > kMessageSizeMax) return fail(ErrorCode::malformed, kDoing);
  Bytes payload(message.size() - size_min);
  Progress p = state_->progress.clone();
  BytesView rest = message;
  for (const Token token : state_->tokens()) {
    if (const auto read = state_->read(token, rest, p); !read) return fail(read.error());
  }
  if (!p.symmetric.decrypt_and_hash(rest, payload)) return fail(ErrorCode::not_authentic, kDoing);
  if (accept && !accept(payload, p.remote_static)) return fail(ErrorCode::not_authentic, kDoing);
  state_->progress = std::move(p);
  state_->finish_message();
  return payload;
}

bool NoiseHandshake::my_turn() const noexcept { return !finished() && writes(state_->role, state_->progress.message); }
bool NoiseHandshake::finished() const noexcept { return state_->progress.message == state_->pattern.messages.size(); }
std::size_t NoiseHandshake::next_message_size(std::size_t payload_size) const noexcept {
  CHECK(!finished());
  return state_->next_size(payload_size);
}

Bytes NoiseHandshake::handshake_hash() const {
  CHECK(finished());
  const BytesView h = std::as_const(state_->progress.symmetric).h();
  return {h.begin(), h.end()};
}
const Bytes& NoiseHandshake::remote_static() const noexcept { return state_->progress.remote_static; }
NoiseSplit NoiseHandshake::split() const {
  CHECK(finished());
  auto [initiator, responder] = state_->progress.symmetric.split();
  if (state_->initiator()) return {std::move(initiator), std::move(responder)};
  return {std::move(responder), std::move(initiator)};
}

}  // namespace quantumgate::handshake
