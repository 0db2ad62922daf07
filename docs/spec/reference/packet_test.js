// SPDX-License-Identifier: MIT
// Goal: packets open whole, in any order, and not at all when damaged; frames are read strictly.
// Method: the vectors of session.json read back, and damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { concat, fromHex, toHex, zeros } from './bytes.js';
import { parseFrames } from './frames.js';
import { sessionVectors } from './make_vectors.js';
import { openPacket, restoreCounter } from './packet.js';
import { parseProtocolName } from './suite.js';

const vectors = sessionVectors();

function opener({ protocol_name: name, key, iv, mask }) {
  const keys = { key: fromHex(key), iv: fromHex(iv), mask: fromHex(mask) };
  return (packet, highest) => openPacket(parseProtocolName(name), keys, packet, highest);
}

test('packets open', () => {
  for (const each of vectors.sessions) {
    const open = opener(each);
    for (const { counter, content, packet } of each.packets) {
      for (const away of [-(2n ** 31n) + 1n, -5000n, -1n, 0n, 5000n, 2n ** 31n - 2n]) {
        const highest = BigInt(counter) + away;
        if (highest < -1n) continue;
        const opened = open(fromHex(packet), highest);
        assert.deepEqual(
          [opened.counter, toHex(opened.content), toHex(opened.index)],
          [BigInt(counter), content, each.index],
        );
      }
      const tooFar = BigInt(counter) + 2n ** 31n;
      assert.throws(() => open(fromHex(packet), tooFar + 1n), { kind: 'not_authentic' });
    }
  }
});

test('damaged packets do not open', () => {
  for (const [i, each] of vectors.sessions.entries()) {
    const open = opener(each);
    const otherKeys = opener(vectors.sessions[(i + 1) % vectors.sessions.length]);
    for (const { counter, packet } of each.packets.slice(0, 9)) {
      const bytes = fromHex(packet);
      const highest = BigInt(counter) - 1n;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit % 8)) : byte));
        assert.throws(() => open(damaged, highest), { kind: 'not_authentic' }, `bit ${bit}`);
      }
      for (const size of [0, 7, 23, bytes.length - 1]) assert.throws(() => open(bytes.slice(0, size), highest));
      assert.throws(() => open(concat(bytes, zeros(1)), highest));
      assert.throws(() => open(concat(bytes, zeros(1472)), highest), { kind: 'malformed' });
      assert.throws(() => otherKeys(bytes, highest), { kind: 'not_authentic' });
    }
  }
});

test('a restored counter is the nearest one', () => {
  for (const { highest, low, counter } of vectors.restore)
    assert.equal(restoreCounter(BigInt(highest), low), BigInt(counter));
  assert.equal(restoreCounter(2n ** 31n - 1n, 0), 2n ** 32n); // as near as 0
});

test('frames: bad ones are refused', () => {
  for (const { what, content } of vectors.frames.bad) {
    assert.throws(() => [...parseFrames(fromHex(content))], { kind: 'protocol' }, what);
  }
});
