// SPDX-License-Identifier: MIT
// Goal: open_datagram takes any bytes without fault and only what was sealed with its key; messages cut into pieces
// come together again in any order, and only those. Method: the input is used raw, as header and piece of a datagram
// sealed with a known key, as damage to that, as a message to cut, and as any pieces in any order, with a table of the
// pieces as the model.
#include "handshake/sealed_datagram.hpp"

#include "fuzz/input.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::handshake;

void sealed_and_opened(fuzz::Input& input, const Secret<32>& key, RandomSource& random) {
  const auto header = wire::decode<wire::SealedHeader>(input.bytes(wire::SealedHeader::kSize), "fuzzing");
  if (!header) return;
  std::optional<std::uint32_t> index;
  if (input.u8() % 2 != 0) index = input.u32();
  const BytesView piece = input.bytes(input.u16() % (kPieceSizeMax + 1));
  const Bytes datagram = seal_datagram(key, index, *header, piece, random);
  REQUIRE(datagram.size() == (index ? kIndexedOverhead : kFirstOverhead) + piece.size());
  const auto opened = open_datagram(key, index.has_value(), datagram);
  REQUIRE(opened && opened->header == *header && std::ranges::equal(opened->piece, piece));
  REQUIRE(!open_datagram(key, !index, datagram));

  Bytes damaged = datagram;
  fuzz::damage(input, damaged);
  REQUIRE(damaged == datagram || !open_datagram(key, index.has_value(), damaged));
}

void cut_and_joined(fuzz::Input& input, const Secret<32>& key, RandomSource& random) {
  Bytes message(1 + input.u16() % (kPiecesMax * kPieceSizeMax));
  const std::uint32_t order = input.u32();
  const BytesView some = input.rest();
  std::copy_n(some.begin(), std::min(some.size(), message.size()), message.begin());
  auto datagrams = seal_message(key, 5, {}, message, random);
  REQUIRE(!datagrams.empty() && datagrams.size() <= kPiecesMax);
  std::rotate(datagrams.begin(), datagrams.begin() + order % datagrams.size(), datagrams.end());
  PieceCollector collector(0, datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    REQUIRE(!collector.message() && datagrams[i].size() <= kDatagramSizeMax);
    const auto opened = open_datagram(key, true, datagrams[i]);
    REQUIRE(opened && opened->header.pieces == datagrams.size());
    REQUIRE(collector.add(opened->header.piece, opened->piece));
    if (order % 2 != 0) REQUIRE(collector.add(opened->header.piece, opened->piece));  // again: nothing changes
  }
  REQUIRE(collector.message() == message);
}

void any_pieces(fuzz::Input& input) {
  const std::size_t count = 1 + input.u8() % kPiecesMax;
  PieceCollector collector(1, count);
  std::vector<Bytes> model(count);
  while (input.left() > 0) {
    const std::size_t number = input.u8() % (kPiecesMax + 2);
    Bytes piece(input.u16() % (kPieceSizeMax + 4), std::byte{input.u8()});
    const Bytes piece_copy = piece;
    const bool fits = number < count && !piece.empty() && piece.size() <= kPieceSizeMax;
    if (fits && model[number].empty()) model[number] = std::move(piece);

    Bytes whole;
    bool complete = true;
    for (const Bytes& each : model) {
      complete = complete && !each.empty();
      whole.insert(whole.end(), each.begin(), each.end());
    }
    // The cutting of the spec: as few pieces as can be, all but the last of the same size.
    const Pieces cut = Pieces::of(whole.size());
    bool well_cut = cut.count == count;
    for (std::size_t i = 0; i + 1 < count; ++i) well_cut = well_cut && model[i].size() == cut.size;

    REQUIRE(collector.add(number, piece_copy) == (fits && (!complete || well_cut)));
    REQUIRE(collector.memory_bytes() <= 5 * 1024);
    const auto message = collector.message();
    REQUIRE(message.has_value() == (complete && well_cut));
    if (message) REQUIRE(*message == whole);
    if (complete && !well_cut) {  // everything is forgotten
      for (Bytes& each : model) each.clear();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Secret<32>& key = fuzz::some_key();
  sim::SeededRandom random(1);
  fuzz::Input input(data, size);
  switch (input.u8() % 4) {
    case 0: {
      const bool indexed = input.u8() % 2 != 0;
      REQUIRE(!open_datagram(key, indexed, input.rest()));  // a forgery takes 2^128 tries
      break;
    }
    case 1:
      sealed_and_opened(input, key, random);
      break;
    case 2:
      cut_and_joined(input, key, random);
      break;
    case 3:
      any_pieces(input);
      break;
  }
  return 0;
}
