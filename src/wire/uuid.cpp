// SPDX-License-Identifier: MIT
#include "quantumgate/uuid.h"

#include "base/byte_order.hpp"
#include "crypto/hash.hpp"
#include "wire/fingerprint.hpp"
#include "wire/hex.hpp"

namespace quantumgate {

namespace wire {
Fingerprint fingerprint_of(std::uint8_t algorithm_id, std::span<const std::byte, 32> public_key) {
  const std::byte id{algorithm_id};
  return {crypto::sha256({as_bytes("QuantumGate peer v1"), BytesView(&id, 1), public_key})};
}
}  // namespace wire

PeerUuid PeerUuid::of(const Fingerprint& fingerprint) noexcept {
  // Two big-endian words, so that "the first 122 bits in order" is a matter of shifts.
  const auto high = load_be<std::uint64_t>(std::span(fingerprint.bytes).first<8>());
  const auto low = load_be<std::uint64_t>(std::span(fingerprint.bytes).subspan<8, 8>());
  const std::uint64_t first = (high >> 16 << 16) | 0x8000 | ((high >> 4) & 0x0fff);  // 48 bits, version 8, 12 bits
  const std::uint64_t next62 = (high << 60 | low >> 4) >> 2;                         // bits 60 to 121
  PeerUuid uuid;
  store_be(first, std::span(uuid.bytes).first<8>());
  store_be(0x8000'0000'0000'0000 | next62, std::span(uuid.bytes).last<8>());
  return uuid;
}

Result<PeerUuid> PeerUuid::parse(std::string_view text) {
  constexpr const char* kDoing = "reading a UUID";
  if (text.size() != 36) return fail(ErrorCode::malformed, kDoing);
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen != (text[i] == '-')) return fail(ErrorCode::malformed, kDoing);
    if (!hyphen) digits += text[i];
  }
  PeerUuid uuid;
  if (!wire::from_hex(digits, uuid.bytes)) return fail(ErrorCode::malformed, kDoing);
  const bool version8 = (uuid.bytes[6] & std::byte{0xf0}) == std::byte{0x80};
  const bool variant = (uuid.bytes[8] & std::byte{0xc0}) == std::byte{0x80};
  if (!version8 || !variant) return fail(ErrorCode::malformed, kDoing);
  return uuid;
}

std::string PeerUuid::to_string() const {
  std::string text = wire::to_hex(bytes);
  for (const std::size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

}  // namespace quantumgate
