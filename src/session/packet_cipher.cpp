// SPDX-License-Identifier: MIT
#include "session/packet_cipher.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::session {
namespace {

std::array<std::byte, 12> associated_data(BytesView index, std::uint64_t counter) {
  std::array<std::byte, 12> aad;
  std::copy_n(index.begin(), kIndexSize, aad.begin());
  store_be(counter, std::span(aad).last<8>());
  return aad;
}

}  // namespace

PacketKeys PacketKeys::derive(crypto::HashAlgorithm hash, const Secret<32>& secret) {
  // The secret of a hash of 64 bytes is cut to 32 by Noise; HKDF-Expand takes it as it is.
  PacketKeys keys;
  crypto::hkdf_expand(hash, secret.view(), as_bytes("qg key"), keys.key.mutable_view());
  crypto::hkdf_expand(hash, secret.view(), as_bytes("qg iv"), keys.iv.mutable_view());
  crypto::hkdf_expand(hash, secret.view(), as_bytes("qg mask"), keys.mask.mutable_view());
  return keys;
}

PacketCipher::PacketCipher(crypto::AeadAlgorithm aead, PacketKeys keys)
    : aead_(aead, keys.key.view()), iv_(std::move(keys.iv)), mask_(aead, keys.mask.view()) {}

std::array<std::byte, 12> PacketCipher::nonce(std::uint64_t counter) const noexcept {
  std::array<std::byte, 12> nonce{};
  store_be(counter, std::span(nonce).last<8>());
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] ^= iv_.view()[i];
  return nonce;
}

void PacketCipher::seal(std::uint32_t index, std::uint64_t counter, MutableBytesView buffer, std::size_t content_size) {
  CHECK(buffer.size() >= content_size + kPacketOverhead);
  store_be(index, buffer.first<kIndexSize>());
  const auto content = buffer.subspan(kHeaderSize, content_size);
  const auto sealed = buffer.subspan(kHeaderSize, content_size + crypto::kAeadTagSize);
  aead_.seal(nonce(counter), associated_data(buffer, counter), content, sealed);
  const auto mask = mask_(buffer.subspan<kHeaderSize, 16>());
  const auto masked = buffer.subspan<kIndexSize, 4>();
  store_be(static_cast<std::uint32_t>(counter), masked);
  for (std::size_t i = 0; i < masked.size(); ++i) masked[i] ^= mask[i];
}

std::optional<PacketCipher::Opened> PacketCipher::open(std::uint64_t expected, MutableBytesView packet) {
  if (packet.size() < kPacketOverhead || packet.size() > kPacketSizeMax) return std::nullopt;
  const auto mask = mask_(packet.subspan<kHeaderSize, 16>());
  std::array<std::byte, 4> low;
  for (std::size_t i = 0; i < low.size(); ++i) low[i] = packet[kIndexSize + i] ^ mask[i];
  const std::uint64_t counter = restore_counter(expected, load_be<std::uint32_t>(std::span<const std::byte, 4>(low)));

  const auto sealed = packet.subspan(kHeaderSize);
  const auto content = sealed.first(sealed.size() - crypto::kAeadTagSize);
  if (!aead_.open(nonce(counter), associated_data(packet, counter), sealed, content)) return std::nullopt;
  return Opened{counter, content};
}

}  // namespace quantumgate::session
