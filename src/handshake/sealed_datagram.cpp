// SPDX-License-Identifier: MIT
#include "handshake/sealed_datagram.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "base/check.hpp"
#include "crypto/hash.hpp"
#include "crypto/xchacha20_poly1305.hpp"

namespace quantumgate::handshake {

static_assert(kSaltSize == crypto::kXChaChaNonceSize);

Secret<32> outer_key(OuterKey number, const SharedSecret& shared_secret, const PeerUuid& responder,
                     const Key32& network_hash) {
  using crypto::HashAlgorithm;
  Secret<32> prk;
  crypto::hkdf_extract(HashAlgorithm::sha256, as_bytes("QuantumGate outer v1"), shared_secret.view(),
                       prk.mutable_view());
  Bytes info{static_cast<std::byte>(number)};
  info.insert(info.end(), responder.bytes.begin(), responder.bytes.end());
  info.insert(info.end(), network_hash.begin(), network_hash.end());
  Secret<32> key;
  crypto::hkdf_expand(HashAlgorithm::sha256, prk.view(), info, key.mutable_view());
  return key;
}

OuterKeys OuterKeys::derive(const SharedSecret& shared_secret, const PeerUuid& responder, const Key32& network_hash) {
  return {outer_key(OuterKey::to_responder, shared_secret, responder, network_hash),
          outer_key(OuterKey::to_initiator, shared_secret, responder, network_hash)};
}

Bytes seal_datagram(const Secret<32>& key, std::optional<std::uint32_t> index, const wire::SealedHeader& header,
                    BytesView piece, RandomSource& random) {
  const std::size_t salt_at = index ? kIndexSize : 0;
  const std::size_t text_at = salt_at + kSaltSize;
  Bytes datagram(text_at + wire::SealedHeader::kSize + piece.size() + crypto::kXChaChaTagSize);
  CHECK(datagram.size() <= kDatagramSizeMax);
  const std::span<std::byte> all(datagram);
  if (index) store_be(*index, all.first<kIndexSize>());
  const auto salt = all.subspan(salt_at).first<kSaltSize>();
  random.fill(salt);

  const Bytes header_bytes = wire::encode(header);
  const auto text = all.subspan(text_at, wire::SealedHeader::kSize + piece.size());
  std::copy(header_bytes.begin(), header_bytes.end(), text.begin());
  std::copy(piece.begin(), piece.end(), text.begin() + wire::SealedHeader::kSize);
  crypto::xchacha20_poly1305_seal(key, salt, all.first(salt_at), text, all.subspan(text_at));
  return datagram;
}

std::optional<OpenedDatagram> open_datagram(const Secret<32>& key, bool indexed, BytesView datagram) {
  const std::size_t overhead = indexed ? kIndexedOverhead : kFirstOverhead;
  if (datagram.size() < overhead || datagram.size() > kDatagramSizeMax) return std::nullopt;
  const std::size_t salt_at = indexed ? kIndexSize : 0;
  const auto salt = datagram.subspan(salt_at).first<kSaltSize>();
  const auto sealed = datagram.subspan(salt_at + kSaltSize);
  Bytes text(sealed.size() - crypto::kXChaChaTagSize);
  if (!crypto::xchacha20_poly1305_open(key, salt, datagram.first(salt_at), sealed, text)) return std::nullopt;

  auto header = wire::decode<wire::SealedHeader>(BytesView(text).first(wire::SealedHeader::kSize), "");
  if (!header) return std::nullopt;
  OpenedDatagram opened{*header, Bytes(text.begin() + wire::SealedHeader::kSize, text.end()), {}};
  std::copy(salt.begin(), salt.end(), opened.salt.begin());
  return opened;
}

std::vector<Bytes> seal_message(const Secret<32>& key, std::optional<std::uint32_t> index, wire::SealedHeader header,
                                BytesView message, RandomSource& random) {
  const Pieces cut = Pieces::of(message.size());
  CHECK(cut.count >= 1 && cut.count <= kPiecesMax);
  std::vector<Bytes> datagrams;
  header.pieces = static_cast<std::uint8_t>(cut.count);
  for (std::size_t i = 0; i < cut.count; ++i) {
    header.piece = static_cast<std::uint8_t>(i);
    const std::size_t at = i * cut.size;
    datagrams.push_back(
        seal_datagram(key, index, header, message.subspan(at, std::min(cut.size, message.size() - at)), random));
  }
  return datagrams;
}

bool PieceCollector::add(std::size_t number, BytesView piece) {
  if (number >= pieces_.size() || piece.empty() || piece.size() > kPieceSizeMax) return false;
  if (pieces_[number].empty()) pieces_[number].assign(piece.begin(), piece.end());
  if (!complete() || well_cut()) return true;
  // Somebody's piece is not of this message. None is kept: the next copy of the true ones starts anew.
  for (Bytes& kept : pieces_) kept.clear();
  return false;
}

bool PieceCollector::complete() const noexcept {
  return std::none_of(pieces_.begin(), pieces_.end(), [](const Bytes& piece) { return piece.empty(); });
}

// Only the one way of cutting that the spec allows.
bool PieceCollector::well_cut() const noexcept {
  std::size_t size = 0;
  for (const Bytes& piece : pieces_) size += piece.size();
  const Pieces cut = Pieces::of(size);
  const auto whole = [&](const Bytes& piece) { return piece.size() == cut.size; };
  return cut.count == pieces_.size() && std::all_of(pieces_.begin(), pieces_.end() - 1, whole);
}

std::optional<Bytes> PieceCollector::message() const {
  if (!complete()) return std::nullopt;
  Bytes all;
  for (const Bytes& piece : pieces_) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

std::size_t PieceCollector::memory_bytes() const noexcept {
  std::size_t bytes = sizeof *this + pieces_.size() * sizeof(Bytes);
  for (const Bytes& piece : pieces_) bytes += piece.size();
  return bytes;
}

}  // namespace quantumgate::handshake
