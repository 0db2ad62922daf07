// SPDX-License-Identifier: MIT
/// \file
/// How something is sent: before what else, and compressed or not.
/// Spec: docs/spec/04-streams.md, sections 7 to 9.
#pragma once

#include <cstdint>

namespace quantumgate {

/// What goes first when several streams of one session have bytes to send. Order is kept among things of the same
/// extender and the same priority; across priorities there is none.
enum class Priority : std::uint8_t {
  expedited = 0,  ///< before everything else: short and urgent things
  normal = 1,     ///< the default; streams of this priority take turns
  delayed = 2,    ///< only when nothing else waits: bulk that nobody looks at
};

/// Whether zstd is tried.
enum class Compression : std::uint8_t {
  /// Used where it helps: messages of 128 bytes and more that become smaller; writes to streams until samples show that
  /// the data does not shrink, or the path takes bytes faster than they can be compressed.
  automatic,
  /// Never. For data that is compressed already, and for secrets: the size of a compressed text tells about a secret in
  /// it to who can choose other parts of the text.
  off,
};

/// For one message.
struct SendOptions {
  Priority priority = Priority::normal;              ///< before or behind what else waits
  Compression compression = Compression::automatic;  ///< `off` in ExtenderOptions is stronger
};

/// For one stream, in both directions. Set by the side that opens it.
struct StreamOptions {
  Priority priority = Priority::normal;              ///< of what the opener writes; answers are normal
  Compression compression = Compression::automatic;  ///< `off` in ExtenderOptions is stronger
};

}  // namespace quantumgate
