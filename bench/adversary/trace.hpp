// SPDX-License-Identifier: MIT
// What somebody who taps the path of one session wrote down, and what the session was really doing.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/time.hpp"

namespace quantumgate::bench {

// In the file it is a number, in this order; classify.py names them likewise.
enum class Activity : std::uint8_t { idle, chat, file, streaming, web };
inline constexpr std::size_t kActivities = 5;

struct SeenDatagram {
  std::uint32_t time_us = 0;  // since the tap began to write
  std::uint16_t size = 0;     // of the UDP payload
  bool from_dialler = false;
};

struct Trace {
  Activity activity = Activity::idle;
  std::uint32_t group = 0;  // traces of one group have the same link, one for each activity
  Duration window{};        // so long the tap wrote
  std::vector<SeenDatagram> seen;

  // What the tap does not know. All from the beginning of the activity to the end of the window, in both directions.
  Duration time{};
  std::uint64_t sent_bytes = 0;     // UDP payload
  std::uint64_t content_bytes = 0;  // of applications, delivered
  std::vector<Duration> delays;     // chat: from sending to delivery of a message; web: from request to whole page
};

// Appends `trace` to `file`: little-endian, as classify.py reads it. False if the disk is full or alike.
bool write(std::FILE* file, const Trace& trace);

}  // namespace quantumgate::bench
