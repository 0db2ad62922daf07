// SPDX-License-Identifier: MIT
#include "vectors.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/byte_order.hpp"
#include "wire/hex.hpp"

namespace quantumgate::spec_vectors {

const Json& load(const std::string& name) {
  static std::map<std::string, Json> files;
  const auto known = files.find(name);
  if (known != files.end()) return known->second;
  std::ifstream file(std::string(QG_SPEC_VECTORS_DIR) + "/" + name);
  if (!file) throw std::runtime_error("docs/spec/vectors/" + name + " can not be read");
  return files.emplace(name, Json::parse(file)).first->second;
}

Bytes bytes_of(const Json& hex) {
  const auto& text = hex.get_ref<const std::string&>();
  Bytes bytes(text.size() / 2);
  if (!wire::from_hex(text, bytes)) throw std::invalid_argument("a vector has a field that is not hexadecimal");
  return bytes;
}

std::string hex_of(BytesView bytes) { return wire::to_hex(bytes); }

std::uint32_t index_of(const Json& hex) {
  const auto bytes = array_of<4>(hex);
  return load_be<std::uint32_t>(std::span(bytes));
}

std::uint64_t counter_of(const Json& text) { return std::stoull(text.get_ref<const std::string&>()); }

Endpoint endpoint_of(const Json& side) {
  return {array_of<16>(side.at("address")), side.at("port").get<std::uint16_t>()};
}

crypto::DhKeyPair key_pair_of(const Json& private_key) {
  const Bytes bytes = bytes_of(private_key);
  const auto x25519 = crypto::DhAlgorithm::x25519;
  return crypto::DhKeyPair::of(bytes.size() == crypto::dh_size(x25519) ? x25519 : crypto::DhAlgorithm::x448,
                               SecretBytes(bytes));
}

PeerUuid uuid_of(const Json& hex) { return {array_of<16>(hex)}; }

void ScriptedRandom::will_draw_u32(std::uint32_t value) {
  // RandomSource::u32() fills an integer as it lies in memory.
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  script_.emplace_back(begin, begin + sizeof value);
}

void ScriptedRandom::fill(MutableBytesView out) {
  if (script_.empty() || script_.front().size() != out.size()) {
    ADD_FAILURE() << "a draw of " << out.size() << " bytes that the script does not have; next has "
                  << (script_.empty() ? 0 : script_.front().size()) << ", left " << script_.size();
    std::fill(out.begin(), out.end(), std::byte{0x55});
    return;
  }
  std::copy(script_.front().begin(), script_.front().end(), out.begin());
  script_.pop_front();
}

void CountingRandom::fill(MutableBytesView out) {
  for (std::byte& byte : out) {
    state_ = state_ * 25'214'903'917 + 11;  // as drand48 does
    byte = static_cast<std::byte>(state_ >> 40);
  }
}

Bytes with_bit_flipped(BytesView bytes, std::size_t bit) {
  Bytes damaged(bytes.begin(), bytes.end());
  damaged.at(bit / 8) ^= std::byte{1} << (bit % 8);
  return damaged;
}

Bytes joined(std::initializer_list<BytesView> parts) {
  Bytes all;
  for (const BytesView part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace quantumgate::spec_vectors
