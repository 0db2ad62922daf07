// SPDX-License-Identifier: MIT
// The peers of interop_test.cpp: nodes made of the JavaScript reference, one for each suite, role and network.
//   peers.js NETWORK SECRET OPEN-ADDRESS CLOSED-ADDRESS
// Two nodes of the library are at the addresses; the closed one has the shared secret SECRET (hexadecimal). They are
// dialled, and asked on the standard output, line by line, to
//   dial NODE SUITE-ID ADDRESS      connect to one of ours (NODE: open, closed)
//   disconnect NODE ADDRESS         end the session with one of ours
// Exit code 0 if each session did all of `converse`; 1 if not, or not within 60 s, and what was missing is said.
import { randomBytes } from 'node:crypto';

import { addressText, parseAddress } from '../../docs/spec/reference/address.js';
import { ascii, equal, fromHex } from '../../docs/spec/reference/bytes.js';
import { kAreYouThere, kDatagramCount, kKeyUpdateWanted, kShapeWanted } from '../../docs/spec/reference/control.js';
import { identityFromSeed } from '../../docs/spec/reference/identity.js';
import { kReasons } from '../../docs/spec/reference/session.js';
import { suites } from '../../docs/spec/reference/suite.js';
import { UdpNode } from '../../docs/spec/reference/udp_node.js';

const [network, secret, openAddress, closedAddress] = process.argv.slice(2);
const kUnknownMethod = 200;
const kGreeting = ascii('hello'); // the datagram that the library's node sends once it has a session
const kSoon = { min: 10_000, max: 10_000 };
const kLate = { min: 1_200_000, max: 1_200_000 };

// In the open network it is the library's node that wants new keys, after 10 s, and its peer moves; in the closed one
// the peer wants them. Each suite ends once by either side's CLOSE in either role.
const networks = [
  { name: 'open', address: parseAddress(openAddress), times: kLate, moves: true },
  { name: 'closed', address: parseAddress(closedAddress), times: kSoon, sharedSecret: fromHex(secret) },
];

const say = (line) => console.log(line);

class Peer {
  step = 'the session';

  constructor(role, suite, { name, address, times, sharedSecret, moves }) {
    const identity = identityFromSeed(Uint8Array.from(randomBytes(32)));
    Object.assign(this, { role, suite, net: name, there: address, moves, identity });
    this.closes = (suite.id % 2 === 0) === (name === 'open');
    this.name = `${role} ${name} ${suite.protocolName}`;
    const cookiesAlways = suite.id % 2 === 0; // as if it were under load
    const onSession = (session) => {
      session.events = this.events;
      this.onsession(session);
    };
    this.node = new UdpNode({ identity, network, sharedSecret, suiteIds: [suite.id], times, cookiesAlways, onSession });
    for (const event of ['session', 'keys', 'datagram', 'requests', 'end'])
      this[event] = new Promise((resolve) => (this[`on${event}`] = resolve));
    // What the library's node asks for: how many datagrams came; whether we are there, after an update that it has
    // begun; an update that only we can begin; padding and cover.
    const wanted = new Set([kDatagramCount]);
    if (role === 'responder') wanted.add(kAreYouThere);
    if (role === 'initiator' && moves) wanted.add(kKeyUpdateWanted);
    if (name === 'closed') wanted.add(kShapeWanted);
    this.events = {
      onRequest: (method) => {
        if (wanted.delete(method) && wanted.size === 0) this.onrequests();
      },
      onKeys: (epoch) => this.onkeys(epoch),
      onDatagram: (id, content) => this.ondatagram({ id, content }),
      onEnd: (reason, byPeer) => this.onend({ reason, byPeer }),
    };
  }

  async connect() {
    const port = await this.node.bind();
    this.address = addressText({ uuid: this.identity.uuid, hosts: [{ host: '127.0.0.1', port }] });
    if (this.role === 'initiator') return this.node.dial(this.there, this.events);
    say(`dial ${this.net} ${this.suite.id} ${this.address}`);
    return this.session;
  }

  ask(session, method) {
    return new Promise((resolve) => session.request(Date.now(), method, undefined, resolve));
  }

  async expect(step, promise, isRight) {
    this.step = step;
    const got = await promise;
    if (!isRight(got)) throw new Error(`${this.step}: got ${JSON.stringify(got)}`);
  }

  async converse() {
    const session = await this.connect();
    const isThere = (outcome) => outcome === 'answered';
    await this.expect('an answer', this.ask(session, kAreYouThere), isThere);
    await this.expect('"unknown method"', this.ask(session, kUnknownMethod), (got) => got === 'unknown method');
    await this.expect('a datagram', this.datagram, ({ content }) => equal(content, kGreeting));
    if (this.moves) {
      await this.node.move();
      await this.expect('an answer after a move', this.ask(session, kAreYouThere), isThere);
    }
    await this.expect('new keys', this.keys, (epoch) => epoch === 1);
    await this.expect('its requests', this.requests, () => true);
    await this.expect('an answer under the new keys', this.ask(session, kAreYouThere), isThere);
    if (this.closes) session.close(Date.now());
    else say(`disconnect ${this.net} ${this.address}`);
    const isEnd = ({ reason, byPeer }) => reason === kReasons.normal && byPeer === !this.closes;
    await this.expect('the end', this.end, isEnd);
    say(`done: ${this.name}`);
  }
}

const peers = networks.flatMap((each) =>
  suites.flatMap((suite) => ['initiator', 'responder'].map((role) => new Peer(role, suite, each))),
);
const running = new Set(peers);

function finish(code) {
  for (const peer of running)
    say(`FAILED: ${peer.name}: waits for ${peer.step}; dropped: ${JSON.stringify([...peer.node.node.drops])}`);
  process.exit(code);
}
setTimeout(() => finish(1), 60_000);

const outcomes = peers.map(async (peer) => {
  await peer.converse();
  running.delete(peer);
});
await Promise.all(outcomes).catch((error) => {
  say(`FAILED: ${error.message}`);
  finish(1);
});
await Promise.all(peers.map(({ node }) => node.stop()));
finish(0);
