// SPDX-License-Identifier: MIT
#include "crypto/diffie_hellman.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "crypto/openssl.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {
namespace {

// X448 is OpenSSL's, the only library that has it.

constexpr std::size_t kX448Size = 56;

Bytes x448_public_key(BytesView private_key) {
  const EvpPkey pkey(EVP_PKEY_new_raw_private_key(EVP_PKEY_X448, nullptr, octets(private_key), private_key.size()));
  CHECK(pkey != nullptr);
  Bytes out(kX448Size);
  std::size_t size = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(pkey.get(), octets(MutableBytesView(out)), &size) == 1);
  CHECK(size == out.size());
  return out;
}

// A private key for deriving only. Without a public half OpenSSL computes it, which costs as much as deriving does, and
// deriving never looks at it: zeros will do.
EvpPkey x448_deriving_pkey(BytesView key) {
  SecretBytes private_half(key);  // OSSL_PARAM wants it mutable
  Bytes public_half(key.size());
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private_half.mutable_view().data(), key.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_half.data(), public_half.size()),
      OSSL_PARAM_construct_end()};
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "X448", nullptr));
  CHECK(context != nullptr);
  CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* pkey = nullptr;
  CHECK(EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_KEYPAIR, parameters) == 1);
  return EvpPkey(pkey);
}

std::optional<SecretBytes> x448(BytesView private_key, BytesView public_key) {
  const EvpPkey mine = x448_deriving_pkey(private_key);
  const EvpPkey theirs(EVP_PKEY_new_raw_public_key(EVP_PKEY_X448, nullptr, octets(public_key), public_key.size()));
  CHECK(theirs != nullptr);
  const EvpPkeyCtx context(EVP_PKEY_CTX_new(mine.get(), nullptr));
  CHECK(context != nullptr);
  CHECK(EVP_PKEY_derive_init(context.get()) == 1);
  CHECK(EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1);
  SecretBytes shared(kX448Size);
  std::size_t size = shared.size();
  if (EVP_PKEY_derive(context.get(), octets(shared.mutable_view()), &size) != 1) {
    ERR_clear_error();  // OpenSSL refuses the all-zero result itself
    return std::nullopt;
  }
  CHECK(size == shared.size());
  return shared;
}

// X25519 is libsodium's: nothing is allocated or looked up, which with OpenSSL is a seventh of the time.

static_assert(crypto_scalarmult_curve25519_BYTES == 32 && crypto_scalarmult_curve25519_SCALARBYTES == 32);

Bytes x25519_public_key(BytesView private_key) {
  need_sodium();
  Bytes out(crypto_scalarmult_curve25519_BYTES);
  CHECK(crypto_scalarmult_curve25519_base(octets(MutableBytesView(out)), octets(private_key)) == 0);
  return out;
}

std::optional<SecretBytes> x25519(BytesView private_key, BytesView public_key) {
  need_sodium();
  SecretBytes shared(crypto_scalarmult_curve25519_BYTES);
  if (crypto_scalarmult_curve25519(octets(shared.mutable_view()), octets(private_key), octets(public_key)) != 0) {
    return std::nullopt;  // all zeros
  }
  return shared;
}

// A little-endian number.
template <std::size_t N>
consteval std::array<std::byte, N> number(std::string_view digits) {
  const auto value = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::array<std::byte, N> bytes{};
  for (std::size_t i = 0; i < N; ++i) {
    bytes[i] = static_cast<std::byte>(value(digits.at(2 * i)) << 4 | value(digits.at(2 * i + 1)));
  }
  return bytes;
}

}  // namespace

Bytes dh_public_key(DhAlgorithm algorithm, BytesView private_key) {
  CHECK(private_key.size() == dh_size(algorithm));
  return algorithm == DhAlgorithm::x25519 ? x25519_public_key(private_key) : x448_public_key(private_key);
}

std::optional<SecretBytes> dh(DhAlgorithm algorithm, BytesView private_key, BytesView public_key) {
  CHECK(private_key.size() == dh_size(algorithm) && public_key.size() == dh_size(algorithm));
  return algorithm == DhAlgorithm::x25519 ? x25519(private_key, public_key) : x448(private_key, public_key);
}

bool dh_has_small_order(DhAlgorithm algorithm, BytesView public_key) noexcept {
  CHECK(public_key.size() == dh_size(algorithm));
  // A clamped private key is a multiple of the cofactor, 8 or 4, so the result is zero just for the u coordinates of
  // points of such an order on the curve and its twist. Below, little-endian, every encoding of them.
  if (algorithm == DhAlgorithm::x25519) {
    // Modulo p = 2^255 - 19: 0, 1, -1 and two of order 8; below 2^255, 0 and 1 have a second encoding, p and p + 1. The
    // top bit is ignored (RFC 7748, section 5).
    static constexpr std::array<std::byte, 32> kSmallOrder[] = {
        number<32>("0000000000000000000000000000000000000000000000000000000000000000"),
        number<32>("0100000000000000000000000000000000000000000000000000000000000000"),
        number<32>("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        number<32>("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        number<32>("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        number<32>("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        number<32>("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")};
    std::array<std::byte, 32> u;
    std::ranges::copy(public_key, u.begin());
    u.back() &= std::byte{0x7f};
    return std::ranges::find(kSmallOrder, u) != std::end(kSmallOrder);
  }
  // Modulo p = 2^448 - 2^224 - 1: 0, 1 and -1; below 2^448, 0 and 1 have a second encoding, p and p + 1.
  static constexpr std::array<std::byte, 56> kSmallOrder[] = {
      number<56>("00000000000000000000000000000000000000000000000000000000"
                 "00000000000000000000000000000000000000000000000000000000"),
      number<56>("01000000000000000000000000000000000000000000000000000000"
                 "00000000000000000000000000000000000000000000000000000000"),
      number<56>("feffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                 "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
      number<56>("ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                 "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
      number<56>("00000000000000000000000000000000000000000000000000000000"
                 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff")};
  return std::ranges::any_of(kSmallOrder, [&](const auto& u) { return std::ranges::equal(u, public_key); });
}

DhKeyPair DhKeyPair::of(DhAlgorithm algorithm, SecretBytes private_key) {
  Bytes public_key = dh_public_key(algorithm, private_key.view());
  return {std::move(private_key), std::move(public_key)};
}

}  // namespace quantumgate::crypto
