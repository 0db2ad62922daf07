// SPDX-License-Identifier: MIT
#include "session/packet_cipher.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::session {
namespace {

// A nonce or the associated data: 12 bytes, and 4 more that nobody reads. They are written as one: the processor would
// hold up the cipher, which reads them at once, until smaller stores have reached the cache; that took a sixth of the
// time of a packet.
struct Block {
  using Lanes = std::uint64_t __attribute__((vector_size(16)));
  Lanes lanes;
  std::span<const std::byte, 12> twelve() const noexcept {
    return std::as_bytes(std::span<const Lanes, 1>(&lanes, 1)).first<12>();
  }
};

// The integer whose bytes, as they lie in memory, are `value` in big endian.
std::uint64_t in_memory_order(std::uint64_t value) noexcept {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

// The counter, big endian, XORed into the last 8 of the 12 bytes whose first 8 and last 4 are `first` and `last`.
Block with_counter(std::uint64_t first, std::uint64_t last, std::uint64_t counter) noexcept {
  constexpr bool kLittle = std::endian::native == std::endian::little;
  const std::uint64_t bytes = in_memory_order(counter);
  const Block::Lanes lanes{first ^ (kLittle ? bytes << 32 : bytes >> 32), last ^ (kLittle ? bytes >> 32 : bytes << 32)};
  return {lanes};
}

Block nonce(std::span<const std::byte, 16> iv, std::uint64_t counter) noexcept {
  std::uint64_t first = 0, last = 0;
  std::memcpy(&first, iv.data(), sizeof first);
  std::memcpy(&last, iv.data() + sizeof first, sizeof last);
  return with_counter(first, last, counter);
}

// index ‖ counter
Block associated_data(std::uint32_t index, std::uint64_t counter) noexcept {
  return with_counter(in_memory_order(static_cast<std::uint64_t>(index) << 32), 0, counter);
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
    : aead_(aead, keys.key.view()), mask_(aead, keys.mask.view()) {
  std::ranges::copy(keys.iv.view(), iv_.mutable_view().begin());
}

void PacketCipher::seal(std::uint32_t index, std::uint64_t counter, MutableBytesView buffer, std::size_t content_size) {
  CHECK(buffer.size() >= content_size + kPacketOverhead);
  store_be(index, buffer.first<kIndexSize>());
  const auto content = buffer.subspan(kHeaderSize, content_size);
  const auto sealed = buffer.subspan(kHeaderSize, content_size + crypto::kAeadTagSize);
  aead_.seal(nonce(iv_.view(), counter).twelve(), associated_data(index, counter).twelve(), content, sealed);
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
  const bool authentic = aead_.open(
      nonce(iv_.view(), counter).twelve(),
      associated_data(load_be<std::uint32_t>(packet.first<kIndexSize>()), counter).twelve(), sealed, content);
  if (!authentic) return std::nullopt;
  return Opened{counter, content};
}

}  // namespace quantumgate::session
