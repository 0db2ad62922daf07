// SPDX-License-Identifier: MIT
// Owners of OpenSSL's objects and the few conversions its C interface needs. Private to the .cpp files of this folder.
// Layer: crypto.
//
// What this folder asks of OpenSSL can fail in two ways: because of what a peer sent (returned as a value), or because
// of our own mistake or missing memory (CHECK: nothing sensible can be done without cryptography).
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

#include "base/check.hpp"
#include "crypto/octets.hpp"

namespace quantumgate::crypto {

template <auto kFree>
struct OpensslDeleter {
  template <class T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
using EvpCipherCtx = std::unique_ptr<EVP_CIPHER_CTX, OpensslDeleter<&EVP_CIPHER_CTX_free>>;
using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, OpensslDeleter<&EVP_MD_CTX_free>>;
using EvpPkey = std::unique_ptr<EVP_PKEY, OpensslDeleter<&EVP_PKEY_free>>;
using EvpPkeyCtx = std::unique_ptr<EVP_PKEY_CTX, OpensslDeleter<&EVP_PKEY_CTX_free>>;

}  // namespace quantumgate::crypto
