// SPDX-License-Identifier: MIT
// The algorithms behind a Noise protocol name, and the suites of the protocol.
// Spec: docs/spec/02-handshake.md, section 1; Noise revision 34, sections 5.1 and 12; RFC 9001, sections 5.4.3, 5.4.4.
import { ecb, gcm } from '@noble/ciphers/aes';
import { chacha20, chacha20poly1305 } from '@noble/ciphers/chacha';
import { x25519 } from '@noble/curves/ed25519';
import { x448 } from '@noble/curves/ed448';
import { blake2b, blake2s } from '@noble/hashes/blake2';
import { expand } from '@noble/hashes/hkdf';
import { hmac } from '@noble/hashes/hmac';
import { sha256, sha512 } from '@noble/hashes/sha2';
import { ml_kem1024, ml_kem768 } from '@noble/post-quantum/ml-kem';

import { ascii, concat, SpecError, zeros } from './bytes.js';

const diffieHellmans = {
  25519: { size: 32, publicKey: x25519.getPublicKey, shared: x25519.getSharedSecret },
  448: { size: 56, publicKey: x448.getPublicKey, shared: x448.getSharedSecret },
};

const kem = (mlKem, encapsulationKeySize, ciphertextSize) => ({
  encapsulationKeySize,
  ciphertextSize,
  keygen: (seed) => mlKem.keygen(seed), // seed = d ‖ z
  encapsulate: (key, m) => mlKem.encapsulate(key, m),
  decapsulate: (ciphertext, secretKey) => mlKem.decapsulate(ciphertext, secretKey),
});
const kems = { MLKEM768: kem(ml_kem768, 1184, 1088), MLKEM1024: kem(ml_kem1024, 1568, 1568) };

// A nonce of 96 bits made of 32 zero bits and the counter, in the byte order that Noise fixes for each cipher.
function noiseNonce(n, littleEndian) {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, n, littleEndian);
  return nonce;
}

const ciphers = {
  AESGCM: {
    aead: gcm,
    nonce: (n) => noiseNonce(n, false),
    headerMask: (key, sample) => ecb(key, { disablePadding: true }).encrypt(sample),
  },
  ChaChaPoly: {
    aead: chacha20poly1305,
    nonce: (n) => noiseNonce(n, true),
    headerMask: (key, sample) => {
      const counter = new DataView(sample.buffer, sample.byteOffset).getUint32(0, true);
      return chacha20(key, sample.slice(4, 16), zeros(16), undefined, counter);
    },
  },
};

const hashes = { SHA256: sha256, SHA512: sha512, BLAKE2s: blake2s, BLAKE2b: blake2b };

function lookUp(table, name) {
  if (!Object.hasOwn(table, name)) throw new SpecError('refused', `looking up the algorithm ${name}`);
  return table[name];
}

// "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256" → its parts.
export function parseProtocolName(name) {
  const [noise, pattern, keyExchanges, cipher, hash, ...more] = name.split('_');
  if (noise !== 'Noise' || hash === undefined || more.length)
    throw new SpecError('malformed', 'reading a protocol name');
  const [dh, kem] = keyExchanges.split('+');
  return {
    name,
    pattern,
    dh: lookUp(diffieHellmans, dh),
    kem: kem && lookUp(kems, kem),
    cipher: lookUp(ciphers, cipher),
    hash: lookUp(hashes, hash),
  };
}

export const seal = (cipher, key, nonce, aad, text) => cipher.aead(key, nonce, aad).encrypt(text);

export function open(cipher, key, nonce, aad, sealed) {
  try {
    return cipher.aead(key, nonce, aad).decrypt(sealed);
  } catch {
    throw new SpecError('not_authentic', 'opening sealed bytes');
  }
}

// HKDF of the Noise specification (section 4.3): `count` outputs of one hash length each.
export function noiseHkdf(hash, chainingKey, input, count) {
  const outputs = [];
  const key = hmac(hash, chainingKey, input);
  for (let i = 1, last = zeros(0); i <= count; i++) {
    last = hmac(hash, key, concat(last, Uint8Array.of(i)));
    outputs.push(last);
  }
  return outputs;
}

export const hkdfExtract = (hash, salt, input) => hmac(hash, salt, input);

// HKDF-Expand of RFC 5869 with an ASCII label.
export const hkdfExpand = (hash, key, label, size) => expand(hash, key, ascii(label), size);

// Best first.
export const suites = [
  { id: 1, rank: 100, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256' },
  { id: 2, rank: 98, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA512' },
  { id: 3, rank: 96, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_BLAKE2s' },
  { id: 4, rank: 94, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_BLAKE2b' },
  { id: 5, rank: 90, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA256' },
  { id: 6, rank: 88, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512' },
  { id: 7, rank: 86, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_BLAKE2s' },
  { id: 8, rank: 84, protocolName: 'Noise_XXhfs+psk0_25519+MLKEM768_ChaChaPoly_BLAKE2b' },
  { id: 9, rank: 80, protocolName: 'Noise_XXhfs+psk0_448+MLKEM1024_AESGCM_SHA512' },
  { id: 10, rank: 78, protocolName: 'Noise_XXhfs+psk0_448+MLKEM1024_AESGCM_BLAKE2b' },
  { id: 11, rank: 70, protocolName: 'Noise_XXhfs+psk0_448+MLKEM1024_ChaChaPoly_SHA512' },
  { id: 12, rank: 68, protocolName: 'Noise_XXhfs+psk0_448+MLKEM1024_ChaChaPoly_BLAKE2b' },
].map((suite) => ({ ...suite, ...parseProtocolName(suite.protocolName) }));

export const suiteById = (id) => suites.find((suite) => suite.id === id);

// True if both lists (of suite ids) hold a suite of a higher rank than the one in use. Unknown ids count for nothing.
export function betterSuiteInCommon(ours, theirs, inUse) {
  return suites.some(({ id, rank }) => rank > suiteById(inUse).rank && ours.includes(id) && theirs.includes(id));
}
