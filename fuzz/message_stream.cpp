// SPDX-License-Identifier: MIT
// Goal: whatever a peer writes to a stream of messages or of blocks, nothing but what the spec allows comes out, and
// nothing is kept once the stream is over.
// Method: the input's bytes go, in pieces, into such a stream between two ends joined by memory. A short decoder of the
// spec, section 8, foretells the messages; zstd itself is trusted for what it decompresses.
#include <array>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "node/messages_test.hpp"

namespace {

using namespace quantumgate;

// The uncompressed messages of up to 1,000 bytes at the front of `bytes`; stops at anything else.
std::vector<std::string> foretell(BytesView bytes) {
  std::vector<std::string> messages;
  while (bytes.size() >= 4) {
    const auto head = load_be<std::uint32_t>(bytes.first<4>());
    if (head > 1000 || bytes.size() - 4 < head) break;
    messages.emplace_back(as_text(bytes.subspan(4, head)));
    bytes = bytes.subspan(4 + head);
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, std::min<std::size_t>(size, 4096));
  const auto kind = static_cast<wire::StreamKind>(input.u8() % 5);
  const std::size_t piece = 1 + input.u8();
  const bool finish = input.u8() % 2 == 0;

  node::testing::StreamEnds ends;
  const auto id = ends.peer.open();
  REQUIRE(id);
  const Bytes header = wire::StreamHeader{kind, "here"}.encode();
  REQUIRE(ends.peer.write(*id, header) == header.size());
  ends.run();
  Bytes written;
  Bytes read;
  std::array<std::byte, 100> buffer;
  while (input.left() > 0) {
    const BytesView next = input.bytes(piece);
    if (ends.peer.write(*id, next) != next.size()) break;  // broken off by our end
    written.insert(written.end(), next.begin(), next.end());
    ends.run();
    while (ends.stream) {
      const std::size_t moved = ends.stream->read(buffer);
      if (moved == 0) break;
      read.insert(read.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(moved));
    }
  }
  if (finish) ends.peer.finish(*id);
  ends.run();

  if (wire::carries_messages(kind)) {
    const auto expected = foretell(written);
    REQUIRE(ends.hub.got.size() >= expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(ends.hub.got[i] == expected[i]);
    for (const std::string& message : ends.hub.got) REQUIRE(message.size() <= 1000);
    const bool broken = ends.peer_codes.contains(*id);
    if (broken) REQUIRE(ends.peer_codes[*id] == kStreamTooLong || ends.peer_codes[*id] == kStreamMalformed);
    REQUIRE(!(broken || finish) || ends.hub.owners.empty());
  } else if (kind == wire::StreamKind::bytes) {
    REQUIRE(read == written);
  } else if (ends.stream_error) {
    REQUIRE(ends.stream_error->code == ErrorCode::malformed);
  }

  // The header's own decoder.
  const BytesView raw(reinterpret_cast<const std::byte*>(data), size);
  if (const auto wanted = wire::StreamHeader::size(raw); wanted && *wanted <= raw.size()) {
    if (const auto decoded = wire::StreamHeader::decode(raw.first(*wanted))) {
      REQUIRE(decoded->encode() == fuzz::copy(raw.first(*wanted)));
    }
  }
  return 0;
}
