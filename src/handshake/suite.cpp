// SPDX-License-Identifier: MIT
#include "handshake/suite.hpp"

#include <algorithm>

#include "quantumgate/suite.h"

namespace quantumgate {
namespace handshake {
namespace {

constexpr auto k25519 = crypto::DhAlgorithm::x25519;
constexpr auto k448 = crypto::DhAlgorithm::x448;
constexpr auto k768 = crypto::MlKemParameters::ml_kem_768;
constexpr auto k1024 = crypto::MlKemParameters::ml_kem_1024;
constexpr auto kAes = crypto::AeadAlgorithm::aes_256_gcm;
constexpr auto kChaCha = crypto::AeadAlgorithm::chacha20_poly1305;
constexpr auto kSha256 = crypto::HashAlgorithm::sha256;
constexpr auto kSha512 = crypto::HashAlgorithm::sha512;
constexpr auto kBlake2s = crypto::HashAlgorithm::blake2s;
constexpr auto kBlake2b = crypto::HashAlgorithm::blake2b;

// Best first.
const Suite kSuites[] = {
    {1, 100, "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256", kXXhfsPsk0, {k25519, k768, kAes, kSha256}},
    {2, 98, "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA512", kXXhfsPsk0, {k25519, k768, kAes, kSha512}},
    {3, 96, "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_BLAKE2s", kXXhfsPsk0, {k25519, k768, kAes, kBlake2s}},
    {4, 94, "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_BLAKE2b", kXXhfsPsk0, {k25519, k768, kAes, kBlake2b}},
    {5, 90, "Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA256", kXXhfsPsk0, {k25519, k768, kChaCha, kSha256}},
    {6, 88, "Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512", kXXhfsPsk0, {k25519, k768, kChaCha, kSha512}},
    {7, 86, "Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_BLAKE2s", kXXhfsPsk0, {k25519, k768, kChaCha, kBlake2s}},
    {8, 84, "Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_BLAKE2b", kXXhfsPsk0, {k25519, k768, kChaCha, kBlake2b}},
    {9, 80, "Noise_XXhfs+psk0_448+MLKEM1024_AESGCM_SHA512", kXXhfsPsk0, {k448, k1024, kAes, kSha512}},
    {10, 78, "Noise_XXhfs+psk0_448+MLKEM1024_AESGCM_BLAKE2b", kXXhfsPsk0, {k448, k1024, kAes, kBlake2b}},
    {11, 70, "Noise_XXhfs+psk0_448+MLKEM1024_ChaChaPoly_SHA512", kXXhfsPsk0, {k448, k1024, kChaCha, kSha512}},
    {12, 68, "Noise_XXhfs+psk0_448+MLKEM1024_ChaChaPoly_BLAKE2b", kXXhfsPsk0, {k448, k1024, kChaCha, kBlake2b}},
};

}  // namespace

std::string key_update_protocol(const Suite& suite) {
  std::string name(suite.protocol_name);
  const std::size_t at = name.find(suite.pattern.name);
  return name.replace(at, suite.pattern.name.size(), kNNhfsPsk0.name);
}

const Suite* find_suite(std::uint8_t id) noexcept {
  for (const Suite& suite : kSuites) {
    if (suite.id == id) return &suite;
  }
  return nullptr;
}

const Suite* find_suite(std::string_view protocol_name) noexcept {
  for (const Suite& suite : kSuites) {
    if (suite.protocol_name == protocol_name) return &suite;
  }
  return nullptr;
}

Bytes all_suites() {
  Bytes ids;
  for (const Suite& suite : kSuites) ids.push_back(std::byte{suite.id});
  return ids;
}

Result<Bytes> suites_named(const std::vector<std::string>& protocol_names) {
  constexpr const char* kDoing = "choosing suites";
  if (protocol_names.empty()) return fail(ErrorCode::invalid_argument, kDoing);
  for (const std::string& name : protocol_names) {
    if (find_suite(name) == nullptr) return fail(ErrorCode::invalid_argument, kDoing);
  }
  Bytes ids;
  for (const Suite& suite : kSuites) {
    const auto named = [&](const std::string& name) { return name == suite.protocol_name; };
    if (std::any_of(protocol_names.begin(), protocol_names.end(), named)) ids.push_back(std::byte{suite.id});
  }
  return ids;
}

bool better_suite_existed(std::uint8_t used, BytesView ours, BytesView theirs) noexcept {
  const Suite* current = find_suite(used);
  if (current == nullptr) return true;
  return std::any_of(ours.begin(), ours.end(), [&](std::byte id) {
    const Suite* suite = find_suite(std::to_integer<std::uint8_t>(id));
    return suite != nullptr && suite->rank > current->rank &&
           std::find(theirs.begin(), theirs.end(), id) != theirs.end();
  });
}

}  // namespace handshake

std::vector<std::string> suite_names() {
  std::vector<std::string> names;
  for (const handshake::Suite& suite : handshake::kSuites) names.emplace_back(suite.protocol_name);
  return names;
}

}  // namespace quantumgate
