// SPDX-License-Identifier: MIT
#include "extenders/files/sha256.hpp"

#include <openssl/evp.h>

#include <cstdlib>

namespace quantumgate::files {

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(md); }
};

// OpenSSL refuses these calls only without memory or without SHA-256: nothing that a program could go on after.
Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (context_->md == nullptr || EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) != 1) std::abort();
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(BytesView bytes) {
  if (EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) != 1) std::abort();
}

std::array<std::byte, 32> Sha256::finish() {
  std::array<std::byte, 32> digest{};
  if (EVP_DigestFinal_ex(context_->md, reinterpret_cast<unsigned char*>(digest.data()), nullptr) != 1) std::abort();
  return digest;
}

std::array<std::byte, 32> Sha256::peek() const {
  Sha256 copy;
  if (EVP_MD_CTX_copy_ex(copy.context_->md, context_->md) != 1) std::abort();
  return copy.finish();
}

void Sha256::restart() {
  if (EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) != 1) std::abort();
}

}  // namespace quantumgate::files
