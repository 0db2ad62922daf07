// SPDX-License-Identifier: MIT
// A session without streams: packets in and out, control requests, keepalive, paths, key updates, close.
// Bytes and time are arguments, so that it needs neither sockets nor timers; times are in ms.
// Spec: docs/spec/03-session.md.
import { drawBetween, equal, number, SpecError, toNumber, zeros } from './bytes.js';
import * as control from './control.js';
import { encodeControl, encodeFrame, encodePath, kClose, kControl, kPath, kRekey, parseFrames } from './frames.js';
import { KeySchedule } from './key_schedule.js';
import { PathFollower } from './path.js';

const kSecond = 1000;
const kKeepalive = { min: 15 * kSecond, max: 20 * kSecond };
const kSilenceMax = 60 * kSecond;
const kUnansweredMax = 20 * kSecond;
const kAskAfterSilence = 40 * kSecond;
const kAskAfterUnanswered = 8 * kSecond;
const kClosingTime = 3 * kSecond;
const kCloseCopies = 2;
const kCloseRepeatsMax = 5;

export const kReasons = {
  normal: 0,
  shuttingDown: 1,
  duplicate: 2,
  replaced: 3,
  protocol: 4,
  internal: 5,
  keyLimit: 7,
  evicted: 8,
};

export class Session {
  state = 'open'; // then 'closing' if we closed it, 'closed' if not, and 'gone' when its indexes are free
  datagramsReceived = 0n;

  // `established`: see KeySchedule, and `roundTrip` in ms; `path`: where packets go. What the session needs of the
  // world: `random(size)`, `newIndex()`, `transmit(packet, path)`. What it tells: `onRequest(method)` that the peer
  // asks for, `onDatagram(id, content)`, `onKeys(epoch)`, and once `onEnd(reason, byPeer)`: a number, or 'idle'.
  constructor(now, established, path, { random, newIndex, times, transmit, ...events }) {
    Object.assign(this, { random, transmit, events, roundTrip: established.roundTrip });
    this.paths = new PathFollower(path);
    this.keys = new KeySchedule(now, established, { random, newIndex, times });
    this.requests = new control.ControlRequests(random(4));
    this.indexes = [];
    this.heard(now);
    this.scheduleKeepalive(now);
  }

  get path() {
    return this.paths.proven;
  }
  owns(index) {
    return (this.keys?.indexes ?? this.indexes).some((each) => equal(each, index));
  }

  heard(now) {
    this.heardAt = now;
    this.unansweredSince = Infinity; // since when something that a living peer would answer is not
    this.asked = false; // whether it is there
  }

  // A datagram for an index of ours. Whether it was authentic and new.
  receive(now, packet, from) {
    if (this.state !== 'open') {
      this.repeatClose();
      return false;
    }
    const content = this.keys.open(now, packet);
    if (!content) return false;
    this.heard(now);
    const { random, roundTrip } = this;
    this.paths.onPacket(now, from, packet.length, { isNewest: this.keys.isNewest, roundTrip, random });
    try {
      for (const frame of parseFrames(content)) {
        this.receiveFrame(now, frame, from);
        if (this.state !== 'open') break;
      }
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      this.close(now, kReasons.protocol);
    }
    this.run(now);
    return true;
  }

  receiveFrame(now, frame, from) {
    switch (frame.kind) {
      case 'CONTROL':
        if (frame.what === control.kAnswer) {
          this.requests.receive(frame);
        } else {
          this.send(now, kControl, encodeControl(this.answer(frame)));
          this.events.onRequest?.(frame.method);
        }
        break;
      case 'REKEY': {
        const { epoch } = this.keys.update;
        for (const body of this.keys.receive(now, frame)) this.send(now, kRekey, body);
        if (this.keys.update.epoch === epoch) break;
        // Brings the responder to the new keys, and its answer us to the end of the update.
        if (this.keys.role === 'initiator') this.request(now, control.kAreYouThere);
        this.events.onKeys?.(epoch + 1);
        break;
      }
      case 'PATH':
        if (frame.what === 1) {
          this.paths.onAnswer(now, frame.token);
        } else {
          this.send(now, kPath, encodePath({ what: 1, token: frame.token }), from);
          this.paths.onAnswerSent(from);
        }
        break;
      case 'DATAGRAM':
        this.datagramsReceived++;
        this.events.onDatagram?.(frame.id, frame.content);
        break;
      case 'CLOSE':
        this.end(now, 'closed', frame.reason, true);
        break;
      default: // STREAM: we have announced no stream parameters
    }
  }

  // The answer to a control request.
  answer({ id, method, body }) {
    const empty = body.length === 0;
    const answerWith = (content) => ({ what: control.kAnswer, id, method, body: content });
    if (method === control.kAreYouThere && empty) return answerWith(zeros(0));
    if (method === control.kDatagramCount && empty) return answerWith(number(this.datagramsReceived, 8));
    if (method === control.kShapeWanted && control.isShape(body)) return answerWith(zeros(1)); // we do not follow
    if (method === control.kKeyUpdateWanted && body.length === 4 && this.keys.role === 'initiator') {
      if (toNumber(body) === this.keys.update.epoch) this.keys.want();
      return answerWith(zeros(0));
    }
    return { what: control.kAnswer, id, method: control.kUnknownMethod, body: zeros(0) };
  }

  // See ControlRequests.request.
  request(now, method, body, done) {
    const accepted = this.requests.request(now, method, body, done);
    this.run(now);
    return accepted;
  }

  // A packet with one frame, or with none.
  send(now, kind, body, path = this.path) {
    if (this.state !== 'open') return;
    this.transmit(this.keys.seal(kind === undefined ? zeros(0) : encodeFrame(kind, body)), path);
    this.scheduleKeepalive(now);
  }
  // The same with a frame that a living peer answers.
  ask(now, kind, body) {
    this.send(now, kind, body);
    this.unansweredSince = Math.min(this.unansweredSince, now);
  }

  sendKeepalive(now) {
    this.send(now);
  }
  scheduleKeepalive(now) {
    this.keepaliveAt = now + drawBetween(this.random, kKeepalive.min, kKeepalive.max);
  }

  close(now, reason = kReasons.normal) {
    if (this.state !== 'open') return;
    this.closePacket = this.keys.seal(encodeFrame(kClose, number(reason, 2)));
    this.closeRepeats = 0;
    for (let i = 0; i < kCloseCopies; i++) this.transmit(this.closePacket, this.path);
    this.end(now, 'closing', reason, false);
  }

  repeatClose() {
    if (this.state === 'closing' && this.closeRepeats++ < kCloseRepeatsMax) this.transmit(this.closePacket, this.path);
  }

  end(now, state, reason, byPeer) {
    this.state = state;
    this.indexes = this.keys.indexes;
    this.keys = undefined; // a node wipes them
    this.goneAt = now + kClosingTime;
    this.requests.endAll();
    this.events.onEnd?.(reason, byPeer);
  }

  get idleAt() {
    return Math.min(this.heardAt + kSilenceMax, this.unansweredSince + kUnansweredMax);
  }
  get asksAt() {
    if (this.asked) return Infinity;
    return Math.min(this.heardAt + kAskAfterSilence, this.unansweredSince + kAskAfterUnanswered);
  }

  // When to call run; Infinity: never again.
  get deadline() {
    if (this.state === 'gone') return Infinity;
    if (this.state !== 'open') return this.goneAt;
    const deadlines = [this.requests, this.keys, this.paths].map(({ deadline }) => deadline);
    return Math.min(this.idleAt, this.asksAt, this.keepaliveAt, ...deadlines);
  }

  // Does what is due.
  run(now) {
    if (this.state !== 'open') {
      if (now >= this.goneAt) this.state = 'gone';
      return;
    }
    if (now >= this.idleAt) return this.end(now, 'closed', 'idle', false);
    if (now >= this.keys.endsAt) return this.close(now, kReasons.keyLimit);
    if (now >= this.asksAt) {
      this.asked = true;
      this.requests.request(now, control.kAreYouThere);
    }
    const { challenges, moved } = this.paths.run(now);
    for (const { to, token } of challenges) this.send(now, kPath, encodePath({ what: 0, token }), to);
    if (moved) this.keys.want();
    const { rekey, ask } = this.keys.poll(now);
    for (const body of rekey) this.ask(now, kRekey, body); // message 1
    if (ask) this.requests.request(now, control.kKeyUpdateWanted, number(this.keys.update.epoch, 4));
    for (const body of this.requests.poll(now)) this.ask(now, kControl, body);
    if (now >= this.keepaliveAt) this.sendKeepalive(now);
  }
}
