// SPDX-License-Identifier: MIT
// Where the peer is: the proven path that packets go to, and the test of another one that it seems to send from now.
// Times are in ms.
// Spec: docs/spec/03-session.md, section 5.
import { equal } from './bytes.js';

const kDecisionMin = 300;
const kDecisionMax = 5000;
const kAckDelay = 25;
const kTestMax = 5000; // after the moment of the decision
const kRest = 1000;
const kAmplificationMax = 3;
export const kPathPacketSize = 24 + 3 + 9;

const same = (a, b) => a.address === b.address && a.port === b.port;

export class PathFollower {
  restsUntil = -Infinity;

  constructor(proven) {
    this.proven = proven;
  }

  // An authentic packet came from `from`. `isNewest`: none that was sent later has come.
  onPacket(now, from, size, { isNewest, roundTrip, random }) {
    if (this.test && same(from, this.test.path)) this.test.received += size;
    if (same(from, this.proven) || this.test || !isNewest || now < this.restsUntil) return;
    const wait = Math.min(Math.max(3 * (2 * roundTrip + kAckDelay), kDecisionMin), kDecisionMax);
    this.test = {
      path: from,
      provenToken: random(8), // of the challenges to the proven path
      token: random(8), // of those to the other one
      decidesAt: now + wait,
      endsAt: now + wait + kTestMax,
      againAt: now,
      pause: wait / 3,
      received: size,
      sent: 0,
      isAnswered: false,
    };
  }

  onAnswer(now, token) {
    if (!this.test) return;
    if (equal(token, this.test.provenToken)) this.end(now);
    else if (equal(token, this.test.token)) this.test.isAnswered = true;
  }

  // We answer a challenge that came from `path`.
  onAnswerSent(path) {
    if (this.test && same(path, this.test.path)) this.test.sent += kPathPacketSize;
  }

  end(now) {
    this.test = undefined;
    this.restsUntil = now + kRest;
  }

  get deadline() {
    if (!this.test) return Infinity;
    const { isAnswered, decidesAt, endsAt, againAt } = this.test;
    return Math.min(isAnswered ? decidesAt : endsAt, againAt);
  }

  // Does what is due. `challenges`: what to send, each with `to` and `token`; `moved`: there is another proven path.
  run(now) {
    const { test } = this;
    const challenges = [];
    if (!test) return { challenges, moved: false };
    const moved = test.isAnswered && now >= test.decidesAt;
    if (moved) this.proven = test.path;
    if (moved || now >= test.endsAt) this.end(now);
    else if (now >= test.againAt) {
      if (now >= test.decidesAt) test.pause *= 2;
      test.againAt = now + test.pause;
      challenges.push({ to: this.proven, token: test.provenToken });
      if (!test.isAnswered && test.sent + kPathPacketSize <= kAmplificationMax * test.received) {
        test.sent += kPathPacketSize;
        challenges.push({ to: test.path, token: test.token });
      }
    }
    return { challenges, moved };
  }
}
