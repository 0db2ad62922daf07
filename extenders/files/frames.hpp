// SPDX-License-Identifier: MIT
// What both sides say after the manifest, as bytes.
// Spec: docs/spec/extenders/files.md, section 4.   Threads: one object, one thread.   Memory: less than 64 bytes.
#pragma once

#include <optional>

#include "extenders/files/types.hpp"
#include "quantumgate/bytes.h"

namespace quantumgate::files {

inline constexpr std::size_t kDataBytesMax = 1024 * 1024;  // in one DATA frame

enum class FrameType : std::uint8_t {
  // Receiver to sender:
  want = 1,     // send entry `index`; `offset` bytes of it are here already, to be proven first if not 0
  go = 2,       // after a proof: send it from `offset` on
  done = 3,     // it is here; `present`: was here before, equal
  refused = 4,  // it is not taken, for `reason`
  // Sender to receiver:
  proof = 17,    // the digest of the first `offset` bytes of `index`, as the receiver said them
  file = 18,     // the bytes of `index` from `offset` on follow
  data = 19,     // ... some of them
  end = 20,      // ... those were all; the digest of the whole file
  abandon = 21,  // `index` will not come, for `reason`
};

struct Frame {
  FrameType type{};
  std::uint32_t index = 0;
  std::uint64_t offset = 0;
  bool present = false;
  Reason reason{};
  Digest digest{};
  BytesView data;  // borrowed from what was read; a DATA frame may come in several pieces
};

// Appends `frame`, which is no DATA frame.
void append(Bytes& out, const Frame& frame);
// Appends what goes before `size` bytes of data; 1 to kDataBytesMax.
inline constexpr std::size_t kDataHeadBytes = 5;
void append_data_head(Bytes& out, std::size_t size);

class FrameReader {
 public:
  // The next frame, taken from the front of `input`; nothing when more is needed, or broken().
  std::optional<Frame> next(BytesView& input);
  bool broken() const noexcept { return broken_; }
  // True between frames.
  bool idle() const noexcept { return head_.empty() && data_left_ == 0; }

 private:
  Bytes head_;
  std::size_t data_left_ = 0;
  bool broken_ = false;
};

}  // namespace quantumgate::files
