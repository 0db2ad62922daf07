// SPDX-License-Identifier: MIT
// The three messages of a handshake: payloads, prologue, and what each side does, as functions of messages. How they
// travel is in sealed_datagram.js. Random bytes and time are arguments.
// Spec: docs/spec/02-handshake.md, sections 3 and 7.
import { ascii, concat, ensure, equal, number, Reader, zeros } from './bytes.js';
import { kAlgorithmEd25519, signStaticKey, verifyStaticKey } from './identity.js';
import { HandshakeState } from './noise.js';
import { sessionKeys } from './packet.js';
import { betterSuiteInCommon } from './suite.js';

export const kVersion = 1;
const kExtensionMustBeUnderstood = 0x80;

export const prologue = ({ suite, network, responderUuid }) =>
  concat(ascii('QuantumGate handshake v1'), number(suite.id, 1), network, responderUuid);

export const encodePayload1 = ({ sessionIndex, handshakeIndex }) =>
  concat(number(kVersion, 1), sessionIndex, handshakeIndex, zeros(7));

const isZero = (index) => equal(index, zeros(4));

export function decodePayload1(bytes) {
  const reader = new Reader(bytes, 'reading payload 1');
  const version = reader.number(1);
  const sessionIndex = reader.take(4);
  const handshakeIndex = reader.take(4);
  reader.take(7);
  ensure(reader.left === 0 && version === kVersion && !isZero(sessionIndex), 'malformed', 'reading payload 1');
  return { sessionIndex, handshakeIndex };
}

const encodeExtensions = (extensions) =>
  concat(...extensions.map(({ type, value }) => concat(number(type, 1), number(value.length, 2), value)));

// This version knows no extension: one that must be understood ends the handshake, any other is skipped.
function decodeExtensions(reader) {
  const extensions = [];
  while (reader.left > 0) {
    const type = reader.number(1);
    ensure(!(type & kExtensionMustBeUnderstood), 'refused', 'reading an unknown extension');
    extensions.push({ type, value: reader.take(reader.number(2)) });
  }
  return extensions;
}

// What payloads 2 and 3 share.
const encodeProof = (proof) =>
  concat(
    number(kAlgorithmEd25519, 1),
    proof.identityKey,
    number(proof.expiry, 8),
    proof.signature,
    proof.observedAddress,
    number(proof.observedPort, 2),
    number(proof.suites.length, 1),
    Uint8Array.from(proof.suites),
    number(proof.streamParameters.length, 1),
    proof.streamParameters,
    encodeExtensions(proof.extensions),
  );

function decodeProof(reader) {
  ensure(reader.number(1) === kAlgorithmEd25519, 'malformed', 'reading an algorithm id');
  const identityKey = reader.take(32);
  const expiry = reader.number(8);
  const signature = reader.take(64);
  const observedAddress = reader.take(16);
  const observedPort = reader.number(2);
  const suiteCount = reader.number(1);
  ensure(suiteCount >= 1 && suiteCount <= 32, 'malformed', 'reading the list of suites');
  const suites = [...reader.take(suiteCount)];
  const streamParametersSize = reader.number(1);
  ensure(streamParametersSize <= 128, 'malformed', 'reading stream parameters');
  const streamParameters = reader.take(streamParametersSize);
  const extensions = decodeExtensions(reader);
  return { identityKey, expiry, signature, observedAddress, observedPort, suites, streamParameters, extensions };
}

export const encodePayload2 = (payload) => concat(payload.sessionIndex, payload.handshakeIndex, encodeProof(payload));

export function decodePayload2(bytes) {
  const reader = new Reader(bytes, 'reading payload 2');
  const sessionIndex = reader.take(4);
  const handshakeIndex = reader.take(4);
  ensure(!isZero(sessionIndex), 'malformed', 'reading payload 2');
  return { sessionIndex, handshakeIndex, ...decodeProof(reader) };
}

export const encodePayload3 = encodeProof;
export const decodePayload3 = (bytes) => decodeProof(new Reader(bytes, 'reading payload 3'));

// A side's own part of a handshake, `own`: identity, staticPrivate, ephemeralPrivate, kemSeed (initiator) or kemM
// (responder), sessionIndex, handshakeIndex, expiry, suites, streamParameters, extensions.
// `setup`: suite, network, sharedSecret, responderUuid.
function handshakeState(role, setup, { staticPrivate, ephemeralPrivate, kemSeed, kemM }) {
  const keys = { staticPrivate, ephemeralPrivate, kemSeed, kemM, psks: [setup.sharedSecret] };
  return new HandshakeState(setup.suite.protocolName, role, prologue(setup), keys);
}

function proofOf(setup, own, observed) {
  const staticKey = setup.suite.dh.publicKey(own.staticPrivate);
  const signature = signStaticKey(own.identity, setup.network, staticKey, own.expiry);
  return {
    identityKey: own.identity.publicKey,
    expiry: own.expiry,
    signature,
    observedAddress: observed.address,
    observedPort: observed.port,
    suites: own.suites,
    streamParameters: own.streamParameters,
    extensions: own.extensions,
  };
}

// Checks what the peer says about itself; returns its UUID.
function checkProof(setup, own, noise, proof, now) {
  const uuid = verifyStaticKey({
    publicKey: proof.identityKey,
    network: setup.network,
    staticKey: noise.rs,
    expiry: proof.expiry,
    signature: proof.signature,
    now,
  });
  const better = betterSuiteInCommon(own.suites, proof.suites, setup.suite.id);
  ensure(!better, 'refused', 'checking suites: a better one was passed over');
  return uuid;
}

function sessionOf(setup, noise) {
  const secrets = noise.split();
  const [initiatorToResponder, responderToInitiator] = secrets.map((secret) => sessionKeys(setup.suite, secret));
  return { handshakeHash: noise.handshakeHash, secrets, initiatorToResponder, responderToInitiator };
}

// Initiator: message 1.
export function startHandshake(setup, own) {
  const noise = handshakeState('initiator', setup, own);
  return { noise, message: noise.writeMessage(encodePayload1(own)) };
}

// Responder: message 1 → message 2. `senderIndex` is that of the header, `observed` where message 1 came from.
export function answerHandshake(setup, own, { message, senderIndex, observed }) {
  const noise = handshakeState('responder', setup, own);
  const payload1 = decodePayload1(noise.readMessage(message));
  ensure(equal(payload1.handshakeIndex, senderIndex), 'refused', 'checking message 1: sender index');
  const payload2 = encodePayload2({
    sessionIndex: own.sessionIndex,
    handshakeIndex: own.handshakeIndex,
    ...proofOf(setup, own, observed),
  });
  return { noise, payload1, message: noise.writeMessage(payload2) };
}

// Initiator: message 2 → message 3 and the session.
export function completeHandshake(setup, own, noise, { message, senderIndex, observed, now }) {
  const payload2 = decodePayload2(noise.readMessage(message));
  ensure(equal(payload2.handshakeIndex, senderIndex), 'refused', 'checking message 2: sender index');
  const uuid = checkProof(setup, own, noise, payload2, now);
  ensure(equal(uuid, setup.responderUuid), 'refused', 'checking message 2: not the peer that was dialled');
  const reply = noise.writeMessage(encodePayload3(proofOf(setup, own, observed)));
  return { payload2, message: reply, session: sessionOf(setup, noise) };
}

// Responder: message 3 → the session.
export function acceptHandshake(setup, own, noise, { message, now }) {
  const payload3 = decodePayload3(noise.readMessage(message));
  const uuid = checkProof(setup, own, noise, payload3, now);
  ensure(!equal(uuid, own.identity.uuid), 'refused', 'checking message 3: our own UUID');
  return { payload3, uuid, session: sessionOf(setup, noise) };
}
