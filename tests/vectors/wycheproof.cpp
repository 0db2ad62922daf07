// SPDX-License-Identifier: MIT
// An input whose size our interface can not even express (a 13-byte nonce, say) counts as refused.
#include "tests/vectors/wycheproof.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "crypto/aead.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/diffie_hellman.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "crypto/ml_kem.hpp"
#include "crypto/test_hex.hpp"
#include "tests/vectors/aes_gcm.hpp"

namespace quantumgate::vectors {
namespace {

using crypto::from_hex;
using nlohmann::json;

Bytes bytes(const json& object, const char* field) { return from_hex(object.at(field).get<std::string>()); }
Bytes bytes_or_none(const json& object, const char* field) {
  return object.contains(field) ? bytes(object, field) : Bytes();
}
bool must_fail(const json& test) { return test.at("result") == "invalid"; }

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <std::size_t N>
std::span<const std::byte, N> fixed(const Bytes& b) {
  return std::span<const std::byte, N>(b.data(), N);
}

struct AeadCase {
  Bytes key, iv, aad, message, sealed;
};

std::optional<Bytes> seal(crypto::AeadAlgorithm algorithm, const AeadCase& c) {
  crypto::AeadKey key(algorithm, fixed<32>(c.key));
  Bytes out(c.message.size() + crypto::kAeadTagSize);
  key.seal(fixed<12>(c.iv), c.aad, c.message, out);
  return out;
}
std::optional<Bytes> open(crypto::AeadAlgorithm algorithm, const AeadCase& c) {
  if (c.sealed.size() < crypto::kAeadTagSize) return std::nullopt;
  crypto::AeadKey key(algorithm, fixed<32>(c.key));
  Bytes out(c.sealed.size() - crypto::kAeadTagSize);
  if (!key.open(fixed<12>(c.iv), c.aad, c.sealed, out)) return std::nullopt;
  return out;
}

bool aead_holds_now(crypto::AeadAlgorithm algorithm, const json& test) {
  const AeadCase c{bytes(test, "key"), bytes(test, "iv"), bytes(test, "aad"), bytes(test, "msg"),
                   joined(bytes(test, "ct"), bytes(test, "tag"))};
  std::optional<Bytes> sealed, opened;
  if (c.key.size() == crypto::kAeadKeySize && c.iv.size() == crypto::kAeadNonceSize) {
    sealed = seal(algorithm, c);
    opened = open(algorithm, c);
  } else if (algorithm == crypto::AeadAlgorithm::aes_256_gcm) {
    sealed = aes_gcm_seal(c.key, c.iv, c.aad, c.message);
    opened = aes_gcm_open(c.key, c.iv, c.aad, c.sealed);
  }
  if (must_fail(test)) return !opened;
  return sealed == c.sealed && opened == c.message;
}

// With each library that we can choose.
bool aead_holds(crypto::AeadAlgorithm algorithm, const json& test) {
  bool holds = true;
  for (const auto library : {crypto::AeadLibrary::openssl, crypto::AeadLibrary::fastest}) {
    crypto::use_aead_library(library);
    holds = holds && aead_holds_now(algorithm, test);
  }
  crypto::use_aead_library(crypto::AeadLibrary::fastest);
  return holds;
}

bool dh_holds(crypto::DhAlgorithm algorithm, const json& test) {
  const Bytes public_key = bytes(test, "public");
  const Bytes private_key = bytes(test, "private");
  const std::size_t size = crypto::dh_size(algorithm);
  if (public_key.size() != size || private_key.size() != size) return must_fail(test);
  const Bytes expected = bytes(test, "shared");
  const auto shared = crypto::dh(algorithm, private_key, public_key);
  const bool small_order = crypto::dh_has_small_order(algorithm, public_key);
  // "acceptable" also covers all-zero results, which we refuse.
  if (std::ranges::all_of(expected, [](std::byte b) { return b == std::byte{0}; })) return !shared && small_order;
  return !must_fail(test) && !small_order && shared && std::ranges::equal(shared->view(), expected);
}

bool ed25519_holds(const json& test, const Bytes& public_key) {
  const Bytes signature = bytes(test, "sig");
  const bool verified = public_key.size() == 32 && signature.size() == 64 &&
                        crypto::ed25519_verify(fixed<32>(public_key), bytes(test, "msg"), fixed<64>(signature));
  return verified != must_fail(test);
}

std::optional<crypto::HashAlgorithm> hash_named(const std::string& name) {
  static const std::map<std::string, crypto::HashAlgorithm> kHashes{{"HKDF-SHA-256", crypto::HashAlgorithm::sha256},
                                                                    {"HKDF-SHA-512", crypto::HashAlgorithm::sha512},
                                                                    {"HMACSHA256", crypto::HashAlgorithm::sha256},
                                                                    {"HMACSHA512", crypto::HashAlgorithm::sha512}};
  const auto found = kHashes.find(name);
  return found == kHashes.end() ? std::nullopt : std::optional(found->second);
}

bool hkdf_holds(crypto::HashAlgorithm hash, const json& test) {
  const std::size_t size = test.at("size");
  if (size > 255 * crypto::hash_size(hash)) return must_fail(test);  // beyond hkdf_expand()'s stated limit
  Bytes prk(crypto::hash_size(hash)), out(size);
  crypto::hkdf_extract(hash, bytes(test, "salt"), bytes(test, "ikm"), prk);
  crypto::hkdf_expand(hash, prk, bytes(test, "info"), out);
  return (out == bytes(test, "okm")) != must_fail(test);
}

bool hmac_holds(crypto::HashAlgorithm hash, const json& test, std::size_t tag_size) {
  Bytes tag(crypto::hash_size(hash));
  crypto::hmac(hash, bytes(test, "key"), {bytes(test, "msg")}, tag);
  const Bytes expected = bytes(test, "tag");
  const bool same = expected.size() == tag_size && crypto::equal(BytesView(tag).first(tag_size), expected);
  return same != must_fail(test);
}

bool ml_kem_keygen_holds(crypto::MlKemParameters p, const json& test) {
  const Bytes seed = bytes(test, "seed");
  if (seed.size() != crypto::kMlKemSeedSize) return must_fail(test);
  const Secret<crypto::kMlKemSeedSize> s(fixed<crypto::kMlKemSeedSize>(seed));
  return !must_fail(test) && crypto::ml_kem_encapsulation_key(p, s) == bytes(test, "ek") &&
         std::ranges::equal(crypto::ml_kem_decapsulation_key(p, s).view(), bytes(test, "dk"));
}

bool ml_kem_encaps_holds(crypto::MlKemParameters p, const json& test) {
  const Bytes m = bytes(test, "m");
  if (m.size() != 32) return must_fail(test);
  Bytes ciphertext(crypto::ml_kem_sizes(p).ciphertext);
  const auto shared = crypto::ml_kem_encapsulate(p, bytes(test, "ek"), Secret<32>(fixed<32>(m)), ciphertext);
  if (must_fail(test)) return !shared;
  return shared && ciphertext == bytes(test, "c") && std::ranges::equal(shared->view(), bytes(test, "K"));
}

// From the seed, or with an expanded key `dk`.
bool ml_kem_decaps_holds(crypto::MlKemParameters p, const json& test) {
  Bytes key = bytes_or_none(test, "dk");
  if (test.contains("seed")) {
    const Bytes seed = bytes(test, "seed");
    if (seed.size() != crypto::kMlKemSeedSize) return must_fail(test);
    const Secret<crypto::kMlKemSeedSize> s(fixed<crypto::kMlKemSeedSize>(seed));
    const SecretBytes expanded = crypto::ml_kem_decapsulation_key(p, s);
    key.assign(expanded.view().begin(), expanded.view().end());
    if (!must_fail(test) && test.contains("ek") && crypto::ml_kem_encapsulation_key(p, s) != bytes(test, "ek")) {
      return false;
    }
  }
  const auto shared = crypto::ml_kem_decapsulate(p, key, bytes(test, "c"));
  if (must_fail(test)) return !shared;
  return shared && std::ranges::equal(shared->view(), bytes(test, "K"));
}

}  // namespace

void run_wycheproof(const json& file, Report& report) {
  for (const json& group : file.at("testGroups")) {
    const std::string type = group.at("type");
    const auto skip_group = [&](const std::string& reason) {
      for (std::size_t i = 0; i < group.at("tests").size(); ++i) report.skip(reason);
    };
    const auto check = [&](const json& test, bool held) {
      report.check(held, type + " test " + test.at("tcId").dump() + ": " + test.value("comment", "") + " (" +
                             test.at("result").get<std::string>() + ")");
    };
    const auto each = [&](const auto& holds) {
      for (const json& test : group.at("tests")) check(test, holds(test));
    };

    if (type == "AeadTest") {
      const std::string algorithm = file.at("algorithm");
      if (group.at("tagSize") != 128) {
        skip_group("a tag that is not 128 bits long: not in the code");
      } else if (group.at("ivSize").get<std::size_t>() > 8 * kAesGcmIvSizeMax && algorithm == "AES-GCM") {
        skip_group("a nonce of more than 128 bytes: OpenSSL does not take it, ours have 12");
      } else if (algorithm == "AES-GCM") {
        each([](const json& test) { return aead_holds(crypto::AeadAlgorithm::aes_256_gcm, test); });
      } else if (algorithm == "CHACHA20-POLY1305") {
        each([](const json& test) { return aead_holds(crypto::AeadAlgorithm::chacha20_poly1305, test); });
      } else {
        skip_group(algorithm + ": primitive not in the code yet");
      }
    } else if (type == "XdhComp") {
      if (group.at("curve") == "curve25519") {
        each([](const json& test) { return dh_holds(crypto::DhAlgorithm::x25519, test); });
      } else if (group.at("curve") == "curve448") {
        each([](const json& test) { return dh_holds(crypto::DhAlgorithm::x448, test); });
      } else {
        skip_group(group.at("curve").get<std::string>() + ": primitive not in the code yet");
      }
    } else if (type == "EddsaVerify") {
      const json& key = group.at("publicKey");
      if (key.at("curve") != "edwards25519") {
        skip_group(key.at("curve").get<std::string>() + ": primitive not in the code yet");
        continue;
      }
      const Bytes public_key = bytes(key, "pk");
      each([&](const json& test) { return ed25519_holds(test, public_key); });
    } else if (type == "HkdfTest" || type == "MacTest") {
      const std::string algorithm = file.at("algorithm");
      const auto hash = hash_named(algorithm);
      if (!hash) {
        skip_group(algorithm + ": primitive not in the code yet");
      } else if (type == "HkdfTest") {
        each([&](const json& test) { return hkdf_holds(*hash, test); });
      } else {
        const std::size_t tag_size = group.at("tagSize").get<std::size_t>() / 8;
        each([&](const json& test) { return hmac_holds(*hash, test, tag_size); });
      }
    } else if (type.starts_with("MLKEM")) {
      const std::string set = group.at("parameterSet");
      if (set != "ML-KEM-768" && set != "ML-KEM-1024") {
        skip_group(set + ": primitive not in the code yet");
        continue;
      }
      const auto p = set == "ML-KEM-768" ? crypto::MlKemParameters::ml_kem_768 : crypto::MlKemParameters::ml_kem_1024;
      if (type == "MLKEMKeyGen") {
        each([&](const json& test) { return ml_kem_keygen_holds(p, test); });
      } else if (type == "MLKEMEncapsTest") {
        each([&](const json& test) { return ml_kem_encaps_holds(p, test); });
      } else if (type == "MLKEMTest" || type == "MLKEMDecapsValidationTest") {
        each([&](const json& test) { return ml_kem_decaps_holds(p, test); });
      } else {
        report.fail("unknown kind of test: " + type);
      }
    } else {
      report.fail("unknown kind of test: " + type);
    }
  }
}

}  // namespace quantumgate::vectors
