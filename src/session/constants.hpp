// SPDX-License-Identifier: MIT
// The numbers of the session, under the names of the spec.   Spec: docs/spec/03-session.md.   Layer: session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::session {

using namespace std::chrono_literals;

// Section 1.
inline constexpr std::size_t kIndexSize = 4;
inline constexpr std::size_t kHeaderSize = 8;       // index and masked counter
inline constexpr std::size_t kPacketOverhead = 24;  // header and tag
inline constexpr std::size_t kPacketSizeMax = 1472;
inline constexpr std::size_t kPacketSizeDefault = 1232;
inline constexpr std::uint64_t kReplayWindow = 8128;
inline constexpr std::uint64_t kPacketsMax = std::uint64_t{1} << 32;
inline constexpr std::uint64_t kForgeriesMax = std::uint64_t{1} << 36;

// Section 3.
inline constexpr std::array<Duration, 5> kRequestDelays{300ms, 600ms, 1200ms, 2400ms, 4800ms};  // the last repeats
inline constexpr std::size_t kRequestTriesMax = 8;
inline constexpr std::size_t kRequestsOpenMax = 16;
inline constexpr std::uint8_t kMethodAreYouThere = 5;

// Section 4.
inline constexpr Duration kKeepaliveMin = 15s;
inline constexpr Duration kKeepaliveMax = 20s;
inline constexpr Duration kIdleMax = 60s;
inline constexpr Duration kUnansweredMax = 20s;
inline constexpr Duration kAskAfter = 8s;

// Section 8.
inline constexpr Duration kDatagramCountDelay = 1s;
inline constexpr std::size_t kDatagramsQueuedMax = 64;

// Section 7.
inline constexpr int kCloseCopies = 2;
inline constexpr Duration kClosingTime = 3s;
inline constexpr int kCloseRepeatsMax = 5;

}  // namespace quantumgate::session
