// SPDX-License-Identifier: MIT
// The Noise Protocol Framework, revision 34, as a table-driven state machine, with the tokens of hybrid forward
// secrecy: e1 sends a KEM encapsulation key, ekem1 a ciphertext to it whose shared secret is mixed in.
// Spec: docs/spec/02-handshake.md, section 3. Object and method names are those of the Noise specification.
import { concat, ascii, ensure, SpecError, zeros } from './bytes.js';
import { noiseHkdf, open, parseProtocolName, seal } from './suite.js';

// name: [initiator's pre-message, responder's pre-message, message 1, message 2, ...]
const patterns = {
  N: ['', 's', 'e es'],
  K: ['s', 's', 'e es ss'],
  X: ['', 's', 'e es s ss'],
  NN: ['', '', 'e', 'e ee'],
  KN: ['s', '', 'e', 'e ee se'],
  NK: ['', 's', 'e es', 'e ee'],
  KK: ['s', 's', 'e es ss', 'e ee se'],
  NX: ['', '', 'e', 'e ee s es'],
  KX: ['s', '', 'e', 'e ee se s es'],
  XN: ['', '', 'e', 'e ee', 's se'],
  IN: ['', '', 'e s', 'e ee se'],
  XK: ['', 's', 'e es', 'e ee', 's se'],
  IK: ['', 's', 'e es s ss', 'e ee se'],
  XX: ['', '', 'e', 'e ee s es', 's se'],
  IX: ['', '', 'e s', 'e ee se s es'],
  NK1: ['', 's', 'e', 'e ee es'],
  NX1: ['', '', 'e', 'e ee s', 'es'],
  X1N: ['', '', 'e', 'e ee', 's', 'se'],
  X1K: ['', 's', 'e es', 'e ee', 's', 'se'],
  XK1: ['', 's', 'e', 'e ee es', 's se'],
  X1K1: ['', 's', 'e', 'e ee es', 's', 'se'],
  X1X: ['', '', 'e', 'e ee s es', 's', 'se'],
  XX1: ['', '', 'e', 'e ee s', 'es s se'],
  X1X1: ['', '', 'e', 'e ee s', 'es s', 'se'],
  K1N: ['s', '', 'e', 'e ee', 'se'],
  K1K: ['s', 's', 'e es', 'e ee', 'se'],
  KK1: ['s', 's', 'e', 'e ee se es'],
  K1K1: ['s', 's', 'e', 'e ee es', 'se'],
  K1X: ['s', '', 'e', 'e ee s es', 'se'],
  KX1: ['s', '', 'e', 'e ee se s', 'es'],
  K1X1: ['s', '', 'e', 'e ee s', 'se es'],
  I1N: ['', '', 'e s', 'e ee', 'se'],
  I1K: ['', 's', 'e es s', 'e ee', 'se'],
  IK1: ['', 's', 'e s', 'e ee se es'],
  I1K1: ['', 's', 'e s', 'e ee es', 'se'],
  I1X: ['', '', 'e s', 'e ee s es', 'se'],
  IX1: ['', '', 'e s', 'e ee se s', 'es'],
  I1X1: ['', '', 'e s', 'e ee s', 'se es'],
  NNhfs: ['', '', 'e e1', 'e ee ekem1'],
  XXhfs: ['', '', 'e e1', 'e ee ekem1 s es', 's se'],
};

// "XXhfs+psk0" → { premessages: [[], []], messages: [['psk', 'e', 'e1'], ...] }
export function parsePattern(name) {
  const [, base, modifiers] = name.match(/^([A-Z1]+(?:hfs)?)\+?(.*)$/) ?? [];
  ensure(Object.hasOwn(patterns, base), 'refused', `looking up the pattern ${name}`);
  const [initiatorPre, responderPre, ...messages] = patterns[base].map((tokens) => tokens.split(' ').filter(Boolean));
  for (const modifier of modifiers ? modifiers.split('+') : []) {
    const [, place] = modifier.match(/^psk(\d)$/) ?? [];
    ensure(place !== undefined && place <= messages.length, 'refused', `applying the modifier ${modifier}`);
    if (place === '0') messages[0].unshift('psk');
    else messages[place - 1].push('psk');
  }
  return { premessages: [initiatorPre, responderPre], messages };
}

export class CipherState {
  constructor(cipher, key) {
    this.cipher = cipher;
    this.key = key; // undefined: not encrypted yet
    this.n = 0n;
  }
  encryptWithAd(ad, plaintext) {
    if (!this.key) return plaintext;
    return seal(this.cipher, this.key, this.cipher.nonce(this.n++), ad, plaintext);
  }
  decryptWithAd(ad, ciphertext) {
    if (!this.key) return ciphertext;
    const plaintext = open(this.cipher, this.key, this.cipher.nonce(this.n), ad, ciphertext);
    this.n++;
    return plaintext;
  }
}

export class SymmetricState {
  constructor({ name, cipher, hash }) {
    this.cipher = cipher;
    this.hash = hash;
    const label = ascii(name);
    this.h = label.length <= hash.outputLen ? concat(label, zeros(hash.outputLen - label.length)) : hash(label);
    this.ck = this.h;
    this.cipherState = new CipherState(cipher);
  }
  mixHash(data) {
    this.h = this.hash(concat(this.h, data));
  }
  mixKey(input) {
    const [ck, key] = noiseHkdf(this.hash, this.ck, input, 2);
    this.ck = ck;
    this.cipherState = new CipherState(this.cipher, key.slice(0, 32));
  }
  mixKeyAndHash(input) {
    const [ck, hashInput, key] = noiseHkdf(this.hash, this.ck, input, 3);
    this.ck = ck;
    this.mixHash(hashInput);
    this.cipherState = new CipherState(this.cipher, key.slice(0, 32));
  }
  encryptAndHash(plaintext) {
    const ciphertext = this.cipherState.encryptWithAd(this.h, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }
  decryptAndHash(ciphertext) {
    const plaintext = this.cipherState.decryptWithAd(this.h, ciphertext);
    this.mixHash(ciphertext);
    return plaintext;
  }
  copy() {
    const { key, n } = this.cipherState;
    const cipherState = Object.assign(new CipherState(this.cipher, key), { n });
    return Object.assign(Object.create(SymmetricState.prototype), this, { cipherState });
  }
  // The two transport keys: initiator to responder, and back.
  split() {
    return noiseHkdf(this.hash, this.ck, zeros(0), 2).map((key) => key.slice(0, 32));
  }
}

// One side of a handshake. `keys`: staticPrivate, ephemeralPrivate, remoteStatic, psks (a list); kemSeed (64 bytes,
// d ‖ z) for the side that sends e1, kemM (32 bytes) for the side that sends ekem1. Real nodes draw these at random
// (kemSeed, kemM and ephemeralPrivate for each handshake); this reference takes them, so that vectors can be made.
export class HandshakeState {
  constructor(protocolName, role, prologue, keys) {
    const protocol = parseProtocolName(protocolName);
    const { premessages, messages } = parsePattern(protocol.pattern);
    Object.assign(this, { role, messages, dh: protocol.dh, kem: protocol.kem, next: 0 });
    this.pskMode = messages.flat().includes('psk');
    this.psks = [...(keys.psks ?? [])];
    this.kemSeed = keys.kemSeed;
    this.kemM = keys.kemM;
    this.s = keys.staticPrivate && this.keyPair(keys.staticPrivate);
    this.e = keys.ephemeralPrivate && this.keyPair(keys.ephemeralPrivate);
    this.rs = keys.remoteStatic;
    this.re = undefined;
    this.symmetric = new SymmetricState(protocol);
    this.symmetric.mixHash(prologue);
    for (const [i, side] of ['initiator', 'responder'].entries()) {
      for (const token of premessages[i]) {
        ensure(token === 's', 'refused', 'reading a pre-message other than s');
        this.symmetric.mixHash(side === role ? this.s.publicKey : this.rs);
      }
    }
  }

  keyPair(privateKey) {
    return { privateKey, publicKey: this.dh.publicKey(privateKey) };
  }

  get finished() {
    return this.next === this.messages.length;
  }
  get myTurn() {
    return !this.finished && (this.next % 2 === 0) === (this.role === 'initiator');
  }
  get handshakeHash() {
    return this.symmetric.h;
  }
  // The initiator's key is the first letter of a token, the responder's the second.
  mixDh(token) {
    const [mine, theirs] = this.role === 'initiator' ? token : [...token].reverse();
    const remote = theirs === 'e' ? this.re : this.rs;
    this.symmetric.mixKey(this.dh.shared(this[mine].privateKey, remote));
  }

  writeMessage(payload) {
    if (!this.myTurn) throw new Error('not our turn');
    const parts = [];
    for (const token of this.messages[this.next]) {
      switch (token) {
        case 'e':
          parts.push(this.e.publicKey);
          this.symmetric.mixHash(this.e.publicKey);
          if (this.pskMode) this.symmetric.mixKey(this.e.publicKey);
          break;
        case 's':
          parts.push(this.symmetric.encryptAndHash(this.s.publicKey));
          break;
        case 'e1':
          this.e1 = this.kem.keygen(this.kemSeed);
          parts.push(this.symmetric.encryptAndHash(this.e1.publicKey));
          break;
        case 'ekem1': {
          const { cipherText, sharedSecret } = this.kem.encapsulate(this.re1, this.kemM);
          parts.push(this.symmetric.encryptAndHash(cipherText));
          this.symmetric.mixKey(sharedSecret);
          break;
        }
        case 'psk':
          this.symmetric.mixKeyAndHash(this.psks.shift());
          break;
        default:
          this.mixDh(token);
      }
    }
    parts.push(this.symmetric.encryptAndHash(payload));
    this.next++;
    return concat(...parts);
  }

  // For readMessage: a message that does not open spoils the object that was to read it.
  copy() {
    const symmetric = this.symmetric.copy();
    return Object.assign(Object.create(HandshakeState.prototype), this, { symmetric, psks: [...this.psks] });
  }

  // Throws `malformed` or `not_authentic`; the object is of no use then: let a copy read what may be anything.
  readMessage(message) {
    if (this.finished || this.myTurn) throw new Error('not the turn of the peer');
    let rest = message;
    const take = (size) => {
      ensure(rest.length >= size, 'malformed', 'reading a Noise message');
      const part = rest.slice(0, size);
      rest = rest.slice(size);
      return part;
    };
    const tagSize = () => (this.symmetric.cipherState.key ? 16 : 0);
    for (const token of this.messages[this.next]) {
      switch (token) {
        case 'e':
          this.re = take(this.dh.size);
          this.symmetric.mixHash(this.re);
          if (this.pskMode) this.symmetric.mixKey(this.re);
          break;
        case 's':
          this.rs = this.symmetric.decryptAndHash(take(this.dh.size + tagSize()));
          break;
        case 'e1':
          this.re1 = this.symmetric.decryptAndHash(take(this.kem.encapsulationKeySize + tagSize()));
          break;
        case 'ekem1': {
          const ciphertext = this.symmetric.decryptAndHash(take(this.kem.ciphertextSize + tagSize()));
          this.symmetric.mixKey(this.kem.decapsulate(ciphertext, this.e1.secretKey));
          break;
        }
        case 'psk':
          this.symmetric.mixKeyAndHash(this.psks.shift());
          break;
        default:
          this.mixDh(token);
      }
    }
    ensure(rest.length >= tagSize(), 'malformed', 'reading a Noise message');
    const payload = this.symmetric.decryptAndHash(rest);
    this.next++;
    return payload;
  }

  split() {
    if (!this.finished) throw new Error('the handshake is not finished');
    return this.symmetric.split();
  }
}
