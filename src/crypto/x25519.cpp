// SPDX-License-Identifier: MIT
#include "crypto/x25519.hpp"

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

EvpPkey private_pkey(const Secret<32>& key) {
  EvpPkey pkey(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, octets(key.view()), key.size()));
  CHECK(pkey != nullptr);
  return pkey;
}

}  // namespace

X25519PublicKey x25519_public_key(const Secret<32>& private_key) {
  const EvpPkey pkey = private_pkey(private_key);
  X25519PublicKey out;
  std::size_t size = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(pkey.get(), octets(MutableBytesView(out)), &size) == 1);
  CHECK(size == out.size());
  return out;
}

std::optional<Secret<32>> x25519(const Secret<32>& private_key, std::span<const std::byte, 32> public_key) {
  const EvpPkey mine = private_pkey(private_key);
  const EvpPkey theirs(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, octets(public_key), public_key.size()));
  CHECK(theirs != nullptr);
  const EvpPkeyCtx context(EVP_PKEY_CTX_new(mine.get(), nullptr));
  CHECK(context != nullptr);
  CHECK(EVP_PKEY_derive_init(context.get()) == 1);
  CHECK(EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1);
  Secret<32> shared;
  std::size_t size = shared.size();
  if (EVP_PKEY_derive(context.get(), octets(shared.mutable_view()), &size) != 1) {
    ERR_clear_error();  // OpenSSL refuses the all-zero result itself
    return std::nullopt;
  }
  CHECK(size == shared.size());
  return shared;
}

}  // namespace quantumgate::crypto
