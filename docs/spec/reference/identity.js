// SPDX-License-Identifier: MIT
// Identity key, fingerprint, UUID, network name, shared secret, static key signature, key file.
// Spec: docs/spec/01-identity.md, sections 1, 2, 3, 5 and 6.
import { xchacha20poly1305 } from '@noble/ciphers/chacha';
import { ed25519 } from '@noble/curves/ed25519';
import { argon2id } from '@noble/hashes/argon2';
import { sha256 } from '@noble/hashes/sha2';

import { ascii, concat, ensure, equal, fromHex, number, Reader, SpecError, toHex, zeros } from './bytes.js';

export const kAlgorithmEd25519 = 1;

export const fingerprintOf = (publicKey) =>
  sha256(concat(ascii('QuantumGate peer v1'), number(kAlgorithmEd25519, 1), publicKey));

// The first 122 bits of the fingerprint, in order, around version 8 and variant 10. As one number of 128 bits:
// 48 bits, version(4), 12 bits, variant(2), 62 bits.
export function uuidOf(fingerprint) {
  const bits = BigInt(`0x${toHex(fingerprint)}`) >> 134n; // 256 - 122
  const high = bits >> 74n;
  const middle = (bits >> 62n) & 0xfffn;
  const low = bits & ((1n << 62n) - 1n);
  return number((high << 80n) | (8n << 76n) | (middle << 64n) | (2n << 62n) | low, 16);
}

export const uuidText = (uuid) => toHex(uuid).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export function parseUuid(text) {
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
  ensure(form.test(text), 'malformed', 'reading a UUID');
  return fromHex(text.replaceAll('-', ''));
}

export function identityFromSeed(seed) {
  const publicKey = ed25519.getPublicKey(seed);
  const fingerprint = fingerprintOf(publicKey);
  return { seed, publicKey, fingerprint, uuid: uuidOf(fingerprint) };
}

// `name` is a text or bytes.
export function networkHash(name) {
  const bytes = typeof name === 'string' ? ascii(name) : name;
  ensure(bytes.length >= 1 && bytes.length <= 64, 'refused', 'naming a network');
  return sha256(bytes);
}

export const sharedSecretText = (secret) => `${toHex(secret)}\n`;

export function parseSharedSecret(text) {
  ensure(/^[0-9a-f]{64}\n$/i.test(text), 'malformed', 'reading a shared secret');
  return fromHex(text.trim());
}

const statement = (network, uuid, staticKey, expiry) =>
  concat(ascii('QuantumGate static key v1'), network, uuid, staticKey, number(expiry, 8));

// `network` is the network hash; `expiry` in seconds since 1970.
export const signStaticKey = (identity, network, staticKey, expiry) =>
  ed25519.sign(statement(network, identity.uuid, staticKey, expiry), identity.seed);

export const kExpiryGraceSeconds = 120;
export const kExpirySecondsMax = 31 * 86400;

// Checks the proof that whoever has `publicKey` made `staticKey`; returns the UUID of the peer.
export function verifyStaticKey({ publicKey, network, staticKey, expiry, signature, now }) {
  ensure(BigInt(expiry) + BigInt(kExpiryGraceSeconds) >= BigInt(now), 'refused', 'checking a static key: expired');
  ensure(BigInt(expiry) <= BigInt(now + kExpirySecondsMax), 'refused', 'checking a static key: expires too late');
  const uuid = uuidOf(fingerprintOf(publicKey));
  let valid = false;
  try {
    valid = ed25519.verify(signature, statement(network, uuid, staticKey, expiry), publicKey, { zip215: false });
  } catch {
    // A key or signature that is no point of the curve.
  }
  ensure(valid, 'not_authentic', 'checking a static key');
  return uuid;
}

const keyFileMagic = concat(ascii('QGKEY1'), zeros(2));

function keyFileKey(kdf, passPhrase, salt, passes, memoryKib) {
  return kdf === 0 ? zeros(32) : argon2id(passPhrase, salt, { t: passes, m: memoryKib, p: 1, dkLen: 32 });
}

// kdf 0: without pass phrase; kdf 1: Argon2id. Nodes write 3 passes and 256 MiB.
export function encodeKeyFile(seed, { kdf, passPhrase, passes, memoryKib, salt, nonce }) {
  const head = concat(
    keyFileMagic,
    number(kdf, 1),
    number(kAlgorithmEd25519, 1),
    zeros(2),
    number(passes, 4),
    number(memoryKib, 4),
    salt,
    nonce,
  );
  const key = keyFileKey(kdf, passPhrase, salt, passes, memoryKib);
  return concat(head, xchacha20poly1305(key, nonce, head).encrypt(concat(seed, zeros(36))));
}

export function decodeKeyFile(file, passPhrase) {
  const doing = 'reading a key file';
  ensure(file.length === 144 && equal(file.slice(0, 8), keyFileMagic), 'malformed', doing);
  const reader = new Reader(file.slice(8), doing);
  const kdf = reader.number(1);
  const algorithm = reader.number(1);
  reader.take(2);
  const passes = reader.number(4);
  const memoryKib = reader.number(4);
  const salt = reader.take(16);
  const nonce = reader.take(24);
  const knownKdf = kdf === 0 ? passes === 0 && memoryKib === 0 : kdf === 1 && passes >= 1 && memoryKib >= 8;
  ensure(algorithm === kAlgorithmEd25519 && knownKdf, 'malformed', doing);
  ensure(passes <= 16 && memoryKib <= 4 * 1024 * 1024, 'malformed', doing);
  const key = keyFileKey(kdf, passPhrase, salt, passes, memoryKib);
  try {
    return xchacha20poly1305(key, nonce, file.slice(0, 60)).decrypt(reader.rest()).slice(0, 32);
  } catch {
    throw new SpecError('not_authentic', doing);
  }
}
