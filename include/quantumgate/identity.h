// SPDX-License-Identifier: MIT
/// \file
/// The long-lived identity of a node: an Ed25519 key pair, from which its fingerprint and UUID follow.
/// Spec: docs/spec/01-identity.md.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "quantumgate/export.h"
#include "quantumgate/result.h"
#include "quantumgate/secret.h"
#include "quantumgate/uuid.h"

namespace quantumgate {

/// Threads: none of its own; a const object may be used by several at once. load(), save() and replace() block on the
/// disk.
class QG_EXPORT Identity {
 public:
  /// A fresh random identity.
  static Identity generate();
  /// The identity whose Ed25519 private key (RFC 8032 seed) is `seed`.
  static Identity from_seed(Secret<32> seed);

  /// Reads a key file. `pass_phrase` empty: the file must have been saved without one.
  /// Errors: not_found, permission_denied, too_open (mode allows others), malformed, wrong_pass_phrase, limit (the
  /// memory that the file demands, at most 4 GiB, can not be had), system. Costs about 0.3 s and 256 MiB when the file
  /// has a pass phrase (Argon2id).
  static Result<Identity> load(const std::string& file, const SecretBytes& pass_phrase);

  /// Writes a new key file, mode 0600, synced; never overwrites (`exists`). `pass_phrase` empty: the key is not sealed,
  /// only the file mode protects it. An error leaves nothing behind.
  /// Errors: exists, not_found (no such folder), permission_denied, no_space, limit (as `load`), system,
  /// invalid_argument (the key is gone: this is a child of fork() and the identity is its parent's).
  Result<void> save(const std::string& file, const SecretBytes& pass_phrase) const;

  /// Writes this identity over the existing key file `file`, sealed under another pass phrase or, if that is empty, not
  /// at all. The new file is opened again before it takes the old one's name; at every moment there is a whole key file
  /// under that name, also after an error, a crash or a power cut. A symbolic link is followed, the owner is kept.
  /// Errors: not_found (nothing to replace), permission_denied, no_space, limit (as `load`), system, invalid_argument
  /// (as `save`).
  Result<void> replace(const std::string& file, const SecretBytes& pass_phrase) const;

  /// Whether the key file was saved with a pass phrase. Reads the head only. Errors as `load`.
  static Result<bool> needs_pass_phrase(const std::string& file);

  /// Leaves `other` without a key: assign to it or destroy it.
  Identity(Identity&& other) noexcept = default;
  /// Wipes the key that was here. Leaves `other` without one.
  Identity& operator=(Identity&& other) noexcept = default;
  /// A second one with the same key; copying a secret is said aloud.
  Identity clone() const;

  /// The Ed25519 public key.
  const std::array<std::byte, 32>& public_key() const noexcept { return public_key_; }
  /// Follows from the public key: 256 bits, for pinning.
  const Fingerprint& fingerprint() const noexcept { return fingerprint_; }
  /// Follows from the fingerprint: what people see.
  const PeerUuid& uuid() const noexcept { return uuid_; }
  /// Whether its key is there: false in a child of fork() for an identity that its parent made (secret.h).
  bool has_key() const noexcept;
  /// The private key. Handle with care.
  const Secret<32>& seed() const noexcept { return *seed_; }

 private:
  explicit Identity(Secret<32> seed);

  Guarded<Secret<32>> seed_;
  std::array<std::byte, 32> public_key_{};
  Fingerprint fingerprint_;
  PeerUuid uuid_;
};

}  // namespace quantumgate
