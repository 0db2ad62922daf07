// SPDX-License-Identifier: MIT
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "bench/own_time.hpp"
#include "crypto/system_random.hpp"
#include "session/packet_cipher.hpp"
#ifdef QG_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

namespace quantumgate::bench {
namespace {

constexpr std::size_t kPacket = 1350;
constexpr std::size_t kContent = kPacket - session::kPacketOverhead;
constexpr std::size_t kBuffers = 64;  // as many as one batch; they stay in the cache, as packets do
constexpr int kRounds = 20;           // of all buffers, before the other side has its turn
constexpr int kTurns = 500;

using Buffers = std::vector<std::array<std::byte, 1408>>;

// The same work by the library underneath and nothing else: in place, 12 bytes of associated data, the tag compared.
class Bare {
 public:
  virtual ~Bare() = default;
  virtual void seal(std::byte* packet) = 0;
  virtual bool open(std::byte* packet) = 0;

 protected:
  static constexpr std::size_t kTag = crypto::kAeadTagSize;
  const unsigned char nonce_[12] = {1};
  const unsigned char aad_[12] = {2};
  const unsigned char key_[32] = {3};
};

#ifdef QG_IPSEC_MB
class BareIpsecMb final : public Bare {
 public:
  BareIpsecMb() { IMB_AES256_GCM_PRE(manager_, key_, &schedule_); }
  ~BareIpsecMb() override { free_mb_mgr(manager_); }
  void seal(std::byte* packet) override {
    auto* const p = reinterpret_cast<unsigned char*>(packet) + session::kHeaderSize;
    IMB_AES256_GCM_ENC(manager_, &schedule_, &context_, p, p, kContent, nonce_, aad_, sizeof aad_, p + kContent, kTag);
  }
  bool open(std::byte* packet) override {
    auto* const p = reinterpret_cast<unsigned char*>(packet) + session::kHeaderSize;
    unsigned char tag[kTag];
    IMB_AES256_GCM_DEC(manager_, &schedule_, &context_, p, p, kContent, nonce_, aad_, sizeof aad_, tag, kTag);
    return CRYPTO_memcmp(tag, p + kContent, kTag) == 0;
  }
  static std::unique_ptr<Bare> make() {
    auto bare = std::make_unique<BareIpsecMb>();
    return bare->manager_->features & IMB_FEATURE_AESNI_EMU ? nullptr : std::move(bare);
  }

 private:
  IMB_MGR* manager_ = [] {
    IMB_MGR* const m = alloc_mb_mgr(0);
    init_mb_mgr_auto(m, nullptr);
    return m;
  }();
  alignas(64) gcm_key_data schedule_;
  gcm_context_data context_;
};
#endif

class BareOpenssl final : public Bare {
 public:
  BareOpenssl() { CHECK(EVP_CipherInit_ex(context_, EVP_aes_256_gcm(), nullptr, key_, nullptr, 1) == 1); }
  ~BareOpenssl() override { EVP_CIPHER_CTX_free(context_); }
  void seal(std::byte* packet) override {
    auto* const p = reinterpret_cast<unsigned char*>(packet) + session::kHeaderSize;
    int n = 0;
    EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce_, 1);
    EVP_CipherUpdate(context_, nullptr, &n, aad_, sizeof aad_);
    EVP_CipherUpdate(context_, p, &n, p, kContent);
    EVP_CipherFinal_ex(context_, p + kContent, &n);
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTag, p + kContent);
  }
  bool open(std::byte* packet) override {
    auto* const p = reinterpret_cast<unsigned char*>(packet) + session::kHeaderSize;
    int n = 0;
    EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce_, 0);
    EVP_CipherUpdate(context_, nullptr, &n, aad_, sizeof aad_);
    EVP_CipherUpdate(context_, p, &n, p, kContent);
    EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTag, p + kContent);
    return EVP_CipherFinal_ex(context_, p + kContent, &n) == 1;
  }

 private:
  EVP_CIPHER_CTX* const context_ = EVP_CIPHER_CTX_new();
};

std::unique_ptr<Bare> bare() {
#ifdef QG_IPSEC_MB
  if (crypto::aead_library() == crypto::AeadLibrary::fastest) {
    if (auto bare = BareIpsecMb::make()) return bare;
  }
#endif
  return std::make_unique<BareOpenssl>();
}

session::PacketCipher cipher() {
  session::PacketKeys keys;
  for (const MutableBytesView part :
       {MutableBytesView(keys.key.mutable_view()), MutableBytesView(keys.iv.mutable_view()),
        MutableBytesView(keys.mask.mutable_view())}) {
    std::ranges::fill(part, std::byte{5});
  }
  return session::PacketCipher(crypto::AeadAlgorithm::aes_256_gcm, std::move(keys));
}

double nanoseconds_each(const std::function<void()>& all_buffers) {
  const double begin = own_seconds();
  for (int i = 0; i < kRounds; ++i) all_buffers();
  return (own_seconds() - begin) * 1e9 / (kRounds * static_cast<double>(kBuffers));
}

// Both in turns, so that they see the same machine; the best turn of each, which the fewest others disturbed.
Measured in_turns(const std::function<void()>& ours, const std::function<void()>& theirs) {
  Measured best{1e18, 1e18};
  for (int i = 0; i < kTurns; ++i) {
    best.value = std::min(best.value, nanoseconds_each(ours));
    best.beside = std::min(*best.beside, nanoseconds_each(theirs));
  }
  return best;
}

}  // namespace

Measured seal_1350_ns() {
  auto ours = cipher();
  const auto theirs = bare();
  Buffers buffers(kBuffers);
  for (auto& buffer : buffers) crypto::SystemRandom().fill(buffer);
  std::uint64_t counter = 0;
  return in_turns(
      [&] {
        for (auto& buffer : buffers) ours.seal(7, counter++, MutableBytesView(buffer).first(kPacket), kContent);
      },
      [&] {
        for (auto& buffer : buffers) theirs->seal(buffer.data());
      });
}

// Opening spoils a packet, so each opens a copy; the copying is a part of both.
Measured open_1350_ns() {
  auto ours = cipher();
  const auto theirs = bare();
  Buffers sealed(kBuffers), sealed_bare(kBuffers);
  for (std::size_t i = 0; i < kBuffers; ++i) {
    crypto::SystemRandom().fill(sealed[i]);
    sealed_bare[i] = sealed[i];
    ours.seal(7, i, MutableBytesView(sealed[i]).first(kPacket), kContent);
    theirs->seal(sealed_bare[i].data());
  }
  std::array<std::byte, 1408> packet;
  // Not known to the compiler, which would copy in a way that the processor can not forward to the cipher.
  volatile std::size_t copied = packet.size();
  const std::size_t size = copied;
  return in_turns(
      [&] {
        for (std::size_t i = 0; i < kBuffers; ++i) {
          std::memcpy(packet.data(), sealed[i].data(), size);
          CHECK(ours.open(i, MutableBytesView(packet).first(kPacket)).has_value());
        }
      },
      [&] {
        for (const auto& buffer : sealed_bare) {
          std::memcpy(packet.data(), buffer.data(), size);
          CHECK(theirs->open(packet.data()));
        }
      });
}

}  // namespace quantumgate::bench
