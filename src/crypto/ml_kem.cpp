// SPDX-License-Identifier: MIT
// ML-KEM by OpenSSL where it has it, else by ml_kem_native.cpp. Chosen when building: OpenSSL keeps its ABI within a
// major version, so what is built against 3.5 never meets an older one at run time.
#include "crypto/ml_kem.hpp"

#include <openssl/opensslv.h>

#include "crypto/ml_kem_native.hpp"

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "base/check.hpp"
#include "crypto/openssl.hpp"
#endif

namespace quantumgate::crypto {

#if OPENSSL_VERSION_NUMBER >= 0x30500000L

namespace {

const char* name(MlKemParameters p) { return p == MlKemParameters::ml_kem_768 ? "ML-KEM-768" : "ML-KEM-1024"; }

// OpenSSL's parameters point to input without const, but do not change it.
OSSL_PARAM parameter(const char* key, BytesView bytes) {
  return OSSL_PARAM_construct_octet_string(key, const_cast<std::byte*>(bytes.data()), bytes.size());
}

// The parts of a seed's key pair that `part` names, written to `out`.
void generate(MlKemParameters p, const Secret<kMlKemSeedSize>& seed, const char* part, MutableBytesView out) {
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, name(p), nullptr));
  CHECK(context != nullptr);
  OSSL_PARAM parameters[] = {parameter(OSSL_PKEY_PARAM_ML_KEM_SEED, seed.view()), OSSL_PARAM_construct_end()};
  EVP_PKEY* imported = nullptr;
  CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  CHECK(EVP_PKEY_fromdata(context.get(), &imported, EVP_PKEY_KEYPAIR, parameters) == 1);
  const EvpPkey key(imported);
  std::size_t size = 0;
  CHECK(EVP_PKEY_get_octet_string_param(key.get(), part, octets(out), out.size(), &size) == 1 && size == out.size());
}

}  // namespace

Bytes ml_kem_encapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  Bytes result(ml_kem_sizes(p).encapsulation_key);
  generate(p, seed, OSSL_PKEY_PARAM_PUB_KEY, result);
  return result;
}

SecretBytes ml_kem_decapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  SecretBytes result(ml_kem_sizes(p).decapsulation_key);
  generate(p, seed, OSSL_PKEY_PARAM_PRIV_KEY, result.mutable_view());
  return result;
}

std::optional<Secret<32>> ml_kem_encapsulate(MlKemParameters p, BytesView encapsulation_key, const Secret<32>& m,
                                             MutableBytesView ciphertext) {
  CHECK(ciphertext.size() == ml_kem_sizes(p).ciphertext);
  if (encapsulation_key.size() != ml_kem_sizes(p).encapsulation_key) return std::nullopt;
  // The import makes the modulus check.
  const EvpPkey key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, name(p), nullptr, octets(encapsulation_key), encapsulation_key.size()));
  if (key == nullptr) return std::nullopt;
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  CHECK(context != nullptr);
  const OSSL_PARAM parameters[] = {parameter(OSSL_KEM_PARAM_IKME, m.view()), OSSL_PARAM_construct_end()};
  Secret<32> secret;
  std::size_t ciphertext_size = ciphertext.size();
  std::size_t secret_size = secret.size();
  CHECK(EVP_PKEY_encapsulate_init(context.get(), parameters) == 1);
  CHECK(EVP_PKEY_encapsulate(context.get(), octets(ciphertext), &ciphertext_size, octets(secret.mutable_view()),
                             &secret_size) == 1);
  CHECK(ciphertext_size == ciphertext.size() && secret_size == secret.size());
  return secret;
}

std::optional<Secret<32>> ml_kem_decapsulate(MlKemParameters p, BytesView decapsulation_key, BytesView ciphertext) {
  const MlKemSizes sizes = ml_kem_sizes(p);
  if (decapsulation_key.size() != sizes.decapsulation_key || ciphertext.size() != sizes.ciphertext) return std::nullopt;
  // The import makes the hash check.
  const EvpPkey key(
      EVP_PKEY_new_raw_private_key_ex(nullptr, name(p), nullptr, octets(decapsulation_key), decapsulation_key.size()));
  if (key == nullptr) return std::nullopt;
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  CHECK(context != nullptr);
  Secret<32> secret;
  std::size_t secret_size = secret.size();
  CHECK(EVP_PKEY_decapsulate_init(context.get(), nullptr) == 1);
  CHECK(EVP_PKEY_decapsulate(context.get(), octets(secret.mutable_view()), &secret_size, octets(ciphertext),
                             ciphertext.size()) == 1);
  CHECK(secret_size == secret.size());
  return secret;
}

#else

Bytes ml_kem_encapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  return native::ml_kem_encapsulation_key(p, seed);
}

SecretBytes ml_kem_decapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  return native::ml_kem_decapsulation_key(p, seed);
}

std::optional<Secret<32>> ml_kem_encapsulate(MlKemParameters p, BytesView encapsulation_key, const Secret<32>& m,
                                             MutableBytesView ciphertext) {
  return native::ml_kem_encapsulate(p, encapsulation_key, m, ciphertext);
}

std::optional<Secret<32>> ml_kem_decapsulate(MlKemParameters p, BytesView decapsulation_key, BytesView ciphertext) {
  return native::ml_kem_decapsulate(p, decapsulation_key, ciphertext);
}

#endif

}  // namespace quantumgate::crypto
