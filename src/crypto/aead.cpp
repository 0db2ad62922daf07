// SPDX-License-Identifier: MIT
#include "crypto/aead.hpp"

#include <algorithm>
#include <atomic>

#include "base/check.hpp"
#include "crypto/aead_cipher.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/openssl_aead.hpp"

namespace quantumgate::crypto {
namespace {

std::atomic<AeadLibrary> g_library{AeadLibrary::fastest};

std::unique_ptr<AeadCipher> make_cipher(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key) {
  if (algorithm == AeadAlgorithm::aes_256_gcm && g_library == AeadLibrary::fastest) {
    if (auto cipher = make_ipsec_mb_cipher(key)) return cipher;
  }
  return make_openssl_cipher(algorithm, key);
}

}  // namespace

void use_aead_library(AeadLibrary library) noexcept { g_library = library; }
AeadLibrary aead_library() noexcept { return g_library; }

AeadKey::AeadKey(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key)
    : cipher_(make_cipher(algorithm, key)) {}
AeadKey::AeadKey(AeadKey&&) noexcept = default;
AeadKey& AeadKey::operator=(AeadKey&&) noexcept = default;
AeadKey::~AeadKey() = default;

void AeadKey::seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext,
                   MutableBytesView out) {
  CHECK(out.size() == plaintext.size() + kAeadTagSize);
  cipher_->seal(nonce, aad, plaintext, out.first(plaintext.size()), out.last<kAeadTagSize>());
}

bool AeadKey::open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView sealed,
                   MutableBytesView out) {
  if (sealed.size() >= kAeadTagSize) {
    CHECK(out.size() == sealed.size() - kAeadTagSize);
    if (cipher_->open(nonce, aad, sealed.first(out.size()), sealed.last<kAeadTagSize>(), out)) return true;
  }
  wipe(out);
  return false;
}

}  // namespace quantumgate::crypto
