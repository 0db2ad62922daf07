// SPDX-License-Identifier: MIT
// Goal: both sides of a key update make the same keys, update after update; what breaks the protocol is refused.
// Method: the vectors of key_update.json, replayed in other orders and damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fromHex, toHex } from './bytes.js';
import { decodeRekey } from './frames.js';
import { KeyUpdate } from './key_update.js';
import { keyUpdateVectors } from './make_vectors.js';

const vectors = keyUpdateVectors().sessions;

const side = (vector, role) =>
  new KeyUpdate(vector.protocol_name, role, fromHex(vector.handshake_hash), vector.secrets.map(fromHex));

const chanceOf = ({ ephemeral_private: ephemeralPrivate, kem_seed: kemSeed, kem_m: kemM }) => ({
  ephemeralPrivate: fromHex(ephemeralPrivate),
  kemSeed: kemSeed && fromHex(kemSeed),
  kemM: kemM && fromHex(kemM),
});

test('halves in any order, repeated and late', () => {
  for (const vector of vectors) {
    const initiator = side(vector, 'initiator');
    const responder = side(vector, 'responder');
    let late = [];
    for (const { initiator: ours, responder: theirs, keys } of vector.updates) {
      const sent = initiator.begin(fromHex(ours.index), chanceOf(ours));
      const draw = () => ({ index: fromHex(theirs.index), ...chanceOf(theirs) });
      const take = (body) => responder.receive(decodeRekey(body), draw);
      const takeAnswer = (body) => initiator.receive(decodeRekey(body));
      for (const body of late) assert.deepEqual(take(body), { again: true });
      assert.deepEqual(take(sent[1]), {});
      assert.deepEqual(take(sent[1]), {});
      const { send } = take(sent[0]);
      assert.deepEqual(send.map(toHex), theirs.frames);
      assert.deepEqual(take(sent[0]), { again: true });
      assert.deepEqual(takeAnswer(send[1]), {});
      assert.equal(toHex(takeAnswer(send[0]).keys.initiatorToResponder.key), keys.initiator_to_responder.key);
      assert.deepEqual(takeAnswer(send[0]), { again: false });
      late = sent;
    }
  }
});

test('what breaks the protocol', () => {
  const vector = vectors[0];
  const [update] = vector.updates;
  const frames = update.initiator.frames.map(fromHex);
  const changed = (bytes, at, value) => bytes.map((byte, i) => (i === at ? value : byte));
  const refused = (body) =>
    assert.throws(() => side(vector, 'responder').receive(decodeRekey(body)), { kind: 'protocol' });
  refused(frames[0].slice(0, -1));
  refused(changed(frames[0], 0, 1).slice(0, -1));
  refused(changed(frames[0], 0, 2));
  refused(changed(frames[0], 0, 4));
  refused(changed(frames[0], 4, 2));
  const unasked = decodeRekey(fromHex(update.responder.frames[0]));
  assert.throws(() => side(vector, 'initiator').receive(unasked), { kind: 'protocol' });
  for (let at = 5; at < frames[1].length; at += 50) {
    const responder = side(vector, 'responder');
    responder.receive(decodeRekey(frames[0]));
    const damaged = decodeRekey(changed(frames[1], at, frames[1][at] ^ 1));
    const draw = () => ({ index: fromHex(update.responder.index), ...chanceOf(update.responder) });
    assert.throws(() => responder.receive(damaged, draw), { kind: 'protocol' });
  }
});
