// SPDX-License-Identifier: MIT
#include "crypto/xchacha20_poly1305.hpp"

#include <sodium.h>

#include <algorithm>

#include "base/check.hpp"
#include "crypto/octets.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {
namespace {
static_assert(kXChaChaNonceSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kXChaChaTagSize == crypto_aead_xchacha20poly1305_ietf_ABYTES);
}  // namespace

void xchacha20_poly1305_seal(const Secret<32>& key, std::span<const std::byte, kXChaChaNonceSize> nonce, BytesView aad,
                             BytesView plaintext, MutableBytesView out) {
  need_sodium();
  CHECK(out.size() == plaintext.size() + kXChaChaTagSize);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(octets(out), nullptr, octets(plaintext), plaintext.size(),
                                                   octets(aad), aad.size(), nullptr, octets(nonce),
                                                   octets(key.view())) == 0);
}

bool xchacha20_poly1305_open(const Secret<32>& key, std::span<const std::byte, kXChaChaNonceSize> nonce, BytesView aad,
                             BytesView sealed, MutableBytesView out) {
  need_sodium();
  if (sealed.size() < kXChaChaTagSize) {
    std::ranges::fill(out, std::byte{0});
    return false;
  }
  const std::size_t size = sealed.size() - kXChaChaTagSize;
  CHECK(out.size() == size);
  // The tag is compared before anything is deciphered.
  if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(octets(out), nullptr, octets(sealed), size,
                                                          octets(sealed.last(kXChaChaTagSize)), octets(aad), aad.size(),
                                                          octets(nonce), octets(key.view())) == 0) {
    return true;
  }
  std::ranges::fill(out, std::byte{0});
  return false;
}

}  // namespace quantumgate::crypto
