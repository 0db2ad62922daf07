// SPDX-License-Identifier: MIT
#include "bench/adversary/trace.hpp"

#include <algorithm>
#include <limits>

namespace quantumgate::bench {
namespace {

constexpr unsigned kFromDialler = 0x8000;  // beside the size

template <class T>
void append(std::vector<std::uint8_t>& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

std::uint32_t microseconds(Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

bool write(std::FILE* file, const Trace& trace) {
  std::vector<std::uint8_t> out;
  append(out, static_cast<std::uint32_t>(trace.activity));
  append(out, trace.group);
  append(out, microseconds(trace.window));
  append(out, microseconds(trace.time));
  append(out, static_cast<std::uint32_t>(trace.seen.size()));
  append(out, static_cast<std::uint32_t>(trace.delays.size()));
  append(out, trace.sent_bytes);
  append(out, trace.content_bytes);
  for (const SeenDatagram& seen : trace.seen) append(out, seen.time_us);
  for (const SeenDatagram& seen : trace.seen) {
    append(out, static_cast<std::uint16_t>(seen.size | (seen.from_dialler ? kFromDialler : 0)));
  }
  for (const Duration delay : trace.delays) append(out, microseconds(delay));
  return std::fwrite(out.data(), 1, out.size(), file) == out.size();
}

}  // namespace quantumgate::bench
