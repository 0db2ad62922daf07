// SPDX-License-Identifier: MIT
#include "handshake/suite.hpp"

#include <algorithm>

namespace quantumgate::handshake {
namespace {
const Suite kSuites[] = {
    {1,
     100,
     "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256",
     kXXhfsPsk0,
     {crypto::MlKemParameters::ml_kem_768, crypto::AeadAlgorithm::aes_256_gcm, crypto::HashAlgorithm::sha256}},
};
}  // namespace

const Suite* find_suite(std::uint8_t id) noexcept {
  for (const Suite& suite : kSuites) {
    if (suite.id == id) return &suite;
  }
  return nullptr;
}

Bytes all_suites() {
  Bytes ids;
  for (const Suite& suite : kSuites) ids.push_back(std::byte{suite.id});
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

}  // namespace quantumgate::handshake
