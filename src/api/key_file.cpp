// SPDX-License-Identifier: MIT
#include "api/key_file.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/byte_order.hpp"
#include "crypto/xchacha20_poly1305.hpp"
#include "wire/handshake_messages.hpp"

namespace quantumgate::api {
namespace {

using std::string_view_literals::operator""sv;

constexpr auto kMagic = "QGKEY1\0\0"sv;
constexpr std::byte kKdfNone{0};
constexpr std::byte kKdfArgon2id{1};

// Where the fields begin; all offsets follow from section 6.
constexpr std::size_t kKdfAt = 8;
constexpr std::size_t kAlgorithmAt = 9;
constexpr std::size_t kPassesAt = 12;
constexpr std::size_t kMemoryAt = 16;
constexpr std::size_t kSaltAt = 20;
constexpr std::size_t kNonceAt = 36;
constexpr std::size_t kHeadSize = 60;
constexpr std::size_t kSeedSize = 32;
constexpr std::size_t kSealedPlainSize = 68;  // seed ‖ zeros(36)
static_assert(kHeadSize + kSealedPlainSize + crypto::kXChaChaTagSize == kKeyFileSize);

constexpr char kReading[] = "reading a key file";
constexpr char kMaking[] = "making a key file";

// Nothing when the memory can not be had: every other reason is excluded before.
std::optional<Secret<32>> sealing_key(const KeyFileCost& cost, BytesView pass_phrase,
                                      std::span<const std::byte, 16> salt) {
  if (!cost.pass_phrase) return Secret<32>();
  return crypto::argon2id(pass_phrase, salt, cost.argon2);
}

}  // namespace

Result<Secret<kKeyFileSize>> encode_key_file(const Secret<32>& seed, BytesView pass_phrase, crypto::Argon2Cost cost,
                                             RandomSource& random) {
  const KeyFileCost file_cost{.pass_phrase = !pass_phrase.empty(), .argon2 = cost};
  Secret<kKeyFileSize> file;
  const auto bytes = file.mutable_view();
  std::ranges::copy(as_bytes(kMagic), bytes.begin());
  bytes[kAlgorithmAt] = std::byte{wire::kAlgorithmEd25519};
  if (file_cost.pass_phrase) {
    bytes[kKdfAt] = kKdfArgon2id;
    store_be(cost.passes, bytes.subspan<kPassesAt, 4>());
    store_be(cost.memory_kib, bytes.subspan<kMemoryAt, 4>());
  }
  random.fill(bytes.subspan<kSaltAt, kHeadSize - kSaltAt>());  // salt and nonce

  const auto key = sealing_key(file_cost, pass_phrase, bytes.subspan<kSaltAt, 16>());
  if (!key) return fail(ErrorCode::limit, kMaking);
  std::ranges::copy(seed.view(), bytes.begin() + kHeadSize);
  crypto::xchacha20_poly1305_seal(*key, bytes.subspan<kNonceAt, crypto::kXChaChaNonceSize>(), bytes.first(kHeadSize),
                                  bytes.subspan(kHeadSize, kSealedPlainSize), bytes.subspan(kHeadSize));
  return file;
}

Result<KeyFileCost> key_file_cost(BytesView file) {
  if (file.size() != kKeyFileSize) return fail(ErrorCode::malformed, kReading);
  if (as_text(file.first(kMagic.size())) != kMagic) return fail(ErrorCode::malformed, kReading);
  if (file[kAlgorithmAt] != std::byte{wire::kAlgorithmEd25519}) return fail(ErrorCode::malformed, kReading);
  const auto passes = load_be<std::uint32_t>(file.subspan<kPassesAt, 4>());
  const auto memory_kib = load_be<std::uint32_t>(file.subspan<kMemoryAt, 4>());
  if (file[kKdfAt] == kKdfNone && passes == 0 && memory_kib == 0) return KeyFileCost{};
  if (file[kKdfAt] != kKdfArgon2id || passes < 1 || passes > kKeyFilePassesMax || memory_kib < kKeyFileMemoryKibMin ||
      memory_kib > kKeyFileMemoryKibMax) {
    return fail(ErrorCode::malformed, kReading);
  }
  return KeyFileCost{.pass_phrase = true, .argon2 = {.passes = passes, .memory_kib = memory_kib}};
}

Result<Secret<32>> decode_key_file(BytesView file, BytesView pass_phrase) {
  const auto cost = key_file_cost(file);
  if (!cost) return fail(cost.error());
  if (cost->pass_phrase == pass_phrase.empty()) return fail(ErrorCode::wrong_pass_phrase, kReading);

  const auto key = sealing_key(*cost, pass_phrase, file.subspan<kSaltAt, 16>());
  if (!key) return fail(ErrorCode::limit, kReading);
  Secret<kSealedPlainSize> plain;
  if (!crypto::xchacha20_poly1305_open(*key, file.subspan<kNonceAt, crypto::kXChaChaNonceSize>(), file.first(kHeadSize),
                                       file.subspan(kHeadSize), plain.mutable_view())) {
    return fail(cost->pass_phrase ? ErrorCode::wrong_pass_phrase : ErrorCode::malformed, kReading);
  }
  // Only who knows the pass phrase can have put something else here: a later form of the file, not for this reader.
  const auto rest = plain.view().subspan<kSeedSize>();
  if (!std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; })) {
    return fail(ErrorCode::malformed, kReading);
  }
  return Secret<32>(plain.view().first<kSeedSize>());
}

}  // namespace quantumgate::api
