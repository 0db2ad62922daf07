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
inline constexpr std::uint64_t kForgeriesMax = std::uint64_t{1} << 36;

// Section 3.
inline constexpr std::array<Duration, 5> kRequestDelays{300ms, 600ms, 1200ms, 2400ms, 4800ms};  // the last repeats
inline constexpr std::size_t kRequestTriesMax = 8;
inline constexpr std::size_t kRequestsOpenMax = 16;
inline constexpr std::uint8_t kMethodAreYouThere = 5;
inline constexpr std::uint8_t kMethodKeyUpdate = 6;

// Section 4.
inline constexpr Duration kKeepaliveMin = 15s;
inline constexpr Duration kKeepaliveMax = 20s;
inline constexpr Duration kIdleMax = 60s;
inline constexpr Duration kUnansweredMax = 20s;
inline constexpr Duration kAskAfter = 8s;
inline constexpr Duration kAskAfterSilence = 40s;

// Section 8.
inline constexpr Duration kDatagramCountDelay = 1s;
inline constexpr std::size_t kDatagramsQueuedMax = 64;

// Section 9. Keys are replaced a random time after they were made, or after so much use; ...
inline constexpr Duration kKeyUpdateMin = 5min;
inline constexpr Duration kKeyUpdateMax = 20min;
inline constexpr std::uint64_t kKeyUpdatePackets = std::uint64_t{1} << 26;
inline constexpr std::uint64_t kKeyUpdateBytes = std::uint64_t{1} << 36;
// ... no key is used beyond these.
inline constexpr Duration kKeyAgeMax = 21min;
inline constexpr std::uint64_t kKeyPacketsMax = std::uint64_t{1} << 28;
inline constexpr std::uint64_t kKeyBytesMax = std::uint64_t{1} << 38;
// A session that comes so near to them closes, and has still the means to say so.
inline constexpr Duration kKeyAgeReserve = 1s;
inline constexpr std::uint64_t kKeyPacketsReserve = 16;
inline constexpr Duration kKeyGrace = 10s;
inline constexpr Duration kKeyConfirmedMin = 5s;  // before a responder makes new ones
inline constexpr Duration kRekeyResendInterval = 100ms;
inline constexpr Duration kKeyUpdateAskInterval = 30s;

// Section 5.
inline constexpr Duration kPathDecisionMin = 300ms;
inline constexpr Duration kPathDecisionMax = 5s;
inline constexpr Duration kPathAckDelay = 25ms;
inline constexpr Duration kPathTestMax = 5s;    // after the decision's moment
inline constexpr Duration kPathTestPause = 1s;  // after a test
inline constexpr std::size_t kPathBytesFactor = 3;
inline constexpr std::size_t kPathAnswersMax = 4;
inline constexpr std::size_t kPathBytesFree = 4 * kPacketSizeDefault;  // as if received from a path of our own choice

// 05-tcp.md, section 3.
inline constexpr Duration kQuietMax = 1s;
inline constexpr Duration kPatienceMin = 750ms;
inline constexpr std::array<Duration, 3> kTcpRetryDelays{3s, 6s, 12s};  // the last repeats
inline constexpr Duration kUdpProbeMin = 25s;
inline constexpr Duration kUdpProbeMax = 35s;

// Section 10.
inline constexpr std::array<std::size_t, 4> kSizeClasses{128, 256, 512, 1024};  // of packets; the last is the full size
inline constexpr Duration kCoverIntervalMin = 1ms;
inline constexpr Duration kCoverTickMax = 1s;
inline constexpr Duration kCoverMeanMax = 60s;
inline constexpr Duration kSendDelayMax = 1s;
inline constexpr Duration kHandshakeJitterMax = 2s;
inline constexpr std::size_t kTicksAtOnce = 64;
inline constexpr Duration kClockPeriod = 250ms;     // of an adaptive clock, from one look at its load to the next
inline constexpr std::size_t kClockPacketsMin = 5;  // of a period, which is longer if need be
inline constexpr Duration kClockTickMin = 100us;
inline constexpr unsigned kClockStepsMax = 9;  // each doubles the rate
inline constexpr std::uint64_t kClockFullPercent = 90;
inline constexpr std::uint64_t kClockEmptyPercent = 40;
inline constexpr unsigned kClockPatience = 12;  // full periods that are let pass after a step down

// Section 11.
inline constexpr std::size_t kPacketSizeMaxV6 = 1452;  // what an Ethernet carries by IPv6; kPacketSizeMax by IPv4
inline constexpr std::size_t kMtuExact = 16;           // a search ends when it knows the size so well
inline constexpr int kMtuTries = 3;                    // of each size
inline constexpr Duration kMtuWaitMin = 200ms;
inline constexpr Duration kMtuWaitMax = 5s;
inline constexpr Duration kMtuConfirmInterval = 10s;
inline constexpr Duration kMtuSearchInterval = 10min;

// Section 7.
inline constexpr int kCloseCopies = 2;
inline constexpr Duration kClosingTime = 3s;
inline constexpr int kCloseRepeatsMax = 5;

}  // namespace quantumgate::session
