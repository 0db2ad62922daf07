// SPDX-License-Identifier: MIT
// Key updates: the exchange inside a session that makes the keys of the next epoch, as functions of REKEY frames. When
// an update begins, and when messages are sent again: key_schedule.js. Random bytes are arguments.
// Spec: docs/spec/03-session.md, section 9.
import { ascii, concat, ensure, equal, number, zeros } from './bytes.js';
import { encodeRekey } from './frames.js';
import { HandshakeState } from './noise.js';
import { sessionKeys } from './packet.js';
import { hkdfExpand, hkdfExtract, parseProtocolName } from './suite.js';

const kLabel = 'QuantumGate key update v1';

// "Noise_XXhfs+psk0_25519+MLKEM768_AESGCM_SHA256" → "Noise_NNhfs+psk0_25519+MLKEM768_AESGCM_SHA256"
export const updateProtocolName = (protocolName) => protocolName.replace('XXhfs+psk0', 'NNhfs+psk0');

// The psk of the next exchange. `secrets` are the two of Split(), the first for initiator to responder.
export const chainSecret = ({ hash }, secrets) =>
  hkdfExpand(hash, hkdfExtract(hash, ascii(kLabel), concat(...secrets)), 'qg chain', 32);

export const updatePrologue = (handshakeHash, epoch) => concat(ascii(kLabel), handshakeHash, number(epoch, 4));

const sizeOfMessage = ({ dh, kem }, number) =>
  dh.size + (number === 1 ? kem.encapsulationKeySize : kem.ciphertextSize) + 4 + 2 * 16;

// Bodies of the two REKEY frames of message 1 or 2.
export function encodeHalves(messageNumber, epoch, message) {
  const cut = Math.ceil(message.length / 2);
  return [message.slice(0, cut), message.slice(cut)].map((half, i) =>
    encodeRekey({ part: 2 * (messageNumber - 1) + i, epoch, half }),
  );
}

// One side of a session. `secrets` as above, of the session's handshake.
export class KeyUpdate {
  constructor(protocolName, role, handshakeHash, secrets) {
    Object.assign(this, { protocolName, role, handshakeHash, epoch: 0, halves: [] });
    this.suite = parseProtocolName(protocolName);
    this.psk = chainSecret(this.suite, secrets);
  }

  noise(chance) {
    const name = updateProtocolName(this.protocolName);
    const prologue = updatePrologue(this.handshakeHash, this.epoch + 1);
    return new HandshakeState(name, this.role, prologue, { ...chance, psks: [this.psk] });
  }

  // Initiator: the bodies to send, again and again until there is an answer. `index`: a new one of ours; `chance`:
  // ephemeralPrivate and kemSeed.
  begin(index, chance) {
    this.exchange = { noise: this.noise(chance), index };
    return encodeHalves(1, this.epoch + 1, this.exchange.noise.writeMessage(index));
  }

  // A REKEY frame. What it led to: nothing yet; or `keys` of the new epoch and, for the responder, `send`, the bodies
  // of its answer; or `again`, true if it was a half of the message 1 that is answered already. For its answer the
  // responder needs a new index and chance (ephemeralPrivate and kemM): `draw()` makes both. Throws `protocol`: closes
  // the session with that reason.
  receive({ part, epoch, half }, draw) {
    const doing = 'reading a REKEY frame';
    const message = part >> 1 === 0 ? 1 : 2;
    ensure(part <= 3 && (message === 1) === (this.role === 'responder'), 'protocol', doing);
    const ahead = (epoch - this.epoch) | 0;
    if (ahead <= 0) return { again: message === 1 && ahead === 0 };
    ensure(ahead === 1 && (message === 1 || this.exchange), 'protocol', doing);
    const size = sizeOfMessage(this.suite, message);
    ensure(half.length === (part % 2 === 0 ? Math.ceil(size / 2) : Math.floor(size / 2)), 'protocol', doing);
    this.halves[part % 2] ??= half;
    if (!this.halves[0] || !this.halves[1]) return {};
    const whole = concat(...this.halves);
    this.halves = [];
    return message === 1 ? this.answer(whole, draw()) : this.complete(whole);
  }

  answer(message1, { index, ...chance }) {
    const noise = this.noise(chance);
    const remoteIndex = this.read(noise, message1);
    const message2 = noise.writeMessage(index);
    const keys = this.take(noise, index, remoteIndex);
    return { keys, send: encodeHalves(2, this.epoch, message2) };
  }

  complete(message2) {
    const { noise, index } = this.exchange;
    const keys = this.take(noise, index, this.read(noise, message2));
    this.exchange = undefined;
    return { keys };
  }

  // The peer's new index.
  read(noise, message) {
    try {
      const index = noise.readMessage(message);
      ensure(!equal(index, zeros(4)), 'malformed', '');
      return index;
    } catch {
      return ensure(false, 'protocol', 'reading a key update');
    }
  }

  take(noise, localIndex, remoteIndex) {
    const secrets = noise.split();
    this.psk = chainSecret(this.suite, secrets);
    this.epoch++;
    const [initiatorToResponder, responderToInitiator] = secrets.map((secret) => sessionKeys(this.suite, secret));
    return { initiatorToResponder, responderToInitiator, localIndex, remoteIndex };
  }
}
