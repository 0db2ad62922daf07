// SPDX-License-Identifier: MIT
// Goal: two nodes get a session, keep it and end it as the pages say, also where much gets lost.
// Method: whole nodes in virtual time; everything random is drawn from labels, so that each run is the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { concat, number, toNumber, zeros } from './bytes.js';
import { ControlRequests, kAreYouThere, kKeyUpdateWanted } from './control.js';
import { encodeFrame, encodePath, encodeRekey, kDatagram, kPath, kRekey } from './frames.js';
import { identityFromSeed } from './identity.js';
import { draw } from './make_vectors.js';
import { Node } from './node.js';
import { outerKey, sealMessage } from './sealed_datagram.js';
import { kReasons } from './session.js';

const kSecond = 1000;
const kMinute = 60 * kSecond;
const kDelay = 20;

function randomFrom(label) {
  let drawn = 0;
  return (size) => draw(`${label} ${drawn++}`, size);
}

// Two nodes, 20 ms apart. `loss`: the share of datagrams that get lost; `isLost(from, datagram)` may lose more.
class World {
  now = 1_800_000_000_000;
  flying = []; // in the order in which they arrive
  sent = [];
  isLost = () => false;
  places = { alice: { address: '192.0.2.1', port: 1 }, bob: { address: '192.0.2.1', port: 2 } };

  constructor(label, { loss = 0, ...options } = {}) {
    const chance = randomFrom(`${label} network`);
    const make = (name, other) => {
      const transmit = (datagram, to) => {
        this.sent.push({ at: this.now, from: name, to, datagram });
        const lost = toNumber(chance(4)) < loss * 2 ** 32 || this.isLost(name, datagram);
        if (!lost) this.flying.push({ at: this.now + kDelay, to: other, place: to, from: this.places[name], datagram });
      };
      const identity = identityFromSeed(draw(`${label} ${name}`, 32));
      const onSession = (session) => this.take('bob', session);
      const random = randomFrom(`${label} ${name} chance`);
      return new Node({ identity, network: 'test', onSession, ...options }, { random, transmit });
    };
    this.ends = {};
    this.keys = { alice: [], bob: [] };
    this.asked = { alice: [], bob: [] };
    this.nodes = { alice: make('alice', 'bob'), bob: make('bob', 'alice') };
  }

  take(name, session) {
    this[name] = session;
    if (session) session.events = this.eventsOf(name);
  }
  eventsOf(name) {
    return {
      onEnd: (reason, byPeer) => (this.ends[name] = { reason, byPeer }),
      onKeys: (epoch) => this.keys[name].push(epoch),
      onRequest: (method) => this.asked[name].push(method),
    };
  }

  dial() {
    const address = { uuid: this.nodes.bob.identity.uuid, hosts: [{ host: '192.0.2.1', port: 2 }] };
    this.outcome = undefined;
    this.nodes.alice.dial(this.now, address, {}, (session) => {
      this.outcome = session ? 'up' : 'no answer';
      this.take('alice', session);
    });
  }

  // Everything that happens in `duration`, or until `done()`.
  run(duration, done = () => false) {
    const end = this.now + duration;
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 100_000, 'the time does not go on');
      if (done()) return true;
      const timer = Math.min(this.nodes.alice.deadline, this.nodes.bob.deadline);
      const next = Math.min(timer, this.flying[0]?.at ?? Infinity);
      if (next > end) break;
      assert.ok(next >= this.now || next === 0, 'a deadline is in the past');
      this.now = Math.max(next, this.now);
      if (this.flying[0]?.at <= this.now) {
        const { to, place, from, datagram } = this.flying.shift();
        const there = this.places[to];
        const isAt = (each) => place.address === each?.address && place.port === each.port;
        if (isAt(there)) this.nodes[to].receive(this.now, datagram, from);
        if (isAt(this.relay)) this.nodes[to].receive(this.now, datagram, this.relay); // who sends on what comes to him
      }
      for (const node of Object.values(this.nodes)) node.run(this.now);
    }
    this.now = end;
    return false;
  }

  connected() {
    this.dial();
    assert.ok(this.run(10 * kSecond, () => this.outcome && this.bob));
    assert.equal(this.outcome, 'up');
    return this;
  }
  sentSince(time, name) {
    return this.sent.filter(({ at, from }) => at >= time && from === name);
  }
}

test('a handshake in spite of losses and cookies', () => {
  for (const cookiesAlways of [false, true]) {
    for (let i = 0; i < 8; i++) {
      const world = new World(`lossy handshake ${i}`, { loss: 0.3, cookiesAlways }).connected();
      assert.deepEqual(world.alice.keys.update.psk, world.bob.keys.update.psk);
    }
  }
});

test('nobody answers: message 1 goes out at its times, then that is said', () => {
  const world = new World('silence');
  world.isLost = () => true;
  const start = world.now;
  world.dial();
  world.run(20 * kSecond);
  assert.equal(world.outcome, 'no answer');
  const times = world.sent.map(({ at }) => at - start);
  const expected = [0, 250, 750, 1750, 2750, 3750, 4750, 5750, 6750, 7750, 8750, 9750];
  assert.deepEqual(
    times,
    expected.flatMap((at) => [at, at]),
  );
});

test('a responder repeats its answer, but not at each copy, and never more than three times what came', () => {
  const world = new World('amplification');
  const start = world.now;
  world.isLost = (from) => from === 'bob';
  world.dial();
  world.run(15 * kSecond);
  const size = (name) => world.sentSince(start, name).reduce((sum, { datagram }) => sum + datagram.length, 0);
  assert.ok(size('bob') > 0 && size('bob') <= 3 * size('alice'));
  assert.equal(world.nodes.bob.sessions.length, 0);
});

test('messages 2 and 3 of somebody else, who knows the UUID, do no harm', () => {
  const world = new World('forged');
  const { alice, bob } = world.nodes;
  const from = { address: '192.0.2.1', port: 3 };
  const forge = (node, direction, type, index, size) => {
    const key = outerKey(direction, { ...node.setup, responderUuid: bob.identity.uuid });
    const header = { type, suite: 1, time: 0, senderIndex: number(5, 4), messageId: number(type, 4) };
    const salts = [1, 2].map((i) => draw(`salt ${type} ${i}`, 24));
    const message = draw('forged message', size);
    for (const datagram of sealMessage(key, { index, salts, header, message })) node.receive(world.now, datagram, from);
  };
  world.dial();
  forge(alice, 2, 2, alice.initiators[0].own.handshakeIndex, 1500);
  assert.equal(alice.drops.get('opening sealed bytes: not_authentic'), 1);
  assert.ok(world.run(kSecond, () => bob.responder.halfOpen.size > 0));
  const [{ own }] = bob.responder.halfOpen.values();
  forge(bob, 1, 3, own.handshakeIndex, 300);
  assert.equal(bob.drops.get('opening sealed bytes: not_authentic'), 1);
  assert.ok(world.run(kSecond, () => world.outcome === 'up'));
});

test('message 3 lost: the session closes on the side that had it', () => {
  const world = new World('no message 3');
  const start = world.now;
  // Alice's messages 3 are those of her datagrams that are not as long as a message 1.
  world.isLost = (from, { length }) => from === 'alice' && length !== 704;
  world.dial();
  world.run(12 * kSecond);
  assert.equal(world.outcome, 'no answer');
  assert.equal(world.bob, undefined);
  world.run(5 * kSecond);
  assert.equal(world.nodes.alice.sessions.length, 0);
  assert.ok(world.sentSince(start, 'alice').length > 2);
});

test('a session lives on keepalives, and ends in silence', () => {
  const world = new World('keepalives').connected();
  const start = world.now;
  world.run(10 * kMinute);
  assert.deepEqual(world.ends, {});
  const keepalives = world.sentSince(start, 'bob').filter(({ datagram }) => datagram.length === 24);
  assert.ok(keepalives.length >= 28 && keepalives.length <= 40);
  world.isLost = () => true;
  const silence = world.now;
  assert.ok(world.run(2 * kMinute, () => world.ends.alice));
  assert.deepEqual(world.ends.alice, { reason: 'idle', byPeer: false });
  // Asked after 40 s whether Bob is there, so that 20 s later it is over.
  assert.ok(world.now - silence <= 61 * kSecond && world.now - silence >= 39 * kSecond);
  assert.equal(world.nodes.alice.sessions.length, 1, 'its indexes rest');
  world.run(3 * kSecond);
  assert.equal(world.nodes.alice.sessions.length, 0);
  assert.ok(world.run(1 * kMinute, () => world.ends.bob));
});

test('a request is sent 8 times, then it has failed', () => {
  const requests = new ControlRequests(number(2 ** 32 - 1, 4));
  let outcome;
  requests.request(0, 200, zeros(0), (got) => (outcome = got));
  const times = [];
  for (let now = 0; outcome === undefined; now = requests.deadline) times.push([now, requests.poll(now).length]);
  const sent = [0, 300, 900, 2100, 4500, 9300, 14100, 18900].map((now) => [now, 1]);
  assert.deepEqual(times, [...sent, [23700, 0]]);
  assert.equal(outcome, 'no answer');
  for (let i = 0; i < 16; i++) assert.ok(requests.request(0, 200));
  assert.ok(!requests.request(0, 200), '16 are open');
});

test('who does not answer is asked whether he is there, then given up', () => {
  const world = new World('requests').connected();
  world.run(1 * kSecond);
  world.alice.keepaliveAt = Infinity;
  const start = world.now;
  let outcome;
  world.isLost = (from) => from === 'bob'; // so that the session goes on
  world.alice.request(world.now, 200, zeros(3), (got) => (outcome = got));
  world.run(10 * kSecond);
  const times = world.sentSince(start, 'alice').map(({ at }) => at - start);
  assert.deepEqual(times, [0, 300, 900, 2100, 4500, 8000, 8300, 8900, 9300], 'after 8 s it asks whether Bob is there');
  assert.deepEqual(new Set(world.asked.bob), new Set([200, kAreYouThere]));
  assert.equal(outcome, undefined);
  world.run(15 * kSecond);
  assert.equal(outcome, 'no answer');
  assert.deepEqual(world.ends.alice, { reason: 'idle', byPeer: false });
});

test('keys are replaced again and again in spite of losses, and old ones go', () => {
  const times = { min: 10 * kSecond, max: 20 * kSecond };
  const world = new World('updates', { loss: 0.2, times }).connected();
  for (let i = 0; i < 600; i++) {
    world.run(kSecond);
    assert.deepEqual(world.ends, {});
    for (const { keys } of [world.alice, world.bob]) assert.ok(keys.epochs.length <= 3);
  }
  assert.ok(world.keys.alice.length >= 15);
  assert.deepEqual(
    world.keys.alice,
    world.keys.alice.map((_, i) => i + 1),
  );
  assert.ok(Math.abs(world.keys.alice.length - world.keys.bob.length) <= 1);
  assert.ok(world.asked.alice.includes(kKeyUpdateWanted), 'the responder asks when its moment comes first');
});

test('keys that can not be replaced come to their end', () => {
  const world = new World('key limit').connected();
  world.bob.keys.receive = () => [];
  assert.ok(world.run(22 * kMinute, () => world.ends.alice));
  assert.deepEqual(world.ends.alice, { reason: kReasons.keyLimit, byPeer: false });
});

test('an update that comes too early is not answered; one that breaks the rules closes the session', () => {
  const world = new World('early').connected();
  world.alice.request(world.now, kAreYouThere); // so that Bob has a packet of epoch 0
  world.run(kSecond);
  const chance = { ephemeralPrivate: draw('early ephemeral', 32), kemSeed: draw('early kem', 64) };
  const message1 = world.alice.keys.update.begin(number(77, 4), chance);
  const send = () => message1.forEach((half) => world.alice.send(world.now, kRekey, half));
  send();
  world.run(4 * kSecond);
  assert.deepEqual(world.keys.bob, []);
  send();
  world.run(kSecond);
  assert.deepEqual(world.keys, { alice: [1], bob: [1] });
  world.run(6 * kSecond);
  world.alice.send(world.now, kRekey, encodeRekey({ part: 0, epoch: 3, half: zeros(626) }));
  world.run(kSecond);
  assert.deepEqual(world.ends.bob, { reason: kReasons.protocol, byPeer: false });
  assert.deepEqual(world.ends.alice, { reason: kReasons.protocol, byPeer: true });
});

test('CLOSE is repeated to whoever goes on sending, at most 5 times', () => {
  const world = new World('close').connected();
  world.run(kSecond);
  const start = world.now;
  world.isLost = (from) => from === 'bob';
  world.bob.close(world.now);
  assert.equal(world.sentSince(start, 'bob').length, 2);
  for (let i = 0; i < 10; i++) world.alice.sendKeepalive(world.now);
  world.run(kSecond);
  const copies = world.sentSince(start, 'bob').map(({ datagram }) => datagram);
  assert.equal(copies.length, 7);
  for (const copy of copies) assert.deepEqual(copy, copies[0]);
  world.isLost = () => false;
  world.flying.push({
    at: world.now,
    to: 'alice',
    place: world.places.alice,
    from: world.places.bob,
    datagram: copies[0],
  });
  world.run(kSecond);
  assert.deepEqual(world.ends.alice, { reason: kReasons.normal, byPeer: true });
});

test('a challenge is answered where it came from; packets go on to where they went', () => {
  const world = new World('paths').connected();
  world.run(kSecond);
  const token = draw('token', 8);
  const elsewhere = { address: '198.51.100.9', port: 9 };
  const packet = world.alice.keys.seal(encodeFrame(kPath, encodePath({ what: 0, token })));
  const start = world.now;
  world.nodes.bob.receive(world.now, packet, elsewhere);
  world.bob.sendKeepalive(world.now);
  const [answer, keepalive] = world.sentSince(start, 'bob');
  assert.deepEqual(answer.to, elsewhere);
  assert.equal(answer.datagram.length, 24 + 3 + 9);
  assert.deepEqual(keepalive.to, { address: '192.0.2.1', port: 1 });
});

test('a peer that wants padding and cover is told that it is not followed', () => {
  const world = new World('shapes').connected();
  const shape = (padding, cover, interval, delay) =>
    concat(number(padding, 1), number(cover, 1), number(interval, 4), number(delay, 2));
  const rows = [
    [shape(0, 0, 0, 0), 'answered'],
    [shape(3, 1, 60_000_000, 1000), 'answered'],
    [shape(3, 2, 1000, 0), 'answered'],
    [shape(3, 3, 1_000_000, 0), 'answered'],
    [shape(4, 0, 0, 0), 'unknown method'],
    [shape(3, 4, 1000, 0), 'unknown method'],
    [shape(3, 3, 1_000_001, 0), 'unknown method'],
    [shape(3, 3, 1000, 1), 'unknown method'],
    [shape(3, 2, 1_000_001, 0), 'unknown method'],
    [shape(3, 1, 999, 0), 'unknown method'],
    [shape(3, 0, 1000, 0), 'unknown method'],
    [shape(3, 0, 0, 1001), 'unknown method'],
    [shape(0, 1, 1000, 0), 'unknown method'],
    [shape(3, 2, 1000, 1), 'unknown method'],
    [zeros(7), 'unknown method'],
  ];
  for (const [body, expected] of rows) {
    let got;
    world.alice.request(world.now, 7, body, (outcome, answer) => (got = [outcome, answer]));
    world.run(kSecond);
    assert.deepEqual(got, [expected, expected === 'answered' ? zeros(1) : undefined]);
  }
});

test('a peer that moves is followed, whichever side that is, and gets new keys', () => {
  for (const mover of ['alice', 'bob']) {
    const world = new World('moves', { loss: 0.1 }).connected();
    const other = mover === 'alice' ? 'bob' : 'alice';
    world.run(11 * kSecond);
    for (let i = 1; i <= 5; i++) {
      world.places[mover] = { address: `198.51.100.${i}`, port: 1000 + i };
      world[mover].request(world.now, kAreYouThere);
      world.run(30 * kSecond);
      assert.deepEqual(world[other].path, world.places[mover]);
      assert.equal(world.keys[mover].length, i);
    }
    assert.deepEqual(world.ends, {});
  }
});

test('copies from elsewhere that come first move nothing, and bring little back', () => {
  const world = new World('copies').connected();
  const mallory = { address: '203.0.113.66', port: 666 };
  world.relay = mallory; // so that she answers challenges
  const start = world.now;
  let copied = 0;
  for (let i = 0; i < 50; i++) {
    world.alice.request(world.now, kAreYouThere);
    for (const each of [...world.flying].filter(({ to }) => to === 'bob')) {
      copied += each.datagram.length;
      world.flying.unshift({ ...each, from: mallory, at: world.now });
    }
    world.run(200);
  }
  const back = world.sentSince(start, 'bob').filter(({ to }) => to.port === mallory.port);
  assert.ok(back.length > 5 && back.length < 50, `${back.length} packets`);
  assert.ok(back.reduce((sum, { datagram }) => sum + datagram.length, 0) <= 3 * copied);
  assert.deepEqual(world.bob.path, world.places.alice);
});

test('datagrams are counted', () => {
  const world = new World('datagrams').connected();
  for (let i = 0; i < 3; i++) world.alice.send(world.now, kDatagram, zeros(4 + i));
  let count;
  world.alice.request(world.now, 4, zeros(0), (outcome, body) => (count = body));
  world.run(kSecond);
  assert.deepEqual(count, number(3, 8));
});
