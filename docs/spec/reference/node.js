// SPDX-License-Identifier: MIT
// A node: identity, indexes, and the sessions of whoever it dials or is dialled by. Datagrams and time are arguments;
// times are in ms since 1970. It offers no streams, and two sessions with one peer both stay (02-handshake.md,
// section 8, is not done).
import { concat, equal, fromHex, SpecError, toHex, zeros } from './bytes.js';
import { networkHash } from './identity.js';
import { Initiator } from './initiator.js';
import { Responder } from './responder.js';
import { Session } from './session.js';
import { suites } from './suite.js';

const kExpirySeconds = 30 * 86400;

// The bytes of an IPv4-mapped address, and the port.
const observe = ({ address, port }) => ({
  address: concat(zeros(10), fromHex('ffff'), Uint8Array.from(address.split('.'))),
  port,
});

export class Node {
  sessions = [];
  initiators = [];
  usedIndexes = new Set(); // none is used twice, which is more than is asked for
  staticKeys = new Map(); // by size
  drops = new Map(); // how often a datagram was dropped, by reason

  // `suiteIds`: the enabled ones. `times`: of key updates. `cookiesAlways`: see responder.js. `onSession(session,
  // uuid)`: somebody has dialled us; it may set `session.events` (see session.js). `random(size)` gives random bytes,
  // `transmit(datagram, endpoint)` sends; an endpoint is { address: '127.0.0.1', port: 5000 }.
  constructor({ identity, network, sharedSecret, suiteIds, times, cookiesAlways, onSession }, { random, transmit }) {
    Object.assign(this, { identity, times, onSession, random, transmit });
    this.suiteIds = suiteIds ?? suites.map(({ id }) => id);
    this.setup = { network: networkHash(network), sharedSecret: sharedSecret ?? zeros(32) };
    this.responder = new Responder({
      setup: { ...this.setup, responderUuid: identity.uuid },
      own: (suite, now) => this.own(suite, now, { kemM: random(32) }),
      suites: this.suiteIds,
      cookiesAlways,
      random,
      transmit,
      onEstablished: (now, established, endpoint, uuid) => {
        const session = this.addSession(now, established, endpoint);
        this.onSession?.(session, uuid);
        return session;
      },
      observe,
    });
  }

  // `done(session)` is called once: the peer has shown that it has the session, too; or without one: no answer.
  // `address`: see address.js; `events`: see session.js.
  dial(now, address, events, done) {
    const suite = suites.find(({ id }) => this.suiteIds.includes(id)); // the best one
    const setup = { ...this.setup, suite, responderUuid: address.uuid };
    const own = this.own(suite, now, { kemSeed: this.random(64) });
    const endpoints = address.hosts.map(({ host, port }) => ({ address: host, port }));
    const initiator = new Initiator(now, setup, own, endpoints, {
      random: this.random,
      transmit: this.transmit,
      onEstablished: (time, established, endpoint) => {
        initiator.session = this.addSession(time, established, endpoint, events);
      },
      observe,
    });
    initiator.done = done;
    this.initiators.push(initiator);
  }

  // Our part of a handshake: see handshake.js.
  own(suite, now, chance) {
    const { size } = suite.dh;
    if (!this.staticKeys.has(size)) this.staticKeys.set(size, this.random(size));
    return {
      identity: this.identity,
      staticPrivate: this.staticKeys.get(size),
      ephemeralPrivate: this.random(size),
      ...chance,
      sessionIndex: this.newIndex(),
      handshakeIndex: this.newIndex(),
      expiry: Math.floor(now / 1000) + kExpirySeconds,
      suites: this.suiteIds,
      streamParameters: zeros(0),
      extensions: [],
    };
  }

  newIndex = () => {
    let index;
    do index = this.random(4);
    while (equal(index, zeros(4)) || this.usedIndexes.has(toHex(index)));
    this.usedIndexes.add(toHex(index));
    return index;
  };

  addSession(now, established, endpoint, events) {
    const { times, transmit, newIndex, random } = this;
    const session = new Session(now, established, endpoint, { random, newIndex, times, transmit, ...events });
    this.sessions.push(session);
    return session;
  }

  receive(now, datagram, from) {
    const index = datagram.slice(0, 4);
    const owner = [...this.sessions, ...this.initiators, this.responder].find((each) => each.owns(index));
    try {
      if (!owner) this.responder.receiveFirst(now, datagram, from);
      else if (owner.receive(now, datagram, from)) this.confirm(owner);
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      this.drops.set(error.message, (this.drops.get(error.message) ?? 0) + 1);
    }
  }

  // An authentic packet of a session has come: whoever dialled it is done.
  confirm(session) {
    const initiator = this.initiators.find((each) => each.session === session);
    if (!initiator) return;
    this.initiators = this.initiators.filter((each) => each !== initiator);
    initiator.done(session);
  }

  // When to call run; Infinity: not before something else has happened.
  get deadline() {
    return Math.min(...[...this.sessions, ...this.initiators].map(({ deadline }) => deadline));
  }

  // Does what is due.
  run(now) {
    for (const each of [...this.sessions, ...this.initiators]) if (now >= each.deadline) each.run(now);
    for (const { session, done } of this.initiators.filter(({ state }) => state === 'failed')) {
      session?.close(now);
      done();
    }
    this.initiators = this.initiators.filter(({ state }) => state !== 'failed');
    this.sessions = this.sessions.filter(({ state }) => state !== 'gone');
  }
}
