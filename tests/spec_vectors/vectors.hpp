// SPDX-License-Identifier: MIT
// Reading docs/spec/vectors, and what tests do with them: scripted chance, damage.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/random.hpp"
#include "crypto/diffie_hellman.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/secret.h"
#include "quantumgate/uuid.h"

namespace quantumgate::spec_vectors {

using Json = nlohmann::json;

// A file of docs/spec/vectors; read once, kept for the whole program. Ends the program if it can not be read.
const Json& load(const std::string& name);

Bytes bytes_of(const Json& hex);
std::string hex_of(BytesView bytes);
std::uint32_t index_of(const Json& hex);     // 4 bytes, big-endian
std::uint64_t counter_of(const Json& text);  // decimal text
Endpoint endpoint_of(const Json& side);      // its fields `address` and `port`
PeerUuid uuid_of(const Json& hex);

crypto::DhKeyPair key_pair_of(const Json& private_key);  // its size tells the algorithm

template <std::size_t N>
std::array<std::byte, N> array_of(const Json& hex) {
  const Bytes bytes = bytes_of(hex);
  std::array<std::byte, N> out{};
  if (bytes.size() != N) throw std::length_error("a vector has a field of another size");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}
template <std::size_t N>
Secret<N> secret_of(const Json& hex) {
  return Secret<N>(std::span<const std::byte, N>(array_of<N>(hex)));
}

// Gives out exactly the draws it was told, in that order; a draw of another size, or one too many, fails the test.
class ScriptedRandom final : public RandomSource {
 public:
  void will_draw(Bytes bytes) { script_.push_back(std::move(bytes)); }
  void will_draw(const Json& hex) { will_draw(bytes_of(hex)); }
  void will_draw_u32(std::uint32_t value);
  void fill(MutableBytesView out) override;
  std::size_t left() const noexcept { return script_.size(); }

 private:
  std::deque<Bytes> script_;
};

// Bytes by a fixed rule, for what a test must draw and no vector fixes. They do not repeat within a test program, so
// salts are as different as they should be.
class CountingRandom final : public RandomSource {
 public:
  void fill(MutableBytesView out) override;

 private:
  std::uint64_t state_ = 1;
};

Bytes with_bit_flipped(BytesView bytes, std::size_t bit);
Bytes joined(std::initializer_list<BytesView> parts);

}  // namespace quantumgate::spec_vectors
