// SPDX-License-Identifier: MIT
#include "quantumgate/identity.h"

#include "api/key_file.hpp"
#include "api/secret_file.hpp"
#include "base/check.hpp"
#include "crypto/constant_time.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/system_random.hpp"
#include "wire/fingerprint.hpp"
#include "wire/handshake_messages.hpp"

namespace quantumgate {
namespace {

Result<Secret<api::kKeyFileSize>> read_key_file(const std::string& file) {
  Secret<api::kKeyFileSize> contents;
  const auto read = api::read_secret_file(file, contents.mutable_view(), "reading the key file");
  if (!read) return fail(read.error());
  return contents;
}

}  // namespace

Identity::Identity(Secret<32> seed) : seed_(std::move(seed)) {
  public_key_ = crypto::ed25519_public_key(*seed_);
  fingerprint_ = wire::fingerprint_of(wire::kAlgorithmEd25519, public_key_);
  uuid_ = PeerUuid::of(fingerprint_);
}

Identity Identity::generate() {
  Secret<32> seed;
  crypto::SystemRandom().fill(seed.mutable_view());
  return Identity(std::move(seed));
}

Identity Identity::from_seed(Secret<32> seed) { return Identity(std::move(seed)); }

Result<Identity> Identity::load(const std::string& file, const SecretBytes& pass_phrase) {
  auto contents = read_key_file(file);
  if (!contents) return fail(contents.error());
  auto seed = api::decode_key_file(contents->view(), pass_phrase.view());
  if (!seed) return fail(seed.error());
  return Identity(std::move(*seed));
}

Result<void> Identity::save(const std::string& file, const SecretBytes& pass_phrase) const {
  if (!has_key()) return fail(ErrorCode::invalid_argument, "writing the key file");
  crypto::SystemRandom random;
  const auto contents = api::encode_key_file(*seed_, pass_phrase.view(), {}, random);
  if (!contents) return fail(contents.error());
  return api::write_secret_file(file, contents->view(), "writing the key file");
}

Result<void> Identity::replace(const std::string& file, const SecretBytes& pass_phrase) const {
  if (!has_key()) return fail(ErrorCode::invalid_argument, "replacing the key file");
  crypto::SystemRandom random;
  const auto contents = api::encode_key_file(*seed_, pass_phrase.view(), {}, random);
  if (!contents) return fail(contents.error());
  // The old file goes: be sure that the new one opens.
  const auto seed = api::decode_key_file(contents->view(), pass_phrase.view());
  if (!seed) return fail(seed.error());
  CHECK(crypto::equal(seed->view(), seed_->view()));
  return api::replace_secret_file(file, contents->view(), "replacing the key file");
}

Result<bool> Identity::needs_pass_phrase(const std::string& file) {
  const auto contents = read_key_file(file);
  if (!contents) return fail(contents.error());
  const auto cost = api::key_file_cost(contents->view());
  if (!cost) return fail(cost.error());
  return cost->pass_phrase;
}

bool Identity::has_key() const noexcept { return crypto::ed25519_public_key(*seed_) == public_key_; }

Identity Identity::clone() const { return Identity(seed_->clone()); }

}  // namespace quantumgate
