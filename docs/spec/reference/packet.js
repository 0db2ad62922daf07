// SPDX-License-Identifier: MIT
// Packets of a session: keys, masked counter, sealing, replay window.
// Spec: docs/spec/02-handshake.md, section 7; docs/spec/03-session.md, section 1.
import { concat, ensure, number, Reader, toNumber, xor, zeros } from './bytes.js';
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
