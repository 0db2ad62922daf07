// SPDX-License-Identifier: MIT
#include "quantumgate/address.h"

#include <algorithm>
#include <charconv>

#include "quantumgate/endpoint.h"
#include "wire/hex.hpp"

namespace quantumgate {
namespace {

constexpr std::string_view kScheme = "qg://";
constexpr std::size_t kHostsMax = 8;
constexpr std::size_t kHostSizeMax = 253;  // RFC 1035, section 2.3.4, as text
constexpr const char* kDoing = "reading a peer address";
constexpr std::string_view kBase36 = "0123456789abcdefghijklmnopqrstuvwxyz";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// ISO/IEC 7064 MOD 1271-36: digits and check characters, as one number to base 36, are 1 modulo 1271.
std::string check_group(const PeerUuid& uuid) {
  constexpr unsigned kModulus = 1271;
  unsigned remainder = 0;
  for (const char c : wire::to_hex(uuid.bytes)) {
    remainder = (remainder * 36 + static_cast<unsigned>(*wire::hex_digit(c))) % kModulus;
  }
  const unsigned check = (kModulus + 1 - remainder * (36 * 36 % kModulus) % kModulus) % kModulus;
  return {kBase36[check / 36], kBase36[check % 36]};
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

Result<HostPort> parse_host(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::malformed, kDoing);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);

  HostPort result;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), result.port);
  // A leading zero would be a second text for the same port, and port 0 is none.
  if (error != std::errc{} || end != port_text.data() + port_text.size() || port_text.front() == '0') {
    return fail(ErrorCode::malformed, kDoing);
  }
  if (host.starts_with('[')) {
    if (!Endpoint::parse(text)) return fail(ErrorCode::malformed, kDoing);
    host = host.substr(1, host.size() - 2);
  } else if (host.empty() || host.size() > kHostSizeMax || !std::all_of(host.begin(), host.end(), host_character)) {
    return fail(ErrorCode::malformed, kDoing);
  }
  result.host = host;
  return result;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  constexpr std::size_t kUuidSize = 36;
  constexpr std::size_t kHeadSize = kUuidSize + 3;  // uuid-cc
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  std::string_view rest = lowered;
  if (!rest.starts_with(kScheme)) return fail(ErrorCode::malformed, kDoing);
  rest.remove_prefix(kScheme.size());
  if (rest.size() < kHeadSize || rest[kUuidSize] != '-') return fail(ErrorCode::malformed, kDoing);

  Address address;
  const auto uuid = PeerUuid::parse(rest.substr(0, kUuidSize));
  const std::string_view check = rest.substr(kUuidSize + 1, 2);
  const bool base36 = check.find_first_not_of(kBase36) == std::string_view::npos;
  if (!uuid || !base36) return fail(ErrorCode::malformed, kDoing);
  address.uuid = *uuid;
  rest.remove_prefix(kHeadSize);

  if (!rest.empty()) {
    if (rest.front() != '@') return fail(ErrorCode::malformed, kDoing);
    for (bool more = true; more;) {
      rest.remove_prefix(1);
      const auto comma = rest.find(',');
      more = comma != std::string_view::npos;
      auto host = parse_host(rest.substr(0, comma));
      if (!host || address.hosts.size() == kHostsMax) return fail(ErrorCode::malformed, kDoing);
      address.hosts.push_back(std::move(*host));
      if (more) rest.remove_prefix(comma);
    }
  }
  // Last, so that "only the check characters differ" is what the error says.
  if (check != check_group(address.uuid)) return fail(ErrorCode::bad_check_group, kDoing);
  return address;
}

std::string Address::to_string() const {
  std::string text = std::string(kScheme) + uuid.to_string() + "-" + check_group(uuid);
  char separator = '@';
  for (const auto& [host, port] : hosts) {
    const bool v6 = host.find(':') != std::string::npos;
    text += separator + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
    separator = ',';
  }
  return text;
}

}  // namespace quantumgate
