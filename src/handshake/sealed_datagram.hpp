// SPDX-License-Identifier: MIT
// Sealed datagrams: handshake messages cut into pieces, each encrypted by itself so that nothing of them is readable.
// Spec: docs/spec/02-handshake.md, section 2.   Layer: handshake (sans-I/O).   Threads: any.
#pragma once

#include "base/random.hpp"
#include "handshake/constants.hpp"
#include "handshake/credentials.hpp"
#include "quantumgate/shared_secret.h"
#include "wire/handshake_messages.hpp"

namespace quantumgate::handshake {

// What is made of the things that both sides know before they talk: `number` says what for.
enum class OuterKey : std::uint8_t { to_responder = 1, to_initiator = 2, tcp_to_acceptor = 3, tcp_to_opener = 4 };
Secret<32> outer_key(OuterKey number, const SharedSecret& shared_secret, const PeerUuid& responder,
                     const Key32& network_hash);

// The two keys of all handshakes with one responder.
struct OuterKeys {
  Secret<32> to_responder;
  Secret<32> to_initiator;

  static OuterKeys derive(const SharedSecret& shared_secret, const PeerUuid& responder, const Key32& network_hash);
};

inline constexpr std::size_t kFirstOverhead = kSaltSize + wire::SealedHeader::kSize + 16;  // 72
inline constexpr std::size_t kIndexedOverhead = kIndexSize + kFirstOverhead;               // 76
inline constexpr std::size_t kPieceSizeMax = kDatagramSizeMax - kIndexedOverhead;          // 1156

// How a message of `message_size` bytes is cut. count is more than kPiecesMax if it is too long to be sent.
struct Pieces {
  std::size_t count;
  std::size_t size;  // of each but the last

  static constexpr Pieces of(std::size_t message_size) noexcept {
    const std::size_t count = (message_size + kPieceSizeMax - 1) / kPieceSizeMax;
    return {count, count == 0 ? 0 : (message_size + count - 1) / count};
  }
};

// `index` nothing: a first datagram.
Bytes seal_datagram(const Secret<32>& key, std::optional<std::uint32_t> index, const wire::SealedHeader& header,
                    BytesView piece, RandomSource& random);

struct OpenedDatagram {
  wire::SealedHeader header;
  Bytes piece;
  std::array<std::byte, kSaltSize> salt;
};
// Nothing if `datagram` is not authentic. `indexed`: it begins with an index.
std::optional<OpenedDatagram> open_datagram(const Secret<32>& key, bool indexed, BytesView datagram);

// All datagrams of `message`. `header` gives everything but piece and pieces.
std::vector<Bytes> seal_message(const Secret<32>& key, std::optional<std::uint32_t> index, wire::SealedHeader header,
                                BytesView message, RandomSource& random);

// Puts the pieces of one message together.   Memory: at most 4 pieces of 1,156 bytes.
class PieceCollector {
 public:
  // For message `message_id`, which is cut into `count` pieces (1 to 4).
  PieceCollector(std::uint32_t message_id, std::size_t count) : message_id_(message_id), pieces_(count) {}

  std::uint32_t message_id() const noexcept { return message_id_; }
  std::size_t count() const noexcept { return pieces_.size(); }
  // Keeps the piece unless that number is there already. False if `number` or the size is out of range, or if the
  // message is now complete but not cut as the spec says: then every piece is forgotten.
  bool add(std::size_t number, BytesView piece);
  // The whole message once every piece is there.
  std::optional<Bytes> message() const;
  std::size_t memory_bytes() const noexcept;

 private:
  bool complete() const noexcept;
  bool well_cut() const noexcept;

  std::uint32_t message_id_;
  std::vector<Bytes> pieces_;  // an empty one has not arrived
};

}  // namespace quantumgate::handshake
