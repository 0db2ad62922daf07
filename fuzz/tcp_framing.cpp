// SPDX-License-Identifier: MIT
// Goal: a reader of frames takes any bytes in any pieces without fault, keeps no more than one datagram, and gives just
// what one that decodes the whole at once would give. Method: the input is used raw; and as datagrams that a writer
// frames, damaged or not, cut where the input says. The model deciphers the whole stream and walks over it.
#include "wire/tcp_framing.hpp"

#include "fuzz/input.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;
using namespace quantumgate::wire;

struct Decoded {
  std::vector<Bytes> datagrams;
  bool broken = false;
  std::size_t left = 0;
};

Decoded model(const Secret<32>& key, BytesView stream) {
  Decoded decoded;
  if (stream.size() < kTcpSaltSize) return decoded;
  Bytes text(stream.begin() + kTcpSaltSize, stream.end());
  crypto::XChaCha20(key, stream.first<kTcpSaltSize>()).apply(text);
  BytesView rest(text);
  while (rest.size() >= kTcpLengthSize) {
    const std::size_t length = load_be<std::uint16_t>(rest.first<kTcpLengthSize>());
    if (length == 0 || length > kTcpDatagramMax) {
      decoded.broken = true;
      return decoded;
    }
    if (rest.size() < kTcpLengthSize + length) break;
    const BytesView datagram = rest.subspan(kTcpLengthSize, length);
    decoded.datagrams.emplace_back(datagram.begin(), datagram.end());
    rest = rest.subspan(kTcpLengthSize + length);
  }
  decoded.left = rest.size();
  return decoded;
}

void read_in_pieces(fuzz::Input& cuts, const Secret<32>& key, const Bytes& stream) {
  const Decoded expected = model(key, stream);
  TcpFrameReader reader(key);
  Bytes bytes = stream;
  std::vector<Bytes> got;
  for (MutableBytesView rest(bytes); !rest.empty();) {
    const std::size_t cut = cuts.left() > 0 ? cuts.u16() % 3000 : rest.size();
    const auto piece = rest.first(std::min(rest.size(), cut));
    rest = rest.subspan(piece.size());
    std::vector<MutableBytesView> datagrams;
    reader.read(piece, datagrams);
    for (const auto& datagram : datagrams) got.emplace_back(datagram.begin(), datagram.end());
    REQUIRE(reader.kept() < kTcpLengthSize + kTcpDatagramMax);
  }
  REQUIRE(got == expected.datagrams);
  REQUIRE(reader.broken() == expected.broken);
  REQUIRE(reader.kept() == expected.left);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Secret<32>& key = fuzz::some_key();
  fuzz::Input input(data, size);
  const std::uint8_t how = input.u8();
  fuzz::Input cuts(data + 1, std::min<std::size_t>(size == 0 ? 0 : size - 1, how / 4));
  if (how % 4 == 0) {
    read_in_pieces(cuts, key, fuzz::copy(input.rest()));
    return 0;
  }
  sim::SeededRandom random(1);
  TcpFrameWriter writer(key, random);
  std::vector<Bytes> sent;
  Bytes stream;
  for (std::size_t count = input.u8() % 8; count > 0; --count) {
    Bytes& datagram = sent.emplace_back(1 + input.u16() % kTcpDatagramMax, std::byte{input.u8()});
    const BytesView some = input.bytes(input.u8());
    std::copy_n(some.begin(), std::min(some.size(), datagram.size()), datagram.begin());
    writer.append(datagram, stream);
  }
  REQUIRE(model(key, stream).datagrams == sent);
  if (how % 4 == 2) fuzz::damage(input, stream);
  if (how % 4 == 3) {  // the lengths that the input likes
    for (std::size_t at = kTcpSaltSize; input.left() > 0 && at + 1 < stream.size(); at += 1 + input.u8()) {
      stream[at] ^= std::byte{input.u8()};
    }
  }
  read_in_pieces(cuts, key, stream);
  return 0;
}
