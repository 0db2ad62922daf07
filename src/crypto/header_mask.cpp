// SPDX-License-Identifier: MIT
#include "crypto/header_mask.hpp"

#include <algorithm>

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

const EVP_CIPHER* cipher_of(AeadAlgorithm algorithm) {
  static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  const EVP_CIPHER* const cipher = algorithm == AeadAlgorithm::aes_256_gcm ? aes : chacha;
  CHECK(cipher != nullptr);
  return cipher;
}

}  // namespace

struct HeaderMask::Context {
  EvpCipherCtx cipher{EVP_CIPHER_CTX_new()};
  AeadAlgorithm algorithm;
};

HeaderMask::HeaderMask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key)
    : context_(std::make_unique<Context>()) {
  context_->algorithm = algorithm;
  EVP_CIPHER_CTX* const c = context_->cipher.get();
  CHECK(c != nullptr);
  CHECK(EVP_EncryptInit_ex(c, cipher_of(algorithm), nullptr, octets(key), nullptr) == 1);
  CHECK(EVP_CIPHER_CTX_set_padding(c, 0) == 1);
}
HeaderMask::HeaderMask(HeaderMask&&) noexcept = default;
HeaderMask& HeaderMask::operator=(HeaderMask&&) noexcept = default;
HeaderMask::~HeaderMask() = default;

std::array<std::byte, 5> HeaderMask::operator()(std::span<const std::byte, 16> sample) {
  EVP_CIPHER_CTX* const c = context_->cipher.get();
  std::array<std::byte, 5> mask{};
  int written = 0;
  if (context_->algorithm == AeadAlgorithm::aes_256_gcm) {
    std::array<std::byte, 16> block;
    CHECK(EVP_EncryptUpdate(c, octets(MutableBytesView(block)), &written, octets(sample), 16) == 1);
    CHECK(written == 16);
    std::copy_n(block.begin(), mask.size(), mask.begin());
  } else {
    // OpenSSL's 16-byte ChaCha20 IV is the little-endian block counter followed by the nonce: the sample as it stands.
    constexpr std::array<std::byte, 5> kZeros{};
    CHECK(EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, octets(sample)) == 1);
    CHECK(EVP_EncryptUpdate(c, octets(MutableBytesView(mask)), &written, octets(BytesView(kZeros)), 5) == 1);
    CHECK(written == 5);
  }
  return mask;
}

}  // namespace quantumgate::crypto
