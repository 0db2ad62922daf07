// SPDX-License-Identifier: MIT
#include "quantumgate/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace quantumgate {
namespace {
constexpr std::array<std::byte, 12> kMappedPrefix{std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
                                                  std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
                                                  std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};
}

Endpoint Endpoint::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) noexcept {
  Endpoint e;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), e.ip.begin());
  e.ip[12] = std::byte{a}, e.ip[13] = std::byte{b}, e.ip[14] = std::byte{c}, e.ip[15] = std::byte{d};
  e.port = port;
  return e;
}

bool Endpoint::is_v4() const noexcept { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), ip.begin()); }

Result<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr const char* kDoing = "reading an IP address and port";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::malformed, kDoing);
  std::string_view host = text.substr(0, colon);
  // inet_pton takes a C string: it would not see what stands behind a zero byte.
  if (host.find('\0') != std::string_view::npos) return fail(ErrorCode::malformed, kDoing);
  const std::string_view port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size()) return fail(ErrorCode::malformed, kDoing);

  char buffer[INET6_ADDRSTRLEN] = {};
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    Endpoint e;
    if (host.size() >= sizeof buffer) return fail(ErrorCode::malformed, kDoing);
    std::memcpy(buffer, host.data(), host.size());
    if (inet_pton(AF_INET6, buffer, e.ip.data()) != 1) return fail(ErrorCode::malformed, kDoing);
    e.port = port;
    return e;
  }
  if (host.size() >= sizeof buffer) return fail(ErrorCode::malformed, kDoing);
  std::memcpy(buffer, host.data(), host.size());
  std::uint8_t v4[4];
  if (inet_pton(AF_INET, buffer, v4) != 1) return fail(ErrorCode::malformed, kDoing);
  return Endpoint::v4(v4[0], v4[1], v4[2], v4[3], port);
}

std::string Endpoint::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) {
    inet_ntop(AF_INET, ip.data() + 12, buffer, sizeof buffer);
    return std::string(buffer) + ":" + std::to_string(port);
  }
  inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer);
  return "[" + std::string(buffer) + "]:" + std::to_string(port);
}

}  // namespace quantumgate
