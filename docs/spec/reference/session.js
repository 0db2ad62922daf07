// SPDX-License-Identifier: MIT
// Packets of a session: keys, masked counter, sealing, replay window, frames.
// Spec: docs/spec/02-handshake.md, section 7; docs/spec/03-session.md, sections 1 to 3.
import { concat, ensure, number, Reader, SpecError, toNumber, xor, zeros } from './bytes.js';
import { hkdfExpand, open, seal } from './suite.js';

export const kPacketSizeMin = 24;
export const kPacketSizeMax = 1472;
export const kReplaySpan = 8128n;

// `secret` is one of the two of Split(). A suite is an object with `cipher` and `hash`.
export const sessionKeys = ({ hash }, secret) => ({
  key: hkdfExpand(hash, secret, 'qg key', 32),
  iv: hkdfExpand(hash, secret, 'qg iv', 12),
  mask: hkdfExpand(hash, secret, 'qg mask', 32),
});

const nonceOf = (keys, counter) => xor(keys.iv, concat(zeros(4), number(counter, 8)));
const aadOf = (index, counter) => concat(index, number(counter, 8));
const counterMask = ({ cipher }, keys, sealed) => cipher.headerMask(keys.mask, sealed.slice(0, 16)).slice(0, 4);

// `counter` is a BigInt, `index` the receiver's (4 bytes).
export function sealPacket(suite, keys, index, counter, content) {
  const sealed = seal(suite.cipher, keys.key, nonceOf(keys, counter), aadOf(index, counter), content);
  const low = number(counter & 0xffffffffn, 4);
  const packet = concat(index, xor(low, counterMask(suite, keys, sealed)), sealed);
  if (packet.length > kPacketSizeMax) throw new RangeError('a packet has at most 1,472 bytes');
  return packet;
}

// `highest` is the highest authentic counter so far, -1n before the first packet.
export function openPacket(suite, keys, packet, highest) {
  const doing = 'opening a packet';
  ensure(packet.length >= kPacketSizeMin && packet.length <= kPacketSizeMax, 'malformed', doing);
  const reader = new Reader(packet, doing);
  const index = reader.take(4);
  const masked = reader.take(4);
  const sealed = reader.rest();
  const counter = restoreCounter(highest, toNumber(xor(masked, counterMask(suite, keys, sealed))));
  const content = open(suite.cipher, keys.key, nonceOf(keys, counter), aadOf(index, counter), sealed);
  return { index, counter, content };
}

// The value nearest to highest + 1 whose low 32 bits are `low`; of two equally near ones the greater; never negative.
export function restoreCounter(highest, low) {
  const expected = highest + 1n;
  const around = (expected & ~0xffffffffn) | BigInt(low);
  const distance = (value) => (value > expected ? value - expected : expected - value);
  return [around - 2n ** 32n, around, around + 2n ** 32n]
    .filter((value) => value >= 0n)
    .reduce((best, value) => (distance(value) <= distance(best) ? value : best));
}

// Which authentic counters are new. (A node keeps a bit map of 1 KiB.)
export class ReplayWindow {
  highest = -1n;
  seen = new Set();
  accept(counter) {
    if (this.seen.has(counter) || counter + kReplaySpan <= this.highest) return false;
    this.seen.add(counter);
    if (counter > this.highest) this.highest = counter;
    return true;
  }
}

export const kPadding = 0;
export const kStream = 1;
export const kControl = 2;
export const kClose = 3;
export const kRekey = 4;
export const kPath = 5;
export const kDatagram = 8;
const kMustBeUnderstood = 0x80;
const kLengthFollows = 0x40;

// `body` with its length, or, as the last frame of a packet, without.
export const encodeFrame = (kind, body, { length = true, mustBeUnderstood = false } = {}) =>
  concat(
    number(kind | (length ? kLengthFollows : 0) | (mustBeUnderstood ? kMustBeUnderstood : 0), 1),
    length ? number(body.length, 2) : zeros(0),
    body,
  );

export const encodeControl = ({ what, id, method, body }) => concat(number(what, 1), id, number(method, 1), body);

// Content of a packet → frames that matter, up to a CLOSE. Throws `protocol`: closes the session with that reason.
export function parseFrames(content) {
  try {
    return parseFramesOrFail(content);
  } catch (error) {
    throw error instanceof SpecError ? new SpecError('protocol', 'reading frames') : error;
  }
}

function parseFramesOrFail(content) {
  const doing = 'reading frames';
  const reader = new Reader(content, doing);
  const frames = [];
  while (reader.left > 0) {
    const type = reader.number(1);
    const body = new Reader(type & kLengthFollows ? reader.take(reader.number(2)) : reader.rest(), doing);
    switch (type & 0x3f) {
      case kPadding:
        break;
      case kStream:
        frames.push({ kind: 'STREAM', generation: body.number(1), packet: body.rest() });
        break;
      case kControl: {
        const frame = {
          kind: 'CONTROL',
          what: body.number(1),
          id: body.take(4),
          method: body.number(1),
          body: body.rest(),
        };
        ensure(frame.what <= 1 && frame.body.length <= 256, 'protocol', doing);
        frames.push(frame);
        break;
      }
      case kClose:
        frames.push({ kind: 'CLOSE', reason: body.number(2) });
        ensure(body.left === 0, 'protocol', doing);
        return frames;
      case kRekey:
        frames.push({ kind: 'REKEY', part: body.number(1), epoch: body.number(4), half: body.rest() });
        ensure(frames.at(-1).part <= 3, 'protocol', doing);
        break;
      case kPath:
        frames.push({ kind: 'PATH', what: body.number(1), token: body.take(8) });
        ensure(frames.at(-1).what <= 1 && body.left === 0, 'protocol', doing);
        break;
      case kDatagram:
        frames.push({ kind: 'DATAGRAM', id: body.take(4), content: body.rest() });
        break;
      default:
        ensure(!(type & kMustBeUnderstood), 'protocol', doing);
    }
  }
  return frames;
}
