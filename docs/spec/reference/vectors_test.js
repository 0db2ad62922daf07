// SPDX-License-Identifier: MIT
// Goal: the committed vectors are what this reference makes. Method: make them again and compare the texts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { makers, vectorPath, vectorText } from './make_vectors.js';

for (const name of Object.keys(makers)) {
  test(`${name} is up to date`, () => {
    const same = readFileSync(vectorPath(name), 'utf8') === vectorText(name);
    assert.ok(same, `docs/spec/vectors/${name} differs; run npm run vectors in docs/spec/reference`);
  });
}
