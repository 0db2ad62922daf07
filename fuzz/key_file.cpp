// SPDX-License-Identifier: MIT
// Goal: key files of any content are read without fault, open only undamaged, and ask only for what the spec allows.
// Method: the input is used raw (with costs above 1 pass or 1 MiB skipped: they would only be slow), and as seed, pass
// phrase and damage of a file written at the lowest cost.
#include "api/key_file.hpp"

#include "fuzz/input.hpp"
#include "sim/random.hpp"

namespace {

using namespace quantumgate;

bool affordable(BytesView file) {
  const auto cost = api::key_file_cost(file);
  if (!cost) return true;
  if (!cost->pass_phrase) return true;
  REQUIRE(cost->argon2.passes >= 1 && cost->argon2.passes <= 16);
  REQUIRE(cost->argon2.memory_kib >= 8 && cost->argon2.memory_kib <= 4 * 1024 * 1024);
  return cost->argon2.passes == 1 && cost->argon2.memory_kib <= 1024;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t mode = input.u8();
  if (mode % 2 == 0) {
    const BytesView pass_phrase = input.bytes(mode / 2 % 8);
    const BytesView file = input.rest();
    if (!affordable(file)) return 0;
    const auto seed = api::decode_key_file(file, pass_phrase);
    if (seed) REQUIRE(file.size() == api::kKeyFileSize && api::key_file_cost(file));
    return 0;
  }

  sim::SeededRandom random(1);
  Secret<32> seed;
  const BytesView some = input.bytes(seed.size());
  std::copy(some.begin(), some.end(), seed.mutable_view().begin());
  const BytesView pass_phrase = input.bytes(mode / 2);
  const auto file = api::encode_key_file(seed, pass_phrase, {.passes = 1, .memory_kib = 8}, random);
  REQUIRE(file);
  const auto again = api::decode_key_file(file->view(), pass_phrase);
  REQUIRE(again && std::ranges::equal(again->view(), seed.view()));

  Bytes damaged = fuzz::copy(file->view());
  fuzz::damage(input, damaged);
  if (!affordable(damaged)) return 0;
  REQUIRE(std::ranges::equal(damaged, file->view()) || !api::decode_key_file(damaged, pass_phrase));
  return 0;
}
