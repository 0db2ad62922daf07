// SPDX-License-Identifier: MIT
#include "tests/vectors/aes_gcm.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

namespace quantumgate::vectors {
namespace {

constexpr std::size_t kTagSize = 16;
struct Free {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

const unsigned char* octets(BytesView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// A context that has taken in everything but the text; null if OpenSSL refuses.
Context start(BytesView key, BytesView iv, BytesView aad, bool seal) {
  const EVP_CIPHER* const cipher = key.size() == 16   ? EVP_aes_128_gcm()
                                   : key.size() == 24 ? EVP_aes_192_gcm()
                                   : key.size() == 32 ? EVP_aes_256_gcm()
                                                      : nullptr;
  Context c(EVP_CIPHER_CTX_new());
  int written = 0;
  if (cipher == nullptr || iv.empty() ||
      EVP_CipherInit_ex(c.get(), cipher, nullptr, nullptr, nullptr, seal ? 1 : 0) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv.size()), nullptr) != 1 ||
      EVP_CipherInit_ex(c.get(), nullptr, nullptr, octets(key), octets(iv), seal ? 1 : 0) != 1 ||
      (!aad.empty() && EVP_CipherUpdate(c.get(), nullptr, &written, octets(aad), static_cast<int>(aad.size())) != 1)) {
    return nullptr;
  }
  return c;
}

// Converts `text` to the first text.size() bytes of `out`.
bool convert(const Context& c, BytesView text, Bytes& out) {
  int written = 0;
  return text.empty() || EVP_CipherUpdate(c.get(), reinterpret_cast<unsigned char*>(out.data()), &written, octets(text),
                                          static_cast<int>(text.size())) == 1;
}

}  // namespace

std::optional<Bytes> aes_gcm_seal(BytesView key, BytesView iv, BytesView aad, BytesView plaintext) {
  const Context c = start(key, iv, aad, true);
  Bytes out(plaintext.size() + kTagSize);
  int written = 0;
  if (!c || !convert(c, plaintext, out) ||
      EVP_CipherFinal_ex(c.get(), reinterpret_cast<unsigned char*>(out.data() + plaintext.size()), &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + plaintext.size()) != 1) {
    return std::nullopt;
  }
  return out;
}

std::optional<Bytes> aes_gcm_open(BytesView key, BytesView iv, BytesView aad, BytesView sealed) {
  if (sealed.size() < kTagSize) return std::nullopt;
  const Context c = start(key, iv, aad, false);
  const BytesView text = sealed.first(sealed.size() - kTagSize);
  std::array<std::byte, kTagSize> tag;
  std::ranges::copy(sealed.last(kTagSize), tag.begin());
  Bytes out(text.size());
  std::array<unsigned char, 16> rest;
  int written = 0;
  if (!c || !convert(c, text, out) || EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) != 1 ||
      EVP_CipherFinal_ex(c.get(), rest.data(), &written) != 1) {
    return std::nullopt;
  }
  return out;
}

}  // namespace quantumgate::vectors
