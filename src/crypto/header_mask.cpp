// SPDX-License-Identifier: MIT
#include "crypto/header_mask.hpp"

#include "crypto/aead_cipher.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/openssl_aead.hpp"

namespace quantumgate::crypto {
namespace {

std::unique_ptr<MaskCipher> make_mask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key) {
  if (algorithm == AeadAlgorithm::aes_256_gcm && aead_library() == AeadLibrary::fastest) {
    if (auto mask = make_ipsec_mb_mask(key)) return mask;
  }
  return make_openssl_mask(algorithm, key);
}

}  // namespace

HeaderMask::HeaderMask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key)
    : cipher_(make_mask(algorithm, key)) {}
HeaderMask::HeaderMask(HeaderMask&&) noexcept = default;
HeaderMask& HeaderMask::operator=(HeaderMask&&) noexcept = default;
HeaderMask::~HeaderMask() = default;

std::array<std::byte, 5> HeaderMask::operator()(std::span<const std::byte, 16> sample) { return cipher_->mask(sample); }

}  // namespace quantumgate::crypto
