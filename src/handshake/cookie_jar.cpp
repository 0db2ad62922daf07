// SPDX-License-Identifier: MIT
#include "handshake/cookie_jar.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/hash.hpp"
#include "handshake/constants.hpp"

namespace quantumgate::handshake {

wire::Cookie CookieJar::compute(const Secret<32>& secret, const Endpoint& source, std::uint32_t sender_index) {
  std::array<std::byte, 6> tail;
  store_be(source.port, std::span(tail).first<2>());
  store_be(sender_index, std::span(tail).last<4>());
  std::array<std::byte, 32> digest;
  crypto::hmac(crypto::HashAlgorithm::sha256, secret.view(), {source.ip, tail}, digest);
  wire::Cookie cookie;
  std::copy_n(digest.begin(), cookie.size(), cookie.begin());
  return cookie;
}

wire::Cookie CookieJar::make(TimePoint now, const Endpoint& source, std::uint32_t sender_index) {
  rotate(now);
  return compute(current_, source, sender_index);
}

std::optional<wire::Cookie> CookieJar::demand(TimePoint now, const Endpoint& source, std::uint32_t sender_index,
                                              const wire::Cookie& shown) {
  const wire::Cookie right = make(now, source, sender_index);
  // Most of a flood shows none, and a hash is most of what it costs.
  const bool passes = shown != wire::Cookie{} &&
                      (crypto::equal(right, shown) || crypto::equal(compute(previous_, source, sender_index), shown));
  return passes ? std::nullopt : std::optional(right);
}

void CookieJar::rotate(TimePoint now) {
  if (started_ && now - since_ < kCookieSecretLifetime) return;
  const bool previous_is_fresh = started_ && now - since_ < 2 * kCookieSecretLifetime;
  if (previous_is_fresh) {
    previous_ = std::move(current_);
  } else {
    random_.fill(previous_.mutable_view());  // nobody holds a cookie of it
  }
  random_.fill(current_.mutable_view());
  since_ = previous_is_fresh ? since_ + kCookieSecretLifetime : now;  // not later, however late it was asked for
  started_ = true;
}

}  // namespace quantumgate::handshake
