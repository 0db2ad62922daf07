// SPDX-License-Identifier: MIT
#include "crypto/ed25519.hpp"

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

EvpPkey private_pkey(const Secret<32>& seed) {
  EvpPkey pkey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets(seed.view()), seed.size()));
  CHECK(pkey != nullptr);
  return pkey;
}

EvpMdCtx context() {
  EvpMdCtx c(EVP_MD_CTX_new());
  CHECK(c != nullptr);
  return c;
}

}  // namespace

Ed25519PublicKey ed25519_public_key(const Secret<32>& seed) {
  const EvpPkey pkey = private_pkey(seed);
  Ed25519PublicKey out;
  std::size_t size = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(pkey.get(), octets(MutableBytesView(out)), &size) == 1);
  CHECK(size == out.size());
  return out;
}

Ed25519Signature ed25519_sign(const Secret<32>& seed, BytesView message) {
  const EvpPkey pkey = private_pkey(seed);
  const EvpMdCtx c = context();
  CHECK(EVP_DigestSignInit(c.get(), nullptr, nullptr, nullptr, pkey.get()) == 1);
  Ed25519Signature out;
  std::size_t size = out.size();
  CHECK(EVP_DigestSign(c.get(), octets(MutableBytesView(out)), &size, octets(message), message.size()) == 1);
  CHECK(size == out.size());
  return out;
}

bool ed25519_verify(std::span<const std::byte, 32> public_key, BytesView message,
                    std::span<const std::byte, 64> signature) {
  const EvpPkey pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(public_key), public_key.size()));
  CHECK(pkey != nullptr);  // 32 bytes that are no curve point are found out below
  const EvpMdCtx c = context();
  CHECK(EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, pkey.get()) == 1);
  if (EVP_DigestVerify(c.get(), octets(signature), signature.size(), octets(message), message.size()) == 1) return true;
  ERR_clear_error();
  return false;
}

}  // namespace quantumgate::crypto
