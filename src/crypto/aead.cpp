// SPDX-License-Identifier: MIT
#include "crypto/aead.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

// Fetched once and kept until the process ends: a fetch per key would search the providers again.
const EVP_CIPHER* cipher_of(AeadAlgorithm algorithm) {
  static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  const EVP_CIPHER* const cipher = algorithm == AeadAlgorithm::aes_256_gcm ? aes : chacha;
  CHECK(cipher != nullptr);
  return cipher;
}

int int_size(BytesView bytes) {
  CHECK(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

}  // namespace

// One context serves both directions: after the first initialisation only the nonce and the direction change, the key
// schedule stays.
struct AeadKey::Contexts {
  EvpCipherCtx cipher{EVP_CIPHER_CTX_new()};

  void start(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, bool seal) const {
    EVP_CIPHER_CTX* const c = cipher.get();
    CHECK(EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, octets(nonce), seal ? 1 : 0) == 1);
    int written = 0;
    if (!aad.empty()) CHECK(EVP_CipherUpdate(c, nullptr, &written, octets(aad), int_size(aad)) == 1);
  }

  // Whole input to whole output; both ciphers are stream ciphers, nothing is held back.
  void convert(BytesView in, MutableBytesView out) const {
    if (in.empty()) return;
    int written = 0;
    CHECK(EVP_CipherUpdate(cipher.get(), octets(out), &written, octets(in), int_size(in)) == 1);
    CHECK(written == int_size(in));
  }
};

AeadKey::AeadKey(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key)
    : contexts_(std::make_unique<Contexts>()) {
  EVP_CIPHER_CTX* const c = contexts_->cipher.get();
  CHECK(c != nullptr);
  CHECK(EVP_CipherInit_ex(c, cipher_of(algorithm), nullptr, octets(key), nullptr, 1) == 1);
}
AeadKey::AeadKey(AeadKey&&) noexcept = default;
AeadKey& AeadKey::operator=(AeadKey&&) noexcept = default;
AeadKey::~AeadKey() = default;  // OpenSSL cleanses the key schedule when it frees the context

void AeadKey::seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext,
                   MutableBytesView out) {
  CHECK(out.size() == plaintext.size() + kAeadTagSize);
  EVP_CIPHER_CTX* const c = contexts_->cipher.get();
  contexts_->start(nonce, aad, true);
  contexts_->convert(plaintext, out.first(plaintext.size()));
  const MutableBytesView tag = out.last(kAeadTagSize);
  int written = 0;
  CHECK(EVP_CipherFinal_ex(c, octets(tag), &written) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag.data()) == 1);
}

bool AeadKey::open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView sealed,
                   MutableBytesView out) {
  if (sealed.size() < kAeadTagSize) {
    std::ranges::fill(out, std::byte{0});
    return false;
  }
  const BytesView ciphertext = sealed.first(sealed.size() - kAeadTagSize);
  CHECK(out.size() == ciphertext.size());
  // The interface takes the tag as a pointer to mutable bytes; it lies behind what is written in place.
  std::array<std::byte, kAeadTagSize> tag;
  std::ranges::copy(sealed.last(kAeadTagSize), tag.begin());

  EVP_CIPHER_CTX* const c = contexts_->cipher.get();
  contexts_->start(nonce, aad, false);
  contexts_->convert(ciphertext, out);
  CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, tag.data()) == 1);
  std::array<unsigned char, 16> rest;  // stays empty; OpenSSL wants a place
  int written = 0;
  if (EVP_CipherFinal_ex(c, rest.data(), &written) == 1) return true;
  ERR_clear_error();
  std::ranges::fill(out, std::byte{0});
  return false;
}

}  // namespace quantumgate::crypto
