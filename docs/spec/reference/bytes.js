// SPDX-License-Identifier: MIT
// Byte strings: joining, numbers in network order, a reader that refuses to run over the end.
// Spec: docs/spec/README.md, "Conventions".

// What went wrong with bytes or text from outside. `kind` is `malformed`, `bad_check_group`, `not_authentic`, `refused`
// or `protocol`.
export class SpecError extends Error {
  constructor(kind, doing) {
    super(`${doing}: ${kind}`);
    this.kind = kind;
  }
}

export function ensure(condition, kind, doing) {
  if (!condition) throw new SpecError(kind, doing);
}

export const ascii = (text) => new TextEncoder().encode(text);
export const zeros = (size) => new Uint8Array(size);
export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
export const xor = (a, b) => a.map((byte, i) => byte ^ b[i]);

// `value` as `size` bytes, big-endian. 64-bit values are BigInt where they can exceed 2^53.
export function number(value, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(value);
  for (let i = size - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  if (rest !== 0n) throw new RangeError(`${value} does not fit ${size} bytes`);
  return bytes;
}

export const toBigInt = (bytes) => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
export const toNumber = (bytes) => Number(toBigInt(bytes));

// Uniformly between `low` and `high`; `random(size)` gives random bytes.
export const drawBetween = (random, low, high) => low + (toNumber(random(6)) / 2 ** 48) * (high - low);

export class Reader {
  constructor(bytes, doing) {
    this.bytes_ = bytes;
    this.at_ = 0;
    this.doing_ = doing;
  }
  get left() {
    return this.bytes_.length - this.at_;
  }
  take(size) {
    ensure(size <= this.left, 'malformed', this.doing_);
    this.at_ += size;
    return this.bytes_.slice(this.at_ - size, this.at_);
  }
  number(size) {
    return toNumber(this.take(size));
  }
  rest() {
    return this.take(this.left);
  }
}
