// SPDX-License-Identifier: MIT
// Goal: both sides agree on everything, and no damaged datagram is taken for a good one.
// Method: the handshakes of handshake.json, their datagrams opened as the receiver would, whole and damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { concat, fromHex, toHex, zeros } from './bytes.js';
import * as handshake from './handshake.js';
import { networkHash } from './identity.js';
import { draw, handshakeVectors } from './make_vectors.js';
import * as sealed from './sealed_datagram.js';
import { openPacket } from './packet.js';
import { betterSuiteInCommon, suiteById, suites } from './suite.js';

const vectors = handshakeVectors();

function outerKeys(vector) {
  const setup = {
    network: networkHash(vector.network_name),
    sharedSecret: fromHex(vector.shared_secret),
    responderUuid: fromHex(vector.responder.uuid),
  };
  return { initiator: sealed.outerKey(1, setup), responder: sealed.outerKey(2, setup) };
}

test('datagrams carry the messages', () => {
  for (const vector of vectors.handshakes) {
    const keys = outerKeys(vector);
    for (const step of vector.steps) {
      const datagrams = step.datagrams.map(fromHex);
      assert.ok(datagrams.every(({ length }) => length <= 1232));
      const { header, message } = sealed.openMessage(keys[step.from], datagrams.reverse(), step.index !== undefined);
      assert.equal(toHex(header.messageId), step.message_id);
      assert.equal(header.time, step.time % 2 ** 32);
      if (step.what === 'cookie') assert.equal(message.length, 0);
      else assert.equal(toHex(message), vector[step.what.replace(' ', '_')]);
    }
  }
});

test('the first packets open with the session keys', () => {
  for (const vector of vectors.handshakes) {
    const highest = { initiator: -1n, responder: -1n };
    for (const { from, counter, content, packet } of vector.packets) {
      const { key, iv, mask } = vector[from === 'initiator' ? 'initiator_to_responder' : 'responder_to_initiator'];
      const keys = { key: fromHex(key), iv: fromHex(iv), mask: fromHex(mask) };
      const opened = openPacket(suiteById(vector.suite), keys, fromHex(packet), highest[from]);
      assert.equal(toHex(opened.content), content);
      assert.equal(opened.counter, BigInt(counter));
      highest[from] = opened.counter;
    }
  }
});

test('a datagram that is damaged, cut, extended, or sealed for another purpose does not open', () => {
  const vector = vectors.handshakes[1];
  const keys = outerKeys(vector);
  const others = [
    outerKeys({ ...vector, network_name: 'another network' }),
    outerKeys({ ...vector, shared_secret: '00'.repeat(32) }),
    outerKeys({ ...vector, responder: vector.initiator }),
  ];
  for (const step of vector.steps) {
    const hasIndex = step.index !== undefined;
    const refuses = (key, datagram) =>
      assert.throws(() => sealed.openDatagram(key, datagram, hasIndex), { name: 'Error' });
    for (const datagram of step.datagrams.map(fromHex)) {
      for (let at = 0; at < datagram.length; at++) {
        refuses(
          keys[step.from],
          datagram.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte)),
        );
      }
      for (const size of [0, 1, 23, 24, 71, datagram.length - 1]) refuses(keys[step.from], datagram.slice(0, size));
      refuses(keys[step.from], concat(datagram, zeros(1)));
      refuses(keys[step.from === 'initiator' ? 'responder' : 'initiator'], datagram);
      for (const other of others) refuses(other[step.from], datagram);
    }
  }
});

test('payloads: bad ones are refused', () => {
  const decoders = { 1: handshake.decodePayload1, 2: handshake.decodePayload2, 3: handshake.decodePayload3 };
  for (const { message, what, payload, error } of vectors.payloads) {
    const decode = () => decoders[message](fromHex(payload));
    if (error) assert.throws(decode, { kind: error }, what);
    else decode();
  }
});

test('clocks are compared modulo 2^32', () => {
  assert.equal(sealed.clockDistance(5, 2 ** 32 - 5), 10);
  assert.equal(sealed.clockDistance(2 ** 32 - 5, 5), 10);
});

test('the first datagram has to be a piece of message 1 with an enabled suite', () => {
  const header = { type: 1, suite: 1, piece: 0, pieces: 2, time: 1000, senderIndex: fromHex('00000001') };
  const check = (header, size, now) => sealed.checkFirst({ header, piece: zeros(size) }, [1, 12], now);
  assert.equal(check(header, 632, 1120), 'accept');
  assert.equal(check(header, 632, 1121), 'send cookie');
  assert.equal(check({ ...header, suite: 12 }, 836, 1000), 'accept');
  for (const [suite, size] of [
    [1, 631],
    [1, 836],
    [12, 632],
  ]) {
    assert.throws(() => check({ ...header, suite }, size, 1000), { kind: 'refused' });
  }
  for (const wrong of [
    { type: 2 },
    { suite: 2 },
    { pieces: 1 },
    { pieces: 3 },
    { piece: 2 },
    { senderIndex: zeros(4) },
  ]) {
    assert.throws(() => check({ ...header, ...wrong }, 632, 1000), { kind: 'refused' });
  }
});

test('messages are cut into even pieces', () => {
  const sizes = (length) => sealed.cutMessage(draw('cut', length)).map((piece) => piece.length);
  assert.deepEqual(sizes(1), [1]);
  assert.deepEqual(sizes(1156), [1156]);
  assert.deepEqual(sizes(1157), [579, 578]);
  assert.deepEqual(sizes(1264), [632, 632]);
  assert.deepEqual(sizes(4624), [1156, 1156, 1156, 1156]);
  assert.throws(() => sizes(4625));
});

test('only a known suite of a higher rank in both lists counts as better', () => {
  assert.ok(!betterSuiteInCommon([1], [1], 1));
  assert.ok(!betterSuiteInCommon([200, 1], [200, 1], 1));
  assert.ok(betterSuiteInCommon([2, 1], [1, 2], 2));
  assert.ok(!betterSuiteInCommon([2, 1], [2], 2));
  assert.ok(!betterSuiteInCommon([2], [1, 2], 2));
});

test('suites are listed best first, and no two alike', () => {
  const distinct = (values) => new Set(values).size === suites.length;
  assert.ok(distinct(suites.map(({ id }) => id)) && distinct(suites.map(({ rank }) => rank)));
  assert.ok(suites.every(({ rank }, i) => i === 0 || rank < suites[i - 1].rank));
});

// One side of a vector as handshake.js wants it.
const own = (vector, role) => ({
  identity: {
    seed: fromHex(vector[role].seed),
    publicKey: fromHex(vector[role].identity_key),
    uuid: fromHex(vector[role].uuid),
  },
  staticPrivate: fromHex(vector[role].static_private),
  ephemeralPrivate: fromHex(vector[role].ephemeral_private),
  kemSeed: fromHex(vector.initiator.kem_seed),
  kemM: fromHex(vector.responder.kem_m),
  sessionIndex: fromHex(vector[role].session_index),
  handshakeIndex: fromHex(vector[role].handshake_index),
  expiry: vector[role].expiry,
  suites: vector[role].suites,
  streamParameters: zeros(0),
  extensions: [],
});

// The handshake of a vector between two such sides. `accepting`: the responder when message 3 comes.
function play(vector, initiator, responder, { responderUuid = vector.responder.uuid, accepting = responder } = {}) {
  const setup = {
    suite: suiteById(vector.suite),
    network: networkHash(vector.network_name),
    sharedSecret: fromHex(vector.shared_secret),
    responderUuid: fromHex(responderUuid),
  };
  const observed = { address: zeros(16), port: 1 };
  const now = vector.initiator.clock;
  const first = handshake.startHandshake(setup, initiator);
  const second = handshake.answerHandshake(setup, responder, {
    message: first.message,
    senderIndex: initiator.handshakeIndex,
    observed,
  });
  const third = handshake.completeHandshake(setup, initiator, first.noise, {
    message: second.message,
    senderIndex: responder.handshakeIndex,
    observed,
    now,
  });
  return handshake.acceptHandshake(setup, accepting, second.noise, { message: third.message, now });
}

test('whoever is not who was dialled, or is ourselves, is refused', () => {
  const vector = vectors.handshakes[0];
  const [initiator, responder] = [own(vector, 'initiator'), own(vector, 'responder')];
  const inTheNameOfAnother = { responderUuid: vector.initiator.uuid };
  assert.throws(() => play(vector, initiator, responder, inTheNameOfAnother), /not the peer that was dialled/);
  assert.throws(() => play(vector, initiator, initiator, inTheNameOfAnother), /our own UUID/);
  assert.equal(toHex(play(vector, responder, initiator, inTheNameOfAnother).uuid), vector.responder.uuid);
});

test('a worse suite than both sides have is refused by each of them', () => {
  for (const vector of vectors.handshakes.filter(({ suite }) => suite === 2 || suite === 12)) {
    const having = (role, list) => ({ ...own(vector, role), suites: list });
    const [only, both] = [[vector.suite], [1, vector.suite]];
    play(vector, having('initiator', both), having('responder', only));
    play(vector, having('initiator', only), having('responder', both));
    const passedOver = /a better one was passed over/;
    assert.throws(() => play(vector, having('initiator', both), having('responder', both)), passedOver);
    // The responder's check alone: what it says in message 2 leaves the initiator content.
    const accepting = having('responder', both);
    assert.throws(() => play(vector, having('initiator', both), having('responder', only), { accepting }), passedOver);
  }
});
