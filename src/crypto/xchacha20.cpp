// SPDX-License-Identifier: MIT
#include "crypto/xchacha20.hpp"

#include <sodium.h>

#include <algorithm>

#include "base/check.hpp"
#include "crypto/octets.hpp"
#include "crypto/sodium.hpp"

namespace quantumgate::crypto {
namespace {

constexpr std::size_t kBlock = 64;
static_assert(XChaCha20::kNonceSize == crypto_stream_xchacha20_NONCEBYTES);

}  // namespace

// What libsodium's crypto_stream_xchacha20 does for each call: a subkey from the nonce's front, ChaCha20 with its end.
XChaCha20::XChaCha20(const Secret<32>& key, std::span<const std::byte, kNonceSize> nonce) {
  need_sodium();
  CHECK(crypto_core_hchacha20(octets(subkey_.mutable_view()), octets(nonce.first<16>()), octets(key.view()), nullptr) ==
        0);
  std::ranges::copy(nonce.last<8>(), nonce_.begin());
}

void XChaCha20::apply(MutableBytesView bytes) noexcept {
  if (const std::size_t used = at_ % kBlock; used != 0 && !bytes.empty()) {  // the rest of a block
    Secret<kBlock> block;
    const auto stream = block.mutable_view();
    const auto head = bytes.first(std::min(bytes.size(), kBlock - used));
    std::ranges::copy(head, stream.begin() + static_cast<std::ptrdiff_t>(used));
    crypto_stream_chacha20_xor_ic(octets(stream), octets(stream), kBlock, octets(std::span<const std::byte, 8>(nonce_)),
                                  at_ / kBlock, octets(subkey_.view()));
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(used), head.size(), head.begin());
    at_ += head.size();
    bytes = bytes.subspan(head.size());
  }
  if (bytes.empty()) return;
  crypto_stream_chacha20_xor_ic(octets(bytes), octets(bytes), bytes.size(),
                                octets(std::span<const std::byte, 8>(nonce_)), at_ / kBlock, octets(subkey_.view()));
  at_ += bytes.size();
}

}  // namespace quantumgate::crypto
