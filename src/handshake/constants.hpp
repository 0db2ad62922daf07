// SPDX-License-Identifier: MIT
// The numbers of the handshake, under the names of the spec.   Spec: docs/spec/02-handshake.md.   Layer: handshake.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace quantumgate::handshake {

using namespace std::chrono_literals;

// Section 2. 1,232 bytes of UDP payload fit the smallest IPv6 path (1,280 bytes).
inline constexpr std::size_t kDatagramSizeMax = 1232;
inline constexpr std::size_t kSaltSize = 24;
inline constexpr std::size_t kIndexSize = 4;
inline constexpr std::size_t kPiecesMax = 4;

// Section 4: when a message is sent again; the last delay repeats.
inline constexpr std::array<Duration, 3> kRetransmitDelays{250ms, 500ms, 1s};
inline constexpr int kCookiesTakenMax = 3;
inline constexpr std::size_t kPathsMax = 16;  // 8 endpoints, by UDP and by TCP

// Section 5.
inline constexpr std::size_t kTrialsPerSecondMax = 50'000;
inline constexpr Duration kTrialsBurst = 100ms;
inline constexpr std::size_t kTrialsReservedPerSecond = 25'000;
inline constexpr std::uint32_t kTrialsShare = 16;
inline constexpr std::chrono::milliseconds kTrialsRefill = 500ms;
inline constexpr std::size_t kSaltsMax = std::size_t{1} << 20;
inline constexpr Duration kSaltLifetime = 240s;
inline constexpr std::int64_t kClockTolerance_s = 120;
inline constexpr Duration kResendInterval = 100ms;
inline constexpr std::size_t kStartsPerSecondMax = 250;
inline constexpr Duration kStartsBurst = 400ms;
inline constexpr std::size_t kStartsReservedPerSecond = 250;
inline constexpr std::uint32_t kStartsShare = 5;
inline constexpr std::chrono::milliseconds kStartsRefill = 10s;
inline constexpr std::size_t kReassemblySlots = 1024;
inline constexpr Duration kReassemblyLifetime = 3s;
inline constexpr std::size_t kHalfOpenSlots = 1024;
inline constexpr std::size_t kHalfOpenBytesMax = 16 * 1024;
inline constexpr Duration kHalfOpenLifetime = 10s;
inline constexpr std::size_t kAmplificationMax = 3;
inline constexpr std::size_t kHeldPacketsMax = 8;
inline constexpr std::size_t kHeldPacketSizeMax = 1472;

// Section 6.
inline constexpr Duration kCookieSecretLifetime = 120s;

// 01-identity.md, section 5.
inline constexpr std::int64_t kStaticKeyLifetime_s = 30 * 86'400;
inline constexpr std::int64_t kStaticKeyRenewal_s = 15 * 86'400;
inline constexpr std::int64_t kStaticKeyLifetimeMax_s = 31 * 86'400;

}  // namespace quantumgate::handshake
