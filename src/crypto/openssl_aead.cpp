// SPDX-License-Identifier: MIT
#include "crypto/openssl_aead.hpp"

#include <algorithm>
#include <limits>

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

// Fetched once and kept until the process ends: a fetch per key would search the providers again.
const EVP_CIPHER* aead_of(AeadAlgorithm algorithm) {
  static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  const EVP_CIPHER* const cipher = algorithm == AeadAlgorithm::aes_256_gcm ? aes : chacha;
  CHECK(cipher != nullptr);
  return cipher;
}
const EVP_CIPHER* block_cipher_of(AeadAlgorithm algorithm) {
  static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  static EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  const EVP_CIPHER* const cipher = algorithm == AeadAlgorithm::aes_256_gcm ? aes : chacha;
  CHECK(cipher != nullptr);
  return cipher;
}

int int_size(BytesView bytes) {
  CHECK(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  return static_cast<int>(bytes.size());
}

// One context serves both directions: after the first initialisation only the nonce and the direction change, the key
// schedule stays. OpenSSL cleanses it when it frees the context.
class OpensslCipher final : public AeadCipher {
 public:
  OpensslCipher(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key) {
    CHECK(context_ != nullptr);
    CHECK(EVP_CipherInit_ex(context_.get(), aead_of(algorithm), nullptr, octets(key), nullptr, 1) == 1);
  }

  void seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext, MutableBytesView out,
            std::span<std::byte, kAeadTagSize> tag) override {
    EVP_CIPHER_CTX* const c = context_.get();
    start(nonce, aad, true);
    convert(plaintext, out);
    int written = 0;
    CHECK(EVP_CipherFinal_ex(c, octets(tag), &written) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag.data()) == 1);
  }

  bool open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView ciphertext,
            std::span<const std::byte, kAeadTagSize> tag, MutableBytesView out) override {
    EVP_CIPHER_CTX* const c = context_.get();
    // The interface takes the tag as a pointer to mutable bytes.
    std::array<std::byte, kAeadTagSize> expected;
    std::ranges::copy(tag, expected.begin());
    start(nonce, aad, false);
    convert(ciphertext, out);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, expected.data()) == 1);
    std::array<unsigned char, 16> rest;  // stays empty; OpenSSL wants a place
    int written = 0;
    if (EVP_CipherFinal_ex(c, rest.data(), &written) == 1) return true;
    ERR_clear_error();
    return false;
  }

 private:
  void start(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, bool seal) const {
    EVP_CIPHER_CTX* const c = context_.get();
    CHECK(EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, octets(nonce), seal ? 1 : 0) == 1);
    int written = 0;
    if (!aad.empty()) CHECK(EVP_CipherUpdate(c, nullptr, &written, octets(aad), int_size(aad)) == 1);
  }

  // Whole input to whole output; both ciphers are stream ciphers, nothing is held back.
  void convert(BytesView in, MutableBytesView out) const {
    if (in.empty()) return;
    int written = 0;
    CHECK(EVP_CipherUpdate(context_.get(), octets(out), &written, octets(in), int_size(in)) == 1);
    CHECK(written == int_size(in));
  }

  EvpCipherCtx context_{EVP_CIPHER_CTX_new()};
};

class OpensslMask final : public MaskCipher {
 public:
  OpensslMask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key) : algorithm_(algorithm) {
    EVP_CIPHER_CTX* const c = context_.get();
    CHECK(c != nullptr);
    CHECK(EVP_EncryptInit_ex(c, block_cipher_of(algorithm), nullptr, octets(key), nullptr) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(c, 0) == 1);
  }

  std::array<std::byte, 5> mask(std::span<const std::byte, 16> sample) override {
    EVP_CIPHER_CTX* const c = context_.get();
    std::array<std::byte, 5> mask{};
    int written = 0;
    if (algorithm_ == AeadAlgorithm::aes_256_gcm) {
      std::array<std::byte, 16> block;
      CHECK(EVP_EncryptUpdate(c, octets(MutableBytesView(block)), &written, octets(sample), 16) == 1);
      CHECK(written == 16);
      std::copy_n(block.begin(), mask.size(), mask.begin());
    } else {
      // OpenSSL's 16-byte ChaCha20 IV is the little-endian block counter, then the nonce: the sample as it stands.
      constexpr std::array<std::byte, 5> kZeros{};
      CHECK(EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, octets(sample)) == 1);
      CHECK(EVP_EncryptUpdate(c, octets(MutableBytesView(mask)), &written, octets(BytesView(kZeros)), 5) == 1);
      CHECK(written == 5);
    }
    return mask;
  }

 private:
  EvpCipherCtx context_{EVP_CIPHER_CTX_new()};
  const AeadAlgorithm algorithm_;
};

}  // namespace

std::unique_ptr<AeadCipher> make_openssl_cipher(AeadAlgorithm algorithm, std::span<const std::byte, kAeadKeySize> key) {
  return std::make_unique<OpensslCipher>(algorithm, key);
}

std::unique_ptr<MaskCipher> make_openssl_mask(AeadAlgorithm algorithm, std::span<const std::byte, 32> key) {
  return std::make_unique<OpensslMask>(algorithm, key);
}

}  // namespace quantumgate::crypto
