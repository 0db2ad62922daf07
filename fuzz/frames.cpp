// SPDX-License-Identifier: MIT
// Goal: FrameReader takes any content without fault and never points outside of it.
// Method: frames must lie inside the content, in order, without overlap, and account for every byte of it unless it is
// malformed; written again with the same heads they give the same content.
#include "wire/frames.hpp"

#include "fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quantumgate;
  const BytesView content = fuzz::Input(data, size).rest();
  wire::FrameReader reader(content);
  std::size_t at = 0;  // where the next frame begins
  while (const auto frame = reader.next()) {
    REQUIRE(!reader.malformed() && at < content.size());
    const auto type = std::to_integer<std::uint8_t>(content[at]);
    REQUIRE(frame->kind == (type & 0x3f) && frame->must_understand == ((type & 0x80) != 0));
    const bool has_length = (type & 0x40) != 0;
    at += has_length ? 3 : 1;
    REQUIRE(at <= content.size() && frame->body.size() <= content.size() - at);
    REQUIRE(frame->body.empty() || frame->body.data() == content.data() + at);
    if (has_length) {
      REQUIRE(load_be<std::uint16_t>(content.subspan(at - 2).first<2>()) == frame->body.size());
    } else {
      REQUIRE(at + frame->body.size() == content.size());
    }
    at += frame->body.size();
  }
  REQUIRE(reader.malformed() != (at == content.size()));
  REQUIRE(!reader.next());
  return 0;
}
