// SPDX-License-Identifier: MIT
// Datagrams in a byte stream: 24 printable characters, then frames under a keystream, so that the stream has neither a
// readable length nor the look that the published censor rule blocks. Hides, but authenticates nothing: the datagrams
// do that themselves.
// Spec: docs/spec/05-tcp.md.   Layer: wire (pure functions).   Threads: one object, one thread.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "crypto/xchacha20.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::wire {

inline constexpr std::size_t kTcpSaltSize = crypto::XChaCha20::kNonceSize;
inline constexpr std::size_t kTcpLengthSize = 2;
inline constexpr std::size_t kTcpDatagramMax = 2048;

// The sending direction of one connection.
class TcpFrameWriter {
 public:
  // Draws the salt. `key`: that of the direction.
  TcpFrameWriter(const Secret<32>& key, RandomSource& random);

  // Appends the frame of `datagram` (1 to kTcpDatagramMax bytes) to `out`, ahead of the first one the salt.
  void append(BytesView datagram, Bytes& out);

 private:
  std::array<std::byte, kTcpSaltSize> salt_;
  crypto::XChaCha20 stream_;
  bool begun_ = false;
};

// The receiving direction.   Memory: that of one datagram while it is not complete.
class TcpFrameReader {
 public:
  explicit TcpFrameReader(const Secret<32>& key) : key_(key.clone()) {}

  // The next bytes of the connection, deciphered in place. The datagrams that are now complete are appended to
  // `datagrams`; they borrow from `bytes` and from this object, until its next call. A length out of range ends it:
  // whatever comes then is swallowed.
  void read(MutableBytesView bytes, std::vector<MutableBytesView>& datagrams);
  bool broken() const noexcept { return broken_; }
  // Bytes of the datagram that is not complete yet.
  std::size_t kept() const noexcept { return partial_.size(); }

 private:
  MutableBytesView take_salt(MutableBytesView bytes);

  Secret<32> key_;
  std::array<std::byte, kTcpSaltSize> salt_{};
  std::size_t salt_read_ = 0;
  std::optional<crypto::XChaCha20> stream_;  // once the salt is there
  Bytes partial_;                            // length and what there is of the datagram, deciphered
  Bytes completed_;                          // the datagram that was partial before the last call
  bool broken_ = false;
};

}  // namespace quantumgate::wire
