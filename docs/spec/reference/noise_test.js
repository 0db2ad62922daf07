// SPDX-License-Identifier: MIT
// Goal: the Noise machine is right. Method: both sides of every vector of the cacophony collection and of the
// hybrid XXhfs vectors, which others computed; ours must give the same bytes and read the others'.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { fromHex, toHex, zeros } from './bytes.js';
import { CipherState, HandshakeState, parsePattern } from './noise.js';

// The outside vectors are not part of the tree: QG_VECTORS_DIR, or shared/vectors beside the checkout.
const besideCheckout = fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));
const vectorsDir = process.env.QG_VECTORS_DIR || besideCheckout;

function outsideVectors(t, file) {
  const path = join(vectorsDir, 'noise', file);
  if (existsSync(path)) return JSON.parse(readFileSync(path));
  const reason = `${path} does not exist; set QG_VECTORS_DIR`;
  console.log(`SKIPPED: ${t.name}: ${reason}`);
  t.skip(reason);
  return undefined;
}

const optionalHex = (text) => (text === undefined ? undefined : fromHex(text));

function sides(vector) {
  return ['init', 'resp'].map(
    (side) =>
      new HandshakeState(
        vector.protocol_name,
        side === 'init' ? 'initiator' : 'responder',
        fromHex(vector[`${side}_prologue`]),
        {
          staticPrivate: optionalHex(vector[`${side}_static`]),
          ephemeralPrivate: optionalHex(vector[`${side}_ephemeral`]),
          remoteStatic: optionalHex(vector[`${side}_remote_static`]),
          psks: (vector[`${side}_psks`] ?? []).map(fromHex),
          kemSeed: optionalHex(vector[`${side}_kem_seed`]),
          kemM: optionalHex(vector[`${side}_kem_m`]),
        },
      ),
  );
}

export function checkCacophonyVector(vector) {
  const [initiator, responder] = sides(vector);
  const oneWay = initiator.messages.length === 1;
  let ciphers;
  for (const [i, { payload, ciphertext }] of vector.messages.entries()) {
    const [sender, receiver] = i % 2 === 0 || oneWay ? [initiator, responder] : [responder, initiator];
    if (!sender.finished) {
      assert.equal(toHex(sender.writeMessage(fromHex(payload))), ciphertext, `message ${i + 1}`);
      assert.equal(toHex(receiver.readMessage(fromHex(ciphertext))), payload, `message ${i + 1}`);
      continue;
    }
    ciphers ??= [initiator, responder].map((side) =>
      side.split().map((k) => new CipherState(side.symmetric.cipher, k)),
    );
    const direction = sender === initiator ? 0 : 1;
    const [writer, reader] = sender === initiator ? ciphers : [ciphers[1], ciphers[0]];
    assert.equal(toHex(writer[direction].encryptWithAd(zeros(0), fromHex(payload))), ciphertext, `message ${i + 1}`);
    assert.equal(toHex(reader[direction].decryptWithAd(zeros(0), fromHex(ciphertext))), payload, `message ${i + 1}`);
  }
  for (const side of [initiator, responder]) assert.equal(toHex(side.handshakeHash), vector.handshake_hash);
}

test('modifiers of a pattern name place their tokens', () => {
  assert.deepEqual(parsePattern('XXhfs+psk0').messages, [
    ['psk', 'e', 'e1'],
    ['e', 'ee', 'ekem1', 's', 'es'],
    ['s', 'se'],
  ]);
  assert.deepEqual(parsePattern('NNpsk0+psk2').messages, [
    ['psk', 'e'],
    ['e', 'ee', 'psk'],
  ]);
  assert.throws(() => parsePattern('XXpsk4'), { kind: 'refused' });
});

test('cacophony vectors', (t) => {
  const collection = outsideVectors(t, 'cacophony.txt');
  if (!collection) return;
  for (const vector of collection.vectors) checkCacophonyVector(vector);
  t.diagnostic(`${collection.vectors.length} vectors`);
  assert.ok(collection.vectors.length > 900);
});

test('published hybrid vectors (XXhfs with ML-KEM-768)', (t) => {
  const collection = outsideVectors(t, 'xxhfs-mlkem768.json');
  if (!collection) return;
  for (const vector of collection.vectors) {
    const make = (role, keys) => new HandshakeState(collection.protocol_name, role, fromHex(vector.prologue), keys);
    const initiator = make('initiator', {
      staticPrivate: fromHex(vector.static_i_private),
      ephemeralPrivate: fromHex(vector.ephemeral_dh_i_private),
      kemSeed: fromHex(vector.kem_keygen_seed_d_z),
    });
    const responder = make('responder', {
      staticPrivate: fromHex(vector.static_r_private),
      ephemeralPrivate: fromHex(vector.ephemeral_dh_r_private),
      kemM: fromHex(vector.kem_encap_seed_m),
    });
    let message;
    for (const [i, payload] of vector.payloads.entries()) {
      const [sender, receiver] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
      message = sender.writeMessage(fromHex(payload));
      assert.equal(message.length, vector.message_bytes[i]);
      assert.equal(toHex(receiver.readMessage(message)), payload);
    }
    assert.equal(toHex(message), vector.message_3);
    for (const side of [initiator, responder]) {
      assert.equal(toHex(side.handshakeHash), vector.handshake_hash);
      assert.deepEqual(side.split().map(toHex), [
        vector.transport_key_initiator_to_responder,
        vector.transport_key_responder_to_initiator,
      ]);
    }
  }
  t.diagnostic(`${collection.vectors.length} vectors`);
});
