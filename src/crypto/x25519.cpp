// SPDX-License-Identifier: MIT
#include "crypto/x25519.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstdint>

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

EvpPkey private_pkey(const Secret<32>& key) {
  EvpPkey pkey(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, octets(key.view()), key.size()));
  CHECK(pkey != nullptr);
  return pkey;
}

// A private key for deriving only. Without a public half OpenSSL computes it, which costs as much as deriving does, and
// deriving never looks at it: zeros will do.
EvpPkey deriving_pkey(const Secret<32>& key) {
  Secret<32> private_half = key.clone();  // OSSL_PARAM wants it mutable
  std::array<std::byte, 32> public_half{};
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private_half.mutable_view().data(), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_half.data(), public_half.size()),
      OSSL_PARAM_construct_end()};
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr));
  CHECK(context != nullptr);
  CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* pkey = nullptr;
  CHECK(EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_KEYPAIR, parameters) == 1);
  return EvpPkey(pkey);
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
  const EvpPkey mine = deriving_pkey(private_key);
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

bool x25519_has_small_order(std::span<const std::byte, 32> public_key) noexcept {
  // A clamped private key is a multiple of 8, so the result is zero just for the u coordinates of points of order 1, 2,
  // 4 and 8 on the curve and its twist. Modulo p = 2^255 - 19 these are 0, 1, -1 and two of order 8; below 2^255, 0 and
  // 1 have a second encoding, p and p + 1. The top bit is ignored (RFC 7748, section 5).
  using Words = std::array<std::uint64_t, 4>;  // little-endian
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  constexpr std::uint64_t kTop = kOnes >> 1;
  constexpr Words kSmallOrder[] = {{0, 0, 0, 0},
                                   {1, 0, 0, 0},
                                   {0xaeb8413b7c7aebe0, 0x6ac49ff1fae35616, 0xfdb1329ceb8d09da, 0x00b8495f16056286},
                                   {0x248c50a3bc959c5f, 0x5bef839c55b1d0b1, 0x868e1c58c45c4404, 0x57119fd0dd4e22d8},
                                   {0xffffffffffffffec, kOnes, kOnes, kTop},
                                   {0xffffffffffffffed, kOnes, kOnes, kTop},
                                   {0xffffffffffffffee, kOnes, kOnes, kTop}};
  Words u{};
  for (std::size_t i = 0; i < 32; ++i) u[i / 8] |= std::to_integer<std::uint64_t>(public_key[i]) << (8 * (i % 8));
  u[3] &= kTop;
  return std::ranges::find(kSmallOrder, u) != std::end(kSmallOrder);
}

}  // namespace quantumgate::crypto
