// SPDX-License-Identifier: MIT
// The header of sealed datagrams and the payloads of the three handshake messages.
// Spec: docs/spec/02-handshake.md, sections 2 and 3.   Layer: wire (pure functions).
#pragma once

#include "quantumgate/endpoint.h"
#include "wire/schema.hpp"

namespace quantumgate::wire {

enum class SealedType : std::uint8_t { message1 = 1, message2 = 2, message3 = 3, cookie = 4 };

using Cookie = std::array<std::byte, 16>;

struct SealedHeader {
  SealedType type{};
  std::uint8_t suite = 0;
  std::uint8_t piece = 0;
  std::uint8_t pieces = 1;
  std::uint32_t time = 0;
  std::uint32_t sender_index = 0;
  std::uint32_t message_id = 0;
  Cookie cookie{};

  static constexpr auto kFields =
      fields(field("type", &SealedHeader::type), field("suite", &SealedHeader::suite),
             field("piece", &SealedHeader::piece), field("pieces", &SealedHeader::pieces),
             field("time", &SealedHeader::time), field("sender index", &SealedHeader::sender_index),
             field("message id", &SealedHeader::message_id), field("cookie", &SealedHeader::cookie));
  static constexpr std::size_t kSize = 32;
  friend bool operator==(const SealedHeader&, const SealedHeader&) = default;
};

inline constexpr std::uint8_t kProtocolVersion = 1;
inline constexpr std::uint8_t kAlgorithmEd25519 = 1;

struct Payload1 {
  std::uint8_t version = kProtocolVersion;
  std::uint32_t session_index = 0;
  std::uint32_t handshake_index = 0;
  Reserved<7> reserved;

  static constexpr auto kFields =
      fields(field("version", &Payload1::version), field("session index", &Payload1::session_index),
             field("handshake index", &Payload1::handshake_index), field("reserved", &Payload1::reserved));
  static constexpr std::size_t kSize = 16;
  friend bool operator==(const Payload1&, const Payload1&) = default;
};

// Who somebody is and what he can do; the payload of message 3, and most of that of message 2.
struct Introduction {
  std::uint8_t algorithm = kAlgorithmEd25519;
  std::array<std::byte, 32> identity_key{};
  std::uint64_t expiry = 0;
  std::array<std::byte, 64> signature{};
  std::array<std::byte, 16> observed_address{};
  std::uint16_t observed_port = 0;
  CountedBytes<1, 32> suites;
  CountedBytes<0, 128> stream_parameters;
  Extensions extensions;

  static constexpr auto kFields = fields(
      field("algorithm id", &Introduction::algorithm), field("identity key", &Introduction::identity_key),
      field("expiry", &Introduction::expiry), field("signature", &Introduction::signature),
      field("observed address", &Introduction::observed_address), field("observed port", &Introduction::observed_port),
      field("suites", &Introduction::suites), field("stream parameters", &Introduction::stream_parameters),
      field("extensions", &Introduction::extensions));
  friend bool operator==(const Introduction&, const Introduction&) = default;
};

struct Payload2 {
  std::uint32_t session_index = 0;
  std::uint32_t handshake_index = 0;
  Introduction introduction;

  static constexpr auto kFields =
      fields(field("session index", &Payload2::session_index), field("handshake index", &Payload2::handshake_index),
             field("introduction", &Payload2::introduction));
  friend bool operator==(const Payload2&, const Payload2&) = default;
};

}  // namespace quantumgate::wire
