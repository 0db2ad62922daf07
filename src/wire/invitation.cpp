// SPDX-License-Identifier: MIT
#include "quantumgate/invitation.h"

#include <algorithm>

#include "crypto/hash.hpp"
#include "wire/schema.hpp"

namespace quantumgate {
namespace {

// Spec: docs/spec/01-identity.md, section 7.
constexpr std::string_view kScheme = "qginvite:";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kCheckSize = 4;
constexpr std::size_t kTextMax = 4096;
constexpr const char* kDoing = "reading an invitation";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// RFC 4648, section 5, without padding.
std::string to_base64url(BytesView bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::byte byte : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(byte);
    for (count += 8; count >= 6; count -= 6) text += kBase64Url[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kBase64Url[bits << (6 - count) & 63];
  return text;
}

// Nothing unless `text` is the one encoding of some bytes.
std::optional<Bytes> from_base64url(std::string_view text) {
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kBase64Url.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> count));
    }
  }
  const bool padding_is_zero = (bits & ((1u << count) - 1)) == 0;
  if (count >= 6 || !padding_is_zero) return std::nullopt;
  return bytes;
}

std::array<std::byte, kCheckSize> check_of(BytesView payload) {
  const auto digest = crypto::sha256({as_bytes("QuantumGate invitation v1"), payload});
  std::array<std::byte, kCheckSize> check;
  std::copy_n(digest.begin(), check.size(), check.begin());
  return check;
}

void append_counted(Bytes& out, BytesView bytes) {
  out.push_back(static_cast<std::byte>(bytes.size() >> 8));
  out.push_back(static_cast<std::byte>(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

Result<Invitation> Invitation::parse(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return fail(ErrorCode::malformed, kDoing);
  text = text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
  if (!text.starts_with(kScheme) || text.size() > kTextMax) return fail(ErrorCode::malformed, kDoing);
  const auto decoded = from_base64url(text.substr(kScheme.size()));
  if (!decoded || decoded->size() < 1 + kCheckSize) return fail(ErrorCode::malformed, kDoing);
  const BytesView payload = BytesView(*decoded).first(decoded->size() - kCheckSize);
  if (!std::ranges::equal(check_of(payload), BytesView(*decoded).last(kCheckSize))) {
    return fail(ErrorCode::bad_check_group, kDoing);
  }
  wire::Reader in(payload);
  if (in.integer<std::uint8_t>() != kVersion) return fail(ErrorCode::unsupported, kDoing);
  const auto flags = in.integer<std::uint8_t>();
  const BytesView address_text = in.take(in.integer<std::uint16_t>());
  const BytesView network = in.take(in.integer<std::uint16_t>());
  const bool has_secret = (flags & 1) != 0;
  const BytesView secret = has_secret ? in.take(SharedSecret::size()) : BytesView();
  if (in.failed() || in.left() > 0 || flags > 1 || network.empty() || network.size() > 64) {
    return fail(ErrorCode::malformed, kDoing);
  }
  auto address = Address::parse(as_text(address_text));
  if (!address) return fail(ErrorCode::malformed, kDoing);
  Invitation invitation{std::move(*address), std::string(as_text(network)), std::nullopt};
  if (has_secret) invitation.shared_secret.emplace(secret.first<SharedSecret::size()>());
  return invitation;
}

std::string Invitation::to_string() const {
  Bytes payload{std::byte{kVersion}, shared_secret ? std::byte{1} : std::byte{0}};
  append_counted(payload, as_bytes(address.to_string()));
  append_counted(payload, as_bytes(network));
  if (shared_secret) payload.insert(payload.end(), shared_secret->view().begin(), shared_secret->view().end());
  const auto check = check_of(payload);
  payload.insert(payload.end(), check.begin(), check.end());
  const std::string text = std::string(kScheme) + to_base64url(payload);
  wipe(payload);
  return text;
}

}  // namespace quantumgate
