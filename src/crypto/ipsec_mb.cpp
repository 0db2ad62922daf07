// SPDX-License-Identifier: MIT
#include "crypto/ipsec_mb.hpp"

#ifdef QG_IPSEC_MB

#include <emmintrin.h>
#include <intel-ipsec-mb.h>
#include <wmmintrin.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/secret_arena.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/octets.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::crypto {
namespace {

// A table of the functions that fit this processor. Made once; nothing in it changes, so all threads share it.
// Null on processors without AES instructions: ipsec-mb would emulate them, slower than OpenSSL.
const IMB_MGR* manager() {
  static const IMB_MGR* const made = []() -> const IMB_MGR* {
    IMB_MGR* const m = alloc_mb_mgr(0);
    if (m == nullptr) return nullptr;
    init_mb_mgr_auto(m, nullptr);
    constexpr std::uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
    if (imb_get_errno(m) == 0 && (m->features & kNeeded) == kNeeded && !(m->features & IMB_FEATURE_AESNI_EMU)) return m;
    free_mb_mgr(m);
    return nullptr;
  }();
  return made;
}

class GcmCipher final : public AeadCipher, public InSecretMemory {
 public:
  GcmCipher(const IMB_MGR& mgr, std::span<const std::byte, kAeadKeySize> key) : mgr_(mgr) {
    IMB_AES256_GCM_PRE(&mgr_, key.data(), &key_);
  }
  ~GcmCipher() override {
    wipe(std::as_writable_bytes(std::span(&key_, 1)));
    wipe(std::as_writable_bytes(std::span(&context_, 1)));
  }

  void seal(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView plaintext, MutableBytesView out,
            std::span<std::byte, kAeadTagSize> tag) override {
    IMB_AES256_GCM_ENC(&mgr_, &key_, &context_, octets(out), octets(plaintext), plaintext.size(), octets(nonce),
                       octets(aad), aad.size(), octets(tag), tag.size());
  }

  // ipsec-mb computes the tag and leaves the comparison to its caller.
  bool open(std::span<const std::byte, kAeadNonceSize> nonce, BytesView aad, BytesView ciphertext,
            std::span<const std::byte, kAeadTagSize> tag, MutableBytesView out) override {
    std::array<std::byte, kAeadTagSize> computed;
    IMB_AES256_GCM_DEC(&mgr_, &key_, &context_, octets(out), octets(ciphertext), ciphertext.size(), octets(nonce),
                       octets(aad), aad.size(), octets(std::span(computed)), computed.size());
    return equal(computed, tag);
  }

 private:
  const IMB_MGR& mgr_;
  // The header gives the alignment that the code counts on only where LINUX is defined.
  alignas(64) gcm_key_data key_;
  gcm_context_data context_{};
};

class AesMask final : public MaskCipher, public InSecretMemory {
 public:
  AesMask(const IMB_MGR& mgr, std::span<const std::byte, 32> key) {
    alignas(16) Rounds inverse;
    IMB_AES_KEYEXP_256(&mgr, key.data(), rounds_.data(), inverse.data());
    wipe(std::as_writable_bytes(std::span(inverse)));
  }
  ~AesMask() override { wipe(std::as_writable_bytes(std::span(rounds_))); }

  // One block. ipsec-mb has no call for that, only jobs, which cost more than the block.
  __attribute__((target("aes"))) std::array<std::byte, 5> mask(std::span<const std::byte, 16> sample) override {
    const auto round = [&](std::size_t i) {
      return _mm_load_si128(reinterpret_cast<const __m128i*>(&rounds_[16 * i]));
    };
    __m128i block = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sample.data())), round(0));
    for (std::size_t i = 1; i < kRounds; ++i) block = _mm_aesenc_si128(block, round(i));
    block = _mm_aesenclast_si128(block, round(kRounds));
    std::array<std::byte, 16> bytes;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes.data()), block);
    std::array<std::byte, 5> mask;
    std::copy_n(bytes.begin(), mask.size(), mask.begin());
    return mask;
  }

 private:
  static constexpr std::size_t kRounds = 14;  // FIPS 197, for 256-bit keys
  using Rounds = std::array<std::uint8_t, 16 * (kRounds + 1)>;
  alignas(16) Rounds rounds_;
};

}  // namespace

std::unique_ptr<AeadCipher> make_ipsec_mb_cipher(std::span<const std::byte, kAeadKeySize> key) {
  const IMB_MGR* const m = manager();
  return m == nullptr ? nullptr : std::make_unique<GcmCipher>(*m, key);
}

std::unique_ptr<MaskCipher> make_ipsec_mb_mask(std::span<const std::byte, 32> key) {
  const IMB_MGR* const m = manager();
  return m == nullptr ? nullptr : std::make_unique<AesMask>(*m, key);
}

}  // namespace quantumgate::crypto

#else

namespace quantumgate::crypto {
std::unique_ptr<AeadCipher> make_ipsec_mb_cipher(std::span<const std::byte, kAeadKeySize>) { return nullptr; }
std::unique_ptr<MaskCipher> make_ipsec_mb_mask(std::span<const std::byte, 32>) { return nullptr; }
}  // namespace quantumgate::crypto

#endif
