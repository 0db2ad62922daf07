// SPDX-License-Identifier: MIT
// The side that is dialled: answers whoever knows its UUID, and gets sessions. Bytes and time are arguments; times are
// in ms since 1970. It has no budgets, and full tables take no more.
// Spec: docs/spec/02-handshake.md, sections 5 and 6.
import { equal, SpecError, toHex } from './bytes.js';
import * as handshake from './handshake.js';
import * as sealed from './sealed_datagram.js';
import { suiteById } from './suite.js';

const kSecond = 1000;
const kSaltLife = 240 * kSecond;
const kSaltsMax = 2 ** 20;
const kReassemblyMax = 1024;
const kReassemblyLife = 3 * kSecond;
const kHalfOpenMax = 1024;
const kHalfOpenLife = 10 * kSecond;
const kRepeatPause = 100;
const kAmplificationMax = 3;
const kHeldMax = 8;
const kSecretLife = 120 * kSecond;

const seconds = (now) => Math.floor(now / 1000);
const keyOf = ({ address, port }) => `${address} ${port}`;

export class Responder {
  salts = new Map(); // until when, by salt
  partial = new Map(); // messages 1 of which pieces are missing, by source
  halfOpen = new Map(); // handshakes that were answered, by our handshake index

  // `setup`: network, sharedSecret, responderUuid, as in handshake.js, but for the suite, which the initiator chooses.
  // `own(suite, now)`: see handshake.js; what it draws is fresh each time. `suites`: ids of the enabled ones.
  // `cookiesAlways`: strangers prove their address also when nothing is full.
  // `onEstablished(now, established, endpoint, uuid)` makes a session (see session.js) and returns it.
  constructor({ setup, own, suites, cookiesAlways, random, transmit, onEstablished, observe }) {
    Object.assign(this, { setup, own, suites, cookiesAlways, random, transmit, onEstablished, observe });
    this.keys = { in: sealed.outerKey(1, setup), out: sealed.outerKey(2, setup) };
    this.secrets = []; // of cookies, the newest first
    this.firstSizes = new Set(suites.flatMap((id) => sealed.firstDatagramSizes(suiteById(id))));
  }

  owns(index) {
    return this.find(index) !== undefined;
  }
  find(index) {
    return [...this.halfOpen.values()].find(
      ({ own, session }) => equal(index, own.handshakeIndex) || (!session && equal(index, own.sessionIndex)),
    );
  }

  // Forgets what is too old. Needs no timer: it is done before a datagram is looked at.
  forget(now) {
    for (const [key, until] of this.salts) if (now >= until) this.salts.delete(key);
    for (const [key, { until }] of this.partial) if (now >= until) this.partial.delete(key);
    for (const [key, { until }] of this.halfOpen) if (now >= until) this.halfOpen.delete(key);
  }

  // A datagram that begins with no index in use. Throws SpecError for what is to be dropped.
  receiveFirst(now, datagram, from) {
    this.forget(now);
    if (!this.firstSizes.has(datagram.length)) return;
    const { salt, header, piece } = sealed.openDatagram(this.keys.in, datagram, false);
    const verdict = sealed.checkFirst({ header, piece }, this.suites, seconds(now));
    if (this.salts.has(toHex(salt)) || (verdict === 'send cookie' && this.saltsFull)) return;
    if (!this.saltsFull) this.salts.set(toHex(salt), now + kSaltLife);
    if (verdict === 'send cookie' || (this.cookiesRequired && !this.isCookieRight(now, header, from))) {
      this.sendCookie(now, header, from);
      return;
    }
    const started = [...this.halfOpen.values()].find(
      (each) => equal(each.messageId, header.messageId) && keyOf(each.from) === keyOf(from),
    );
    if (started) this.repeatMessage2(now, started, datagram.length);
    else this.collect(now, header, datagram, from);
  }

  get saltsFull() {
    return this.salts.size === kSaltsMax;
  }
  get cookiesRequired() {
    const half = this.partial.size * 2 >= kReassemblyMax || this.halfOpen.size * 2 >= kHalfOpenMax;
    return this.cookiesAlways || half || this.saltsFull;
  }
  cookiesFor(now, { senderIndex }, from) {
    if (this.secrets.length === 0 || now >= this.secrets[0].madeAt + kSecretLife)
      this.secrets = [{ bytes: this.random(32), madeAt: now }, ...this.secrets].slice(0, 2);
    const { address, port } = this.observe(from);
    return this.secrets.map(({ bytes }) => sealed.cookieFor(bytes, address, port, senderIndex));
  }
  isCookieRight(now, header, from) {
    return this.cookiesFor(now, header, from).some((cookie) => equal(cookie, header.cookie));
  }
  sendCookie(now, request, from) {
    const [cookie] = this.cookiesFor(now, request, from);
    const answer = { salt: this.random(24), request, time: seconds(now), cookie };
    this.transmit(sealed.sealCookie(this.keys.out, answer), from);
  }

  collect(now, { messageId, piece, pieces }, datagram, from) {
    const source = keyOf(from);
    let message = this.partial.get(source);
    if (!message || !equal(message.messageId, messageId)) {
      if (!message && this.partial.size === kReassemblyMax) return;
      message = { messageId, datagrams: new Map(), until: now + kReassemblyLife, bytes: 0 };
      this.partial.set(source, message);
    }
    message.datagrams.set(piece, datagram);
    message.bytes += datagram.length;
    if (message.datagrams.size < pieces) return;
    this.partial.delete(source);
    if (this.halfOpen.size < kHalfOpenMax) this.answer(now, message, from);
  }

  answer(now, { datagrams, bytes }, from) {
    const { header, message } = sealed.openMessage(this.keys.in, [...datagrams.values()], false);
    const suite = suiteById(header.suite);
    const setup = { ...this.setup, suite };
    const own = this.own(suite, now);
    const received = { message, senderIndex: header.senderIndex, observed: this.observe(from) };
    const answered = handshake.answerHandshake(setup, own, received);
    const started = {
      ...{ setup, own, noise: answered.noise, message2: answered.message, remoteIndex: answered.payload1.sessionIndex },
      ...{ from, messageId: header.messageId, message2Id: this.random(4), peersIndex: header.senderIndex },
      ...{ until: now + kHalfOpenLife, received: bytes, sent: 0, pieces: new Map(), held: [] },
    };
    this.halfOpen.set(toHex(own.handshakeIndex), started);
    this.sendMessage2(now, started);
  }

  sendMessage2(now, started) {
    const { setup, own, message2: message, message2Id: messageId, peersIndex: index, from } = started;
    const header = { type: 2, suite: setup.suite.id, time: seconds(now), senderIndex: own.handshakeIndex, messageId };
    const salts = sealed.cutMessage(message).map(() => this.random(24));
    const datagrams = sealed.sealMessage(this.keys.out, { index, salts, header, message });
    const size = datagrams.reduce((sum, { length }) => sum + length, 0);
    if (started.sent + size > kAmplificationMax * started.received) return;
    started.sent += size;
    started.sentAt = now;
    for (const datagram of datagrams) this.transmit(datagram, from);
  }
  repeatMessage2(now, started, size) {
    started.received += size;
    if (!started.session && now >= started.sentAt + kRepeatPause) this.sendMessage2(now, started);
  }

  // A datagram for one of our indexes: a piece of message 3, or a packet that has overtaken it.
  receive(now, datagram, from) {
    this.forget(now);
    const index = datagram.slice(0, 4);
    const started = this.find(index);
    if (!started) return;
    if (equal(index, started.own.handshakeIndex)) this.receivePiece(now, started, datagram);
    else if (started.held.length < kHeldMax) started.held.push({ datagram, from });
  }

  receivePiece(now, started, datagram) {
    const { header } = sealed.openDatagram(this.keys.in, datagram, true);
    if (header.type !== 3) return;
    if (started.session) {
      if (now < started.confirmedAt + kRepeatPause) return;
      started.confirmedAt = now;
      started.session.sendKeepalive(now);
      return;
    }
    if (started.pieces.size > 0 && !equal(header.messageId, started.message3Id)) started.pieces.clear();
    started.message3Id = header.messageId;
    started.pieces.set(header.piece, datagram);
    if (started.pieces.size < header.pieces) return;
    const datagrams = [...started.pieces.values()];
    started.pieces.clear();
    const { message } = sealed.openMessage(this.keys.in, datagrams, true);
    this.accept(now, started, message);
  }

  accept(now, started, message) {
    const { setup, own, noise, remoteIndex, from, held } = started;
    const received = { message, now: seconds(now) };
    const { session, uuid } = handshake.acceptHandshake(setup, own, noise.copy(), received);
    const indexes = { localIndex: own.sessionIndex, remoteIndex };
    const established = {
      suite: setup.suite,
      role: 'responder',
      ...session,
      ...indexes,
      roundTrip: now - started.sentAt,
    };
    started.session = this.onEstablished(now, established, from, uuid);
    started.confirmedAt = now;
    started.until = now + kHalfOpenLife;
    started.session.sendKeepalive(now);
    for (const each of held.splice(0)) started.session.receive(now, each.datagram, each.from);
  }
}
