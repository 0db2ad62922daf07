// SPDX-License-Identifier: MIT
// Goal: identity texts, signatures and key files are read as strictly as they are written.
// Method: the vectors of identity.json read back, each also damaged at every byte.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressText, parseAddress } from './address.js';
import { equal, fromHex, toHex } from './bytes.js';
import * as identity from './identity.js';
import { identityVectors } from './make_vectors.js';

const vectors = identityVectors();
const damaged = (bytes, at) => bytes.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte));

test('the UUID holds the first 122 bits of the fingerprint', () => {
  for (const { fingerprint, uuid, uuid_text: text } of vectors.identities) {
    const bits = [...fromHex(uuid)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const print = [...fromHex(fingerprint)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    assert.equal(bits.slice(48, 52) + bits.slice(64, 66), '100010');
    assert.equal(bits.slice(0, 48) + bits.slice(52, 64) + bits.slice(66), print.slice(0, 122));
    assert.equal(toHex(identity.parseUuid(text.toUpperCase())), uuid);
  }
});

test('addresses: good ones are written as they were read, bad ones refused with the right error', () => {
  for (const { text, written } of vectors.addresses.good) assert.equal(addressText(parseAddress(text)), written);
  for (const { text, error } of vectors.addresses.bad) {
    assert.throws(() => parseAddress(text), { kind: error }, JSON.stringify(text));
  }
});

test('every single wrong digit of an address is noticed', () => {
  const { text } = vectors.addresses.good[1];
  for (let at = 5; at < text.length; at++) {
    for (const digit of '0123456789abcdef') {
      if (text[at] === '-' || text[at] === digit) continue;
      const wrong = text.slice(0, at) + digit + text.slice(at + 1);
      assert.throws(() => parseAddress(wrong), { name: 'Error' }, wrong);
    }
  }
});

test('static key signatures: time limits, and damage in every field', () => {
  for (const vector of vectors.static_keys) {
    const proof = {
      publicKey: identity.identityFromSeed(fromHex(vector.seed)).publicKey,
      network: fromHex(vector.network_hash),
      staticKey: fromHex(vector.static_public),
      expiry: vector.expiry,
      signature: fromHex(vector.signature),
      now: vector.expiry,
    };
    for (const now of vector.accepted_at) identity.verifyStaticKey({ ...proof, now });
    for (const now of vector.refused_at) assert.throws(() => identity.verifyStaticKey({ ...proof, now }));
    assert.throws(() => identity.verifyStaticKey({ ...proof, expiry: proof.expiry + 1 }), { kind: 'not_authentic' });
    for (const field of ['publicKey', 'network', 'staticKey', 'signature']) {
      for (let at = 0; at < proof[field].length; at += 9) {
        const wrong = { ...proof, [field]: damaged(proof[field], at) };
        assert.throws(() => identity.verifyStaticKey(wrong), { kind: 'not_authentic' });
      }
    }
  }
});

test('key files open with their pass phrase only, and undamaged only', () => {
  for (const vector of vectors.key_files) {
    const file = fromHex(vector.file);
    assert.equal(file.length, 144);
    assert.ok(equal(identity.decodeKeyFile(file, vector.pass_phrase), fromHex(vector.seed)));
    if (vector.kdf === 1) assert.throws(() => identity.decodeKeyFile(file, 'another'), { kind: 'not_authentic' });
    // Bytes 12 to 19 hold the cost; a changed one may ask for gigabytes before it fails.
    for (let at = 0; at < file.length; at++) {
      if (at >= 12 && at < 20) continue;
      assert.throws(
        () => identity.decodeKeyFile(damaged(file, at), vector.pass_phrase),
        { name: 'Error' },
        `byte ${at}`,
      );
    }
    assert.throws(() => identity.decodeKeyFile(file.slice(1), vector.pass_phrase), { kind: 'malformed' });
  }
});

test('shared secrets', () => {
  for (const { secret, text } of vectors.shared_secrets) assert.equal(toHex(identity.parseSharedSecret(text)), secret);
  assert.throws(() => identity.parseSharedSecret(`${'0'.repeat(63)}\n`), { kind: 'malformed' });
});
