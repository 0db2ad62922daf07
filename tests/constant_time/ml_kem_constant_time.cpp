// SPDX-License-Identifier: MIT
// Goal: our own ML-KEM neither branches on secrets nor uses them as addresses.
// Method: run under valgrind's memcheck with every secret marked as undefined memory; what is computed from undefined
// bytes is undefined too, and memcheck reports each branch and each address that depends on it. What the standard makes
// public is marked as defined where it becomes public: here, and by declassify() in the code under test.
// Limits: memcheck does not see instructions whose time depends on their operands (no_division.cmake looks for the one
// that matters), and only the paths that run are checked, as this compiler has compiled them.
//
// With an argument the program leaks on purpose, to show that the check would notice: `branch` or `index`.
// Exit code: 0, or what valgrind's --error-exitcode says; 2 if something else went wrong.
#include <valgrind/memcheck.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "crypto/declassify.hpp"
#include "crypto/ml_kem_native.hpp"

void quantumgate::crypto::declassify(BytesView bytes) noexcept {
  VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}

namespace {

using namespace quantumgate;
using namespace quantumgate::crypto;

void classify(BytesView bytes) { VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size()); }

volatile int sink;

void leak(std::string_view how, BytesView secret) {
  static constexpr std::array<int, 256> kTable{1, 2, 3};
  if (how == "branch" && secret[0] == std::byte{1}) sink = 1;
  if (how == "index") sink = kTable[std::to_integer<std::size_t>(secret[0])];
}

// One whole life of a key pair. False if the parties do not agree, which would mean that nothing worth checking ran.
bool exchange(MlKemParameters p, std::string_view planted) {
  Secret<kMlKemSeedSize> seed;
  Secret<32> m;
  for (std::size_t i = 0; i < seed.size(); ++i) seed.mutable_view()[i] = static_cast<std::byte>(i * 7);
  classify(seed.view());
  classify(m.view());

  const Bytes encapsulation_key = native::ml_kem_encapsulation_key(p, seed);  // declassified inside
  const SecretBytes decapsulation_key = native::ml_kem_decapsulation_key(p, seed);

  Bytes ciphertext(ml_kem_sizes(p).ciphertext);
  const auto sent = native::ml_kem_encapsulate(p, encapsulation_key, m, ciphertext);
  declassify(ciphertext);  // it goes out to the network
  const auto received = native::ml_kem_decapsulate(p, decapsulation_key.view(), ciphertext);
  ciphertext[0] ^= std::byte{1};
  const auto rejected = native::ml_kem_decapsulate(p, decapsulation_key.view(), ciphertext);
  if (!sent || !received || !rejected) return false;
  leak(planted, received->view());

  declassify(sent->view());
  declassify(received->view());
  declassify(rejected->view());
  return std::ranges::equal(sent->view(), received->view()) && !std::ranges::equal(sent->view(), rejected->view());
}

}  // namespace

int main(int argc, char** argv) {
  if (RUNNING_ON_VALGRIND == 0) {
    std::fputs("this program checks something only under valgrind\n", stderr);
    return 2;
  }
  const std::string_view planted = argc > 1 ? argv[1] : "";
  for (const auto p : {MlKemParameters::ml_kem_768, MlKemParameters::ml_kem_1024}) {
    if (!exchange(p, planted)) {
      std::fputs("the two parties do not agree\n", stderr);
      return 2;
    }
  }
  return 0;
}
