// SPDX-License-Identifier: MIT
// HMAC is built on Hash by its definition (RFC 2104): a handshake runs dozens of them, and OpenSSL's EVP_MAC costs more
// in set-up than the hashing itself. One context per thread and algorithm serves the one-shot functions.
#include "crypto/hash.hpp"

#include <algorithm>

#include "crypto/openssl.hpp"

namespace quantumgate::crypto {
namespace {

// Fetched once and kept until the process ends.
const EVP_MD* digest_of(HashAlgorithm algorithm) {
  static const std::array<EVP_MD*, 4> kDigests{
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_fetch(nullptr, "SHA512", nullptr),
      EVP_MD_fetch(nullptr, "BLAKE2S-256", nullptr), EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr)};
  const EVP_MD* const digest = kDigests[static_cast<std::size_t>(algorithm)];
  CHECK(digest != nullptr);
  return digest;
}

Hash& thread_hash(HashAlgorithm algorithm) {
  thread_local std::array<std::unique_ptr<Hash>, 4> hashes;
  std::unique_ptr<Hash>& slot = hashes[static_cast<std::size_t>(algorithm)];
  if (!slot) slot = std::make_unique<Hash>(algorithm);
  return *slot;
}

void hash_parts(HashAlgorithm algorithm, std::span<const BytesView> parts, MutableBytesView out) {
  Hash& h = thread_hash(algorithm);
  for (const BytesView part : parts) h.update(part);
  h.finish(out);
}

// A key prepared for HMAC: both padded blocks.
class HmacKey {
 public:
  HmacKey(HashAlgorithm algorithm, BytesView key) : algorithm_(algorithm) {
    const MutableBytesView block = inner_.mutable_view().first(block_size(algorithm));
    if (key.size() > block.size()) {
      hash(algorithm, {key}, block.first(hash_size(algorithm)));
    } else {
      std::ranges::copy(key, block.begin());
    }
    for (std::size_t i = 0; i < block.size(); ++i) {
      outer_.mutable_view()[i] = block[i] ^ std::byte{0x5c};
      block[i] ^= std::byte{0x36};
    }
  }

  void mac(std::span<const BytesView> parts, MutableBytesView out) const {
    const std::size_t block = block_size(algorithm_);
    const std::size_t size = hash_size(algorithm_);
    CHECK(out.size() == size);
    Hash& h = thread_hash(algorithm_);
    Secret<kHashSizeMax> inner_digest;
    const MutableBytesView digest = inner_digest.mutable_view().first(size);
    h.update(inner_.view().first(block));
    for (const BytesView part : parts) h.update(part);
    h.finish(digest);
    h.update(outer_.view().first(block));
    h.update(digest);
    h.finish(out);
  }

 private:
  static constexpr std::size_t kBlockSizeMax = 128;
  HashAlgorithm algorithm_;
  Secret<kBlockSizeMax> inner_;  // key, padded with zeros, XOR 0x36
  Secret<kBlockSizeMax> outer_;  // the same XOR 0x5c
};

}  // namespace

std::size_t hash_size(HashAlgorithm algorithm) noexcept {
  return algorithm == HashAlgorithm::sha256 || algorithm == HashAlgorithm::blake2s ? 32 : 64;
}
std::size_t block_size(HashAlgorithm algorithm) noexcept { return 2 * hash_size(algorithm); }

// Between messages the context is initialised and holds nothing of the last one.
struct Hash::Context {
  HashAlgorithm algorithm;
  EvpMdCtx digest{EVP_MD_CTX_new()};

  void start() const { CHECK(EVP_DigestInit_ex2(digest.get(), nullptr, nullptr) == 1); }
};

Hash::Hash(HashAlgorithm algorithm) : context_(std::make_unique<Context>()) {
  context_->algorithm = algorithm;
  CHECK(context_->digest != nullptr);
  CHECK(EVP_DigestInit_ex2(context_->digest.get(), digest_of(algorithm), nullptr) == 1);
}
Hash::Hash(Hash&&) noexcept = default;
Hash& Hash::operator=(Hash&&) noexcept = default;
Hash::~Hash() = default;

void Hash::update(BytesView bytes) {
  if (bytes.empty()) return;
  CHECK(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()) == 1);
}

void Hash::finish(MutableBytesView out) {
  CHECK(out.size() == hash_size(context_->algorithm));
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_->digest.get(), octets(out), &size) == 1);
  CHECK(size == out.size());
  context_->start();
  if (context_->algorithm == HashAlgorithm::sha512) {
    // The other three cleanse their input buffer, OpenSSL's SHA-512 leaves the last block in it: overwrite it (one byte
    // short of a block, so that nothing is computed).
    constexpr std::array<std::byte, 127> kZeros{};
    update(kZeros);
    context_->start();
  }
}

void hash(HashAlgorithm algorithm, std::initializer_list<BytesView> parts, MutableBytesView out) {
  hash_parts(algorithm, {parts.begin(), parts.size()}, out);
}

std::array<std::byte, 32> sha256(std::initializer_list<BytesView> parts) {
  std::array<std::byte, 32> out;
  hash(HashAlgorithm::sha256, parts, out);
  return out;
}

void hmac(HashAlgorithm algorithm, BytesView key, std::initializer_list<BytesView> parts, MutableBytesView out) {
  HmacKey(algorithm, key).mac({parts.begin(), parts.size()}, out);
}

void hkdf_extract(HashAlgorithm algorithm, BytesView salt, BytesView input, MutableBytesView prk) {
  // No salt means HashLen zeros, which HMAC's padding makes of an empty key anyway.
  hmac(algorithm, salt, {input}, prk);
}

void hkdf_expand(HashAlgorithm algorithm, BytesView prk, BytesView info, MutableBytesView out) {
  const std::size_t size = hash_size(algorithm);
  CHECK(prk.size() >= 32);
  CHECK(out.size() <= 255 * size);
  const HmacKey key(algorithm, prk);
  Secret<kHashSizeMax> block;
  const MutableBytesView t = block.mutable_view().first(size);
  std::byte counter{0};
  for (BytesView previous; !out.empty(); previous = t) {
    counter = static_cast<std::byte>(static_cast<unsigned>(counter) + 1);
    const std::array<BytesView, 3> parts{previous, info, BytesView(&counter, 1)};
    key.mac(parts, t);
    const std::size_t taken = std::min(size, out.size());
    std::copy_n(t.begin(), taken, out.begin());
    out = out.subspan(taken);
  }
}

}  // namespace quantumgate::crypto
