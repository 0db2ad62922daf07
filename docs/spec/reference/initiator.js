// SPDX-License-Identifier: MIT
// The side that dials, from its first datagram to the session. Bytes and time are arguments; times are in ms since
// 1970.
// Spec: docs/spec/02-handshake.md, section 4.
import { equal, toNumber, zeros } from './bytes.js';
import * as handshake from './handshake.js';
import * as sealed from './sealed_datagram.js';

const kPauses = [250, 500, 1000]; // the last one goes on
const kTimeLimit = 10_000;
const kCookiesMax = 3;

const seconds = (now) => Math.floor(now / 1000);
const pauseAfter = (tries) => kPauses[Math.min(tries, kPauses.length - 1)];

export class Initiator {
  state = 'waiting'; // then 'confirming' once there is a session; it is over with the first packet of that, or 'failed'
  cookie = zeros(16);
  cookiesTaken = 0;
  clockShift = 0; // s, to the responder's clock
  pieces = new Map(); // of one message 2: datagrams by number

  // `setup` and `own`: see handshake.js. `endpoints`: where the responder may be. `random(size)` gives random bytes,
  // `transmit(datagram, endpoint)` sends; `onEstablished(now, established, endpoint)` gets the session: see session.js;
  // `observe(endpoint)` gives the bytes of its address, and its port.
  constructor(now, setup, own, endpoints, { random, transmit, onEstablished, observe }) {
    Object.assign(this, { setup, own, endpoints, random, transmit, onEstablished, observe });
    this.keys = { out: sealed.outerKey(1, setup), in: sealed.outerKey(2, setup) };
    const { noise, message } = handshake.startHandshake(setup, own);
    this.outgoing = { type: 1, message, id: random(4) };
    Object.assign(this, { noise, startedAt: now, endsAt: now + kTimeLimit, againAt: now, tries: 0 });
    this.run(now);
  }

  owns(index) {
    return equal(index, this.own.handshakeIndex);
  }

  get deadline() {
    return this.state === 'failed' ? Infinity : Math.min(this.againAt, this.endsAt);
  }

  // Sends the present message when it is time.
  run(now) {
    if (now >= this.endsAt) this.state = 'failed';
    if (now < this.deadline) return;
    if (this.state === 'waiting') this.to = this.endpoints[this.tries % this.endpoints.length];
    this.send(now);
    this.againAt = now + pauseAfter(this.tries++);
  }

  send(now) {
    const { type, message, id, index } = this.outgoing;
    const header = {
      type,
      suite: this.setup.suite.id,
      time: seconds(now) + this.clockShift,
      senderIndex: this.own.handshakeIndex,
      messageId: id,
      cookie: type === 1 ? this.cookie : zeros(16),
    };
    const salts = sealed.cutMessage(message).map(() => this.random(24));
    for (const datagram of sealed.sealMessage(this.keys.out, { index, salts, header, message }))
      this.transmit(datagram, this.to);
  }

  // A datagram for our handshake index. Throws SpecError for what is to be dropped.
  receive(now, datagram, from) {
    if (this.state !== 'waiting') return;
    const { header } = sealed.openDatagram(this.keys.in, datagram, true);
    if (header.type === sealed.kTypeCookie) this.receiveCookie(now, header);
    if (header.type === 2) this.receivePiece(now, header, datagram, from);
  }

  receiveCookie(now, { messageId, cookie, time }) {
    if (!equal(messageId, this.outgoing.id) || equal(cookie, this.cookie) || this.cookiesTaken === kCookiesMax) return;
    this.cookiesTaken++;
    this.cookie = cookie;
    this.clockShift = time - (seconds(now) % 2 ** 32);
    this.send(now);
  }

  receivePiece(now, { messageId, piece, pieces }, datagram, from) {
    if (this.pieces.size > 0 && !equal(messageId, this.messageId)) this.pieces.clear();
    this.messageId = messageId;
    this.pieces.set(piece, datagram);
    if (this.pieces.size < pieces) return;
    const datagrams = [...this.pieces.values()];
    this.pieces.clear();
    const { header, message } = sealed.openMessage(this.keys.in, datagrams, true);
    const noise = this.noise.copy(); // the message may be anything
    const received = { message, senderIndex: header.senderIndex, observed: this.observe(from), now: seconds(now) };
    const completed = handshake.completeHandshake(this.setup, this.own, noise, received);
    const { sessionIndex, handshakeIndex } = completed.payload2;
    const same = ({ address, port }) => address === from.address && port === from.port;
    this.to = this.endpoints.find(same) ?? this.to;
    this.outgoing = { type: 3, message: completed.message, id: this.random(4), index: handshakeIndex };
    Object.assign(this, { state: 'confirming', tries: 0, againAt: now });
    this.run(now);
    const { suite } = this.setup;
    const roundTrip = now - this.startedAt; // too long where something was lost
    const indexes = { localIndex: this.own.sessionIndex, remoteIndex: sessionIndex };
    this.onEstablished(now, { suite, role: 'initiator', ...completed.session, ...indexes, roundTrip }, this.to);
  }
}
