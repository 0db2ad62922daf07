// SPDX-License-Identifier: MIT
// The keys of a session over time: its epochs, when updates begin and are repeated, when old keys go. Times are in ms.
// Spec: docs/spec/03-session.md, sections 1 and 9.
import { drawBetween, ensure, equal, SpecError } from './bytes.js';
import { KeyUpdate } from './key_update.js';
import { openPacket, ReplayWindow, sealPacket } from './packet.js';

const kSecond = 1000;
const kKeyAgeMax = (21 * 60 - 1) * kSecond; // one second is left for CLOSE, and 16 packets
const kPacketsMax = 2n ** 28n - 16n;
const kBytesMax = 2 ** 38 - 16 * 1472;
const kPacketsBeforeUpdate = 2n ** 26n;
const kBytesBeforeUpdate = 2 ** 36;
const kGrace = 10 * kSecond;
const kPauseBetweenUpdates = 5 * kSecond; // the least that a responder demands
const kAnswerPause = 100;
const kAskPause = 30 * kSecond;
const kPauses = [300, 600, 1200, 2400, 4800]; // the last one goes on
export const kUpdateTimes = { min: 300 * kSecond, max: 1200 * kSecond };

// The keys of both directions between two updates.
class Epoch {
  sent = { packets: 0n, bytes: 0 };
  received = { packets: 0n, bytes: 0 };
  window = new ReplayWindow();
  heardAt = undefined; // when the first packet of the peer came

  // `keys`: initiatorToResponder, responderToInitiator, localIndex, remoteIndex.
  constructor(now, suite, role, keys) {
    const directions = [keys.initiatorToResponder, keys.responderToInitiator];
    const [sending, receiving] = role === 'initiator' ? directions : directions.reverse();
    const { localIndex, remoteIndex } = keys;
    Object.assign(this, { madeAt: now, suite, sending, receiving, localIndex, remoteIndex });
  }

  seal(content) {
    const packet = sealPacket(this.suite, this.sending, this.remoteIndex, this.sent.packets++, content);
    this.sent.bytes += packet.length;
    return packet;
  }

  // The content of a packet, or undefined.
  open(now, packet) {
    let opened;
    try {
      opened = openPacket(this.suite, this.receiving, packet, this.window.highest);
    } catch (error) {
      if (error instanceof SpecError) return undefined; // a node counts these, up to 2^36
      throw error;
    }
    if (!this.window.accept(opened.counter)) return undefined;
    this.heardAt ??= now;
    this.lastCounter = opened.counter;
    this.received.packets++;
    this.received.bytes += packet.length;
    return opened.content;
  }

  // Whether one direction has come to one of these.
  used(packets, bytes) {
    return [this.sent, this.received].some((use) => use.packets >= packets || use.bytes >= bytes);
  }
}

export class KeySchedule {
  // `established` is what a handshake leaves behind: suite, role, handshakeHash, secrets, and the keys of epoch 0.
  // `random(size)` gives random bytes, `newIndex()` an index that nothing else has; `times`: between which moments keys
  // are replaced.
  constructor(now, established, { random, newIndex, times = kUpdateTimes }) {
    const { suite, role, handshakeHash, secrets } = established;
    Object.assign(this, { suite, role, random, newIndex, times });
    this.update = new KeyUpdate(suite.protocolName, role, handshakeHash, secrets);
    this.epochs = []; // oldest first
    this.add(now, established);
    this.sending = this.newest;
  }

  get newest() {
    return this.epochs.at(-1);
  }
  get indexes() {
    return this.epochs.map(({ localIndex }) => localIndex);
  }
  // Whether an update is under way.
  get updating() {
    return this.repeatAt !== Infinity || (this.update.epoch > 0 && this.newest.heardAt === undefined);
  }

  seal(content) {
    return this.sending.seal(content);
  }

  // The content of a packet for one of our indexes; undefined if it does not open or was seen before.
  open(now, packet) {
    const epoch = this.epochs.find(({ localIndex }) => equal(localIndex, packet.slice(0, 4)));
    const content = epoch?.open(now, packet);
    // The peer has the newest keys: the responder, too, sends with them now.
    if (content && epoch === this.newest) this.sending = epoch;
    // Whether nothing that was sent later has come.
    const newestHeard = this.epochs.findLast(({ heardAt }) => heardAt !== undefined);
    this.isNewest = epoch === newestHeard && epoch?.lastCounter === epoch?.window.highest;
    return content;
  }

  // New keys should come soon: at the peer's request, or after a move.
  want() {
    this.wanted = true;
  }

  add(now, keys) {
    this.epochs.push(new Epoch(now, this.suite, this.role, keys));
    if (this.role === 'initiator') this.sending = this.newest;
    this.moment = now + drawBetween(this.random, this.times.min, this.times.max);
    this.wanted = false;
    this.askedAt = -Infinity;
    this.repeatAt = Infinity;
  }

  // When the initiator begins an update, and the responder asks for one.
  get beginsAt() {
    const { newest } = this;
    if (newest.heardAt === undefined || this.updating) return Infinity;
    const soon = this.wanted || newest.used(kPacketsBeforeUpdate, kBytesBeforeUpdate);
    return Math.max(soon ? 0 : this.moment, newest.heardAt + kGrace, this.askedAt + kAskPause);
  }
  get graceEnd() {
    return (this.epochs[1]?.heardAt ?? Infinity) + kGrace;
  }
  get endsAt() {
    const { newest } = this;
    const oldest = newest.heardAt === undefined ? (this.epochs.at(-2) ?? newest) : newest;
    return this.sending.used(kPacketsMax, kBytesMax) ? 0 : oldest.madeAt + kKeyAgeMax;
  }
  // When to call poll, and to look whether this is the end.
  get deadline() {
    return Math.min(this.beginsAt, this.repeatAt, this.graceEnd, this.endsAt);
  }

  // `rekey`: bodies of REKEY frames to send now; `ask`: the peer is to be asked for an update.
  poll(now) {
    if (now >= this.graceEnd) this.epochs.shift();
    const begins = now >= this.beginsAt;
    if (begins && this.role === 'responder') {
      this.askedAt = now;
      return { rekey: [], ask: true };
    }
    if (begins) {
      const chance = { ephemeralPrivate: this.random(this.suite.dh.size), kemSeed: this.random(64) };
      this.message1 = this.update.begin(this.newIndex(), chance);
      this.tries = 0;
      this.repeatAt = now;
    }
    if (now < this.repeatAt) return { rekey: [], ask: false };
    this.repeatAt = now + kPauses[Math.min(this.tries++, kPauses.length - 1)];
    return { rekey: this.message1, ask: false };
  }

  // A REKEY frame. Returns bodies of REKEY frames to send. Throws `protocol`.
  receive(now, frame) {
    const { heardAt } = this.newest;
    if (frame.epoch === this.update.epoch + 1) {
      ensure(heardAt !== undefined, 'protocol', 'reading a REKEY frame too early');
      if (this.role === 'responder' && now < heardAt + kPauseBetweenUpdates) return [];
    }
    const { keys, send, again } = this.update.receive(frame, () => ({
      index: this.newIndex(),
      ephemeralPrivate: this.random(this.suite.dh.size),
      kemM: this.random(32),
    }));
    if (keys) this.add(now, keys);
    if (send) this.message2 = send;
    const repeats = again && heardAt === undefined && now >= this.answeredAt + kAnswerPause;
    if (!send && !repeats) return [];
    this.answeredAt = now;
    return this.message2;
  }
}
