// SPDX-License-Identifier: MIT
// Makes the files of docs/spec/vectors. Everything is drawn from fixed labels, so every run gives the same bytes.
// Bytes are hexadecimal; indexes, message ids and cookies are bytes; 64-bit counters are decimal texts.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sha256 } from '@noble/hashes/sha2';

import { addressText, checkCharacters, parseAddress } from './address.js';
import { ascii, concat, fromHex, number, toHex, zeros } from './bytes.js';
import * as frames from './frames.js';
import * as handshake from './handshake.js';
import * as identity from './identity.js';
import { KeyUpdate, chainSecret, updatePrologue, updateProtocolName } from './key_update.js';
import { CipherState, HandshakeState } from './noise.js';
import { openPacket, ReplayWindow, restoreCounter, sealPacket, sessionKeys } from './packet.js';
import * as sealed from './sealed_datagram.js';
import { Session } from './session.js';
import { betterSuiteInCommon, parseProtocolName, suiteById, suites } from './suite.js';

// `size` bytes that only `label` decides: SHA-256(label ‖ block number(4)) ‖ ...
export function draw(label, size) {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) => sha256(concat(ascii(label), number(i, 4))));
  return concat(...blocks).slice(0, size);
}

// Bytes become hexadecimal and BigInt decimal text, at any depth; what is undefined is left out.
function plain(value) {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, plain(each)]),
  );
}

const file = (spec, content) => plain({ spec, generator: 'docs/spec/reference/make_vectors.js', ...content });

// ---- noise-xxhfs-psk0.json ----

function noiseVector(n, { suite, sizes, psk, prologue }) {
  const label = (what) => `noise ${n} ${what}`;
  const inputs = {
    init_static: draw(label('init_static'), suite.dh.size),
    init_ephemeral: draw(label('init_ephemeral'), suite.dh.size),
    init_kem_seed: draw(label('init_kem_seed'), 64),
    resp_static: draw(label('resp_static'), suite.dh.size),
    resp_ephemeral: draw(label('resp_ephemeral'), suite.dh.size),
    resp_kem_m: draw(label('resp_kem_m'), 32),
  };
  const name = suite.protocolName;
  const initiator = new HandshakeState(name, 'initiator', prologue, {
    staticPrivate: inputs.init_static,
    ephemeralPrivate: inputs.init_ephemeral,
    kemSeed: inputs.init_kem_seed,
    psks: [psk],
  });
  const responder = new HandshakeState(name, 'responder', prologue, {
    staticPrivate: inputs.resp_static,
    ephemeralPrivate: inputs.resp_ephemeral,
    kemM: inputs.resp_kem_m,
    psks: [psk],
  });
  const messages = sizes.map((size, i) => {
    const payload = draw(label(`payload ${i + 1}`), size);
    return { payload, ciphertext: undefined };
  });
  for (const [i, message] of messages.slice(0, 3).entries()) {
    const [sender, receiver] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    message.ciphertext = sender.writeMessage(message.payload);
    receiver.readMessage(message.ciphertext);
  }
  // Transport messages go on in turn: the responder's is next.
  const [forth, back] = initiator.split().map((key) => new CipherState(suite.cipher, key));
  for (const [i, message] of messages.slice(3).entries()) {
    message.ciphertext = (i % 2 === 0 ? back : forth).encryptWithAd(zeros(0), message.payload);
  }
  return {
    protocol_name: name,
    init_prologue: prologue,
    init_psks: [psk],
    init_static: inputs.init_static,
    init_ephemeral: inputs.init_ephemeral,
    init_kem_seed: inputs.init_kem_seed,
    resp_prologue: prologue,
    resp_psks: [psk],
    resp_static: inputs.resp_static,
    resp_ephemeral: inputs.resp_ephemeral,
    resp_kem_m: inputs.resp_kem_m,
    handshake_hash: initiator.handshakeHash,
    messages,
  };
}

export function noiseVectors() {
  const product = suiteById(1);
  const psk = draw('noise psk', 32);
  const prologue = concat(ascii('QuantumGate handshake v1'), draw('noise prologue', 49));
  const empty = [0, 0, 0, 0, 0, 0, 0];
  const productSizes = [16, 196, 188, 0, 64, 1208, 1448];
  const cases = [
    { suite: product, sizes: empty, psk: zeros(32), prologue: zeros(0) },
    { suite: product, sizes: empty, psk, prologue: zeros(0) },
    { suite: product, sizes: empty, psk, prologue },
    { suite: product, sizes: productSizes, psk: zeros(32), prologue },
    { suite: product, sizes: productSizes, psk, prologue },
    { suite: product, sizes: [1, 15, 16, 17, 31, 32, 33], psk, prologue: ascii('x') },
    { suite: product, sizes: [1024, 0, 1024, 0, 1024, 0, 1024], psk, prologue },
    { suite: product, sizes: [0, 1024, 0, 1024, 0, 1024, 0], psk: zeros(32), prologue },
    { suite: product, sizes: [1024, 1024, 1024, 1, 1, 1, 1], psk, prologue: draw('noise long prologue', 300) },
    ...suites.slice(1).map((suite) => ({ suite, sizes: [16, 196, 188, 0, 64], psk, prologue })),
  ];
  return file('02-handshake.md, section 3', { vectors: cases.map((each, i) => noiseVector(i + 1, each)) });
}

// ---- identity.json ----

function addresses(known) {
  const uuid = known[0].uuid;
  const text = identity.uuidText(uuid);
  const check = checkCharacters(uuid);
  const start = `qg://${text}-${check}`;
  const other = identity.uuidText(known[1].uuid);
  const wrongDigit = text.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  const wrongCheck = check[0] + (check[1] === '0' ? '1' : '0');
  // Two digits of the first group that differ, exchanged.
  const swap = [0, 1, 2, 3, 4, 5, 6].find((i) => text[i] !== text[i + 1]);
  const swapped = text.slice(0, swap) + text[swap + 1] + text[swap] + text.slice(swap + 2);
  // Where the check characters' value is below 25, that value + 1271 is 1 modulo 1271, too.
  const ambiguous = Array.from({ length: 1000 }, (_, i) => draw(`identity ambiguous ${i}`, 32))
    .map(identity.identityFromSeed)
    .find((each) => parseInt(checkCharacters(each.uuid), 36) < 25).uuid;
  const second = (parseInt(checkCharacters(ambiguous), 36) + 1271).toString(36);
  const places = (count) => Array.from({ length: count }, (_, i) => `192.0.2.${i + 1}:${5000 + i}`).join(',');
  const good = [
    'qg://0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b-0w@127.0.0.1:5000',
    ...known.map((each) => addressText({ uuid: each.uuid, hosts: [] })),
    start.toUpperCase().replace('QG', 'qg'),
    start.toUpperCase(),
    `qg://${identity.uuidText(ambiguous)}-${checkCharacters(ambiguous)}`,
    `${start}@127.0.0.1:1`,
    `${start}@255.255.255.255:65535`,
    `${start}@[::1]:5000`,
    `${start}@[2001:db8::1]:5000`,
    `${start}@[::ffff:192.0.2.1]:5000`,
    `${start}@[2001:DB8::1]:5000`,
    `${start}@localhost:5000`,
    `${start}@Node.Example.ORG:5000`,
    `${start}@my_node:5000`,
    `${start}@${'a'.repeat(253)}:5000`,
    `${start}@node-1.example.org:5000`,
    `${start}@${places(2)}`,
    `${start}@example.org:5000,192.0.2.1:5001,[2001:db8::1]:5002`,
    `${start}@${places(8)}`,
  ].map((each) => {
    const address = parseAddress(each);
    const hosts = address.hosts.map(({ host, port }) => ({ host, port }));
    return { text: each, uuid: address.uuid, hosts, written: addressText(address) };
  });
  const bad = [
    ...[
      `qg://${text}-${wrongCheck}`,
      `qg://${text}-zz`,
      `qg://${identity.uuidText(ambiguous)}-${second}`,
      `qg://${wrongDigit}-${check}`,
      `qg://${swapped}-${check}`,
      `qg://${other}-${check}`,
      `qg://${text}-${check[1]}${check[0]}@127.0.0.1:5000`,
      `qg://${text}-${wrongCheck}@127.0.0.1:5000,127.0.0.1:5001`,
    ].map((each) => ({ text: each, error: 'bad_check_group' })),
    ...[
      '',
      'qg',
      'qg:',
      'qg://',
      text,
      `${text}-${check}`,
      `qg:/${text}-${check}`,
      `http://${text}-${check}`,
      ` ${start}`,
      `${start} `,
      `${start}\n`,
      `qg://${text}`,
      `qg://${text}-`,
      `qg://${text}-${check[0]}`,
      `qg://${text}-${check}0`,
      `qg://${text}-${check[0]}_`,
      `qg://${text}-${check[0]}é`,
      `qg://${text}@127.0.0.1:5000`,
      `qg://${text.slice(0, -1)}-${check}`,
      `qg://${text}0-${check}`,
      `qg://${text.replaceAll('-', '')}-${check}`,
      `qg://{${text}}-${check}`,
      `qg://${text.replace(/.$/, 'g')}-${check}`,
      `qg://${text.slice(0, 14)}4${text.slice(15)}-${check}`,
      `qg://${text.slice(0, 19)}c${text.slice(20)}-${check}`,
      `${start}@`,
      `${start}@127.0.0.1`,
      `${start}@127.0.0.1:`,
      `${start}@127.0.0.1:0`,
      `${start}@127.0.0.1:05000`,
      `${start}@127.0.0.1:65536`,
      `${start}@127.0.0.1:100000`,
      `${start}@127.0.0.1:4294972296`,
      `${start}@127.0.0.1:-1`,
      `${start}@127.0.0.1:+5000`,
      `${start}@127.0.0.1:0x10`,
      `${start}@127.0.0.1:5000x`,
      `${start}@127.0.0.1: 5000`,
      `${start}@127.0.0.1 :5000`,
      `${start}@:5000`,
      `${start}@::1:5000`,
      `${start}@[::1:5000`,
      `${start}@::1]:5000`,
      `${start}@[]:5000`,
      `${start}@[::1]`,
      `${start}@[::1]5000`,
      `${start}@[::g]:5000`,
      `${start}@[1::2::3]:5000`,
      `${start}@[1:2:3:4:5:6:7]:5000`,
      `${start}@[1:2:3:4:5:6:7:8:9]:5000`,
      `${start}@127.0.0.1:5000,`,
      `${start}@,127.0.0.1:5000`,
      `${start}@127.0.0.1:5000,,127.0.0.1:5001`,
      `${start}@127.0.0.1:5000;127.0.0.1:5001`,
      `${start}@127.0.0.1:5000/`,
      `${start}@${places(9)}`,
      `${start}@${'a'.repeat(254)}:5000`,
      `${start}@exa mple.org:5000`,
      `${start}@example.org\u0000:5000`,
      `qg://${text}-${wrongCheck}@127.0.0.1:0`,
    ].map((each) => ({ text: each, error: 'malformed' })),
  ];
  return { good, bad };
}

export function identityVectors() {
  const known = [zeros(32), ...[1, 2, 3, 4, 5, 6, 7].map((i) => draw(`identity seed ${i}`, 32))].map(
    identity.identityFromSeed,
  );
  const expiry = 1_900_000_000;
  const maxAhead = 31 * 86400;
  const networkNames = ['quantumgate', 'q', 'a private network', 'n'.repeat(64), 'quantumgate'];
  const dhOfEach = [1, 1, 1, 1, 9].map((id) => suiteById(id).dh); // the last one is X448
  const staticKeys = known.slice(0, 5).map((each, i) => {
    const privateKey = draw(`identity static ${i}`, dhOfEach[i].size);
    const networkHash = identity.networkHash(networkNames[i]);
    const publicKey = dhOfEach[i].publicKey(privateKey);
    return {
      seed: each.seed,
      network_name: networkNames[i],
      network_hash: networkHash,
      static_private: privateKey,
      static_public: publicKey,
      expiry,
      signature: identity.signStaticKey(each, networkHash, publicKey, expiry),
      accepted_at: [expiry - maxAhead, expiry - 30 * 86400, expiry - 1, expiry, expiry + 1, expiry + 120],
      refused_at: [0, expiry - maxAhead - 1, expiry + 121, expiry + 86400],
    };
  });
  const keyFiles = [
    { kdf: 0, passPhrase: '', passes: 0, memoryKib: 0 },
    { kdf: 1, passPhrase: 'correct horse battery staple', passes: 3, memoryKib: 128 },
    { kdf: 1, passPhrase: 'pâss phräse', passes: 1, memoryKib: 64 },
  ].map((parameters, i) => {
    const salt = draw(`identity key file salt ${i}`, 16);
    const nonce = draw(`identity key file nonce ${i}`, 24);
    return {
      kdf: parameters.kdf,
      pass_phrase: parameters.passPhrase,
      passes: parameters.passes,
      memory_kib: parameters.memoryKib,
      salt,
      nonce,
      seed: known[i + 1].seed,
      file: identity.encodeKeyFile(known[i + 1].seed, { ...parameters, salt, nonce }),
    };
  });
  return file('01-identity.md', {
    identities: known.map((each) => ({
      seed: each.seed,
      public_key: each.publicKey,
      fingerprint: each.fingerprint,
      uuid: each.uuid,
      uuid_text: identity.uuidText(each.uuid),
      check: checkCharacters(each.uuid),
    })),
    static_keys: staticKeys,
    addresses: addresses(known),
    key_files: keyFiles,
    shared_secrets: [zeros(32), draw('identity shared secret', 32)].map((secret) => ({
      secret,
      text: identity.sharedSecretText(secret),
    })),
  });
}

// ---- handshake.json ----

const kDay = 86400;
const ipv4 = (...parts) => concat(zeros(10), fromHex('ffff'), Uint8Array.from(parts));
const ipv6 = (last) => concat(fromHex('20010db8'), zeros(11), Uint8Array.of(last));
const kEndpoints4 = {
  initiator: { address: ipv4(192, 0, 2, 1), port: 40001 },
  responder: { address: ipv4(198, 51, 100, 7), port: 5000 },
};
const kEndpoints6 = { initiator: { address: ipv6(1), port: 65535 }, responder: { address: ipv6(2), port: 1 } };

const asOwn = (side) => ({ ...side, identity: identity.identityFromSeed(side.seed) });

// One whole handshake. `initiatorClockAhead` s: beyond 120 the responder asks for another time with a cookie.
function handshakeVector(n, scenario) {
  const label = (what) => `handshake ${n} ${what}`;
  const suite = suiteById(scenario.suite ?? 1);
  const now = { initiator: scenario.now + (scenario.initiatorClockAhead ?? 0), responder: scenario.now };
  const side = (role) => ({
    seed: draw(label(`${role} seed`), 32),
    staticPrivate: draw(label(`${role} static`), suite.dh.size),
    ephemeralPrivate: draw(label(`${role} ephemeral`), suite.dh.size),
    kemSeed: role === 'initiator' ? draw(label('kem seed'), 64) : undefined,
    kemM: role === 'responder' ? draw(label('kem m'), 32) : undefined,
    sessionIndex: draw(label(`${role} session index`), 4),
    handshakeIndex: draw(label(`${role} handshake index`), 4),
    expiry: now[role] + 30 * kDay,
    suites: scenario[role].suites ?? [1],
    streamParameters: draw(label(`${role} stream parameters`), scenario[role].streamParametersSize),
    extensions: (scenario[role].extensions ?? []).map(([type, size], i) => ({
      type,
      value: draw(label(`${role} extension ${i}`), size),
    })),
    endpoint: scenario.endpoints[role],
  });
  const initiator = side('initiator');
  const responder = side('responder');
  const ours = { initiator: asOwn(initiator), responder: asOwn(responder) };
  const setup = {
    suite,
    network: identity.networkHash(scenario.networkName),
    sharedSecret: scenario.sharedSecret,
    responderUuid: ours.responder.identity.uuid,
  };
  const keys = { initiator: sealed.outerKey(1, setup), responder: sealed.outerKey(2, setup) };
  const messageIds = [1, 2, 3].map((i) => draw(label(`message id ${i}`), 4));

  // What crosses the wire, in order.
  const steps = [];
  const send = (from, type, message, { time, index, cookie }) => {
    const step = steps.length + 1;
    const header = {
      type,
      suite: suite.id,
      time,
      senderIndex: ours[from].handshakeIndex,
      messageId: messageIds[type - 1],
      cookie,
    };
    const salts = sealed.cutMessage(message).map((_, i) => draw(label(`step ${step} salt ${i}`), 24));
    const datagrams = sealed.sealMessage(keys[from], { index, salts, header, message });
    steps.push({ what: `message ${type}`, from, time, index, message_id: header.messageId, cookie, salts, datagrams });
  };
  const sendMessage1 = (options) => send('initiator', 1, first.message, { time: now.initiator, ...options });

  const first = handshake.startHandshake(setup, ours.initiator);
  sendMessage1({});
  let cookies;
  if (scenario.cookie) {
    const secret = draw(label('cookie secret'), 32);
    const { address, port } = initiator.endpoint;
    const cookie = sealed.cookieFor(secret, address, port, initiator.handshakeIndex);
    const salt = draw(label('cookie salt'), 24);
    const request = { suite: suite.id, senderIndex: initiator.handshakeIndex, messageId: messageIds[0] };
    const datagram = sealed.sealCookie(keys.responder, { salt, request, time: now.responder, cookie });
    cookies = { secret, address, port, sender_index: initiator.handshakeIndex, cookie };
    steps.push({
      what: 'cookie',
      from: 'responder',
      time: now.responder,
      index: initiator.handshakeIndex,
      message_id: messageIds[0],
      cookie,
      salts: [salt],
      datagrams: [datagram],
    });
    sendMessage1({ time: now.responder, cookie });
  }
  if (scenario.repeat) sendMessage1({ time: now.initiator + 1 });
  const second = handshake.answerHandshake(setup, ours.responder, {
    message: first.message,
    senderIndex: initiator.handshakeIndex,
    observed: initiator.endpoint,
  });
  send('responder', 2, second.message, { time: now.responder, index: initiator.handshakeIndex });
  const third = handshake.completeHandshake(setup, ours.initiator, first.noise, {
    message: second.message,
    senderIndex: responder.handshakeIndex,
    observed: responder.endpoint,
    now: now.initiator,
  });
  const initiatorTime = scenario.cookie ? now.responder : now.initiator; // the shift stays for the whole handshake
  send('initiator', 3, third.message, { time: initiatorTime, index: responder.handshakeIndex });
  if (scenario.repeat)
    send('initiator', 3, third.message, { time: initiatorTime + 1, index: responder.handshakeIndex });
  const accepted = handshake.acceptHandshake(setup, ours.responder, second.noise, {
    message: third.message,
    now: now.responder,
  });
  const { initiatorToResponder, responderToInitiator, handshakeHash } = accepted.session;

  const packet = (from, counter, content) => ({
    from,
    counter,
    content,
    packet:
      from === 'initiator'
        ? sealPacket(setup.suite, initiatorToResponder, responder.sessionIndex, counter, content)
        : sealPacket(setup.suite, responderToInitiator, initiator.sessionIndex, counter, content),
  });
  const written = (role) => {
    const { extensions, ...rest } = { ...ours[role], ...ours[role].identity };
    return {
      seed: rest.seed,
      identity_key: rest.publicKey,
      uuid: rest.uuid,
      static_private: rest.staticPrivate,
      ephemeral_private: rest.ephemeralPrivate,
      kem_seed: rest.kemSeed,
      kem_m: rest.kemM,
      session_index: rest.sessionIndex,
      handshake_index: rest.handshakeIndex,
      clock: now[role],
      expiry: rest.expiry,
      suites: rest.suites,
      stream_parameters: rest.streamParameters,
      extensions,
      address: rest.endpoint.address,
      port: rest.endpoint.port,
    };
  };
  return {
    name: scenario.name,
    network_name: scenario.networkName,
    network_hash: setup.network,
    shared_secret: setup.sharedSecret,
    suite: suite.id,
    initiator: written('initiator'),
    responder: written('responder'),
    outer_key_1: keys.initiator,
    outer_key_2: keys.responder,
    prologue: handshake.prologue(setup),
    payload_1: handshake.encodePayload1(initiator),
    payload_2: handshake.encodePayload2(third.payload2),
    payload_3: handshake.encodePayload3(accepted.payload3),
    message_1: first.message,
    message_2: second.message,
    message_3: third.message,
    cookie: cookies,
    steps,
    handshake_hash: handshakeHash,
    initiator_to_responder: initiatorToResponder,
    responder_to_initiator: responderToInitiator,
    packets: [
      packet('responder', 0n, zeros(0)),
      packet('initiator', 0n, zeros(0)),
      packet('initiator', 1n, frames.encodeFrame(frames.kClose, number(0, 2))),
    ],
  };
}

// Payloads to decode alone. `error`: what a reader must answer; without it the payload is good. `meaning`: true if all
// fields can be read and only what they say is wrong.
function payloadVectors() {
  const proof = {
    identityKey: draw('payload identity key', 32),
    expiry: 1_900_000_000,
    signature: draw('payload signature', 64),
    observedAddress: ipv4(203, 0, 113, 9),
    observedPort: 4711,
    suites: [1],
    streamParameters: draw('payload stream parameters', 62),
    extensions: [],
  };
  const indexes = { sessionIndex: fromHex('00000001'), handshakeIndex: fromHex('ffffffff') };
  const payload1 = handshake.encodePayload1(indexes);
  const payload3 = handshake.encodePayload3(proof);
  const extended = (...extensions) => handshake.encodePayload3({ ...proof, extensions });
  const changed = (bytes, at, value) => bytes.map((byte, i) => (i === at ? value : byte));
  const suitesAt = 1 + 32 + 8 + 64 + 16 + 2;
  const rows = [
    [1, 'as it should be', payload1],
    [1, 'reserved bytes are not looked at', changed(payload1, 15, 1)],
    [1, 'unknown version', changed(payload1, 0, 2), 'malformed'],
    [1, 'session index 0', changed(payload1, 4, 0), 'malformed'],
    [1, 'one byte short', payload1.slice(0, -1), 'malformed'],
    [1, 'one byte more', concat(payload1, zeros(1)), 'malformed'],
    [1, 'empty', zeros(0), 'malformed'],
    [2, 'as it should be', handshake.encodePayload2({ ...indexes, ...proof })],
    [2, 'session index 0', handshake.encodePayload2({ ...indexes, ...proof, sessionIndex: zeros(4) }), 'malformed'],
    [3, 'as it should be', payload3],
    [3, 'no stream parameters', handshake.encodePayload3({ ...proof, streamParameters: zeros(0) })],
    [3, '128 bytes of stream parameters', handshake.encodePayload3({ ...proof, streamParameters: draw('p', 128) })],
    [
      3,
      '129 bytes of stream parameters',
      handshake.encodePayload3({ ...proof, streamParameters: draw('p', 129) }),
      'malformed',
    ],
    [3, 'unknown suites in the list', handshake.encodePayload3({ ...proof, suites: [209, 1, 255] })],
    [3, '32 suites', handshake.encodePayload3({ ...proof, suites: Array.from({ length: 32 }, (_, i) => i + 1) })],
    [
      3,
      '33 suites',
      handshake.encodePayload3({ ...proof, suites: Array.from({ length: 33 }, (_, i) => i + 1) }),
      'malformed',
    ],
    [3, 'no suites', handshake.encodePayload3({ ...proof, suites: [] }), 'malformed'],
    [3, 'unknown algorithm', changed(payload3, 0, 2), 'malformed'],
    [3, 'count of suites beyond the end', changed(payload3, suitesAt, 32), 'malformed'],
    [3, 'length of stream parameters beyond the end', payload3.slice(0, -1), 'malformed'],
    [3, 'ends before stream parameters', payload3.slice(0, suitesAt + 2), 'malformed'],
    [3, 'ends within the signature', payload3.slice(0, 100), 'malformed'],
    [3, 'empty', zeros(0), 'malformed'],
    [3, 'an unknown extension', extended({ type: 0x7f, value: draw('e', 5) })],
    [3, 'two, one empty', extended({ type: 0, value: zeros(0) }, { type: 1, value: draw('e', 300) })],
    [3, 'must be understood', extended({ type: 1, value: zeros(0) }, { type: 0x80, value: zeros(0) }), 'refused'],
    [3, 'extension without length', concat(payload3, fromHex('0100')), 'malformed'],
    [3, 'extension beyond the end', concat(payload3, fromHex('0100040000')), 'malformed'],
  ];
  const meanings = ['unknown version', 'session index 0', 'unknown algorithm'];
  return rows.map(([message, what, payload, error]) => ({
    message,
    what,
    payload,
    error,
    meaning: meanings.includes(what) || undefined,
  }));
}

// Whether a handshake with suite `in_use` has to be dropped, given both sides' lists.
function suiteChoices() {
  const all = suites.map(({ id }) => id);
  const rows = [
    ...all.map((id) => [all, all, id]),
    ...all.map((id) => [all, [id], id]),
    ...all.slice(1).map((id, i) => [[all[i], id], [id, all[i]], id]),
    [[1, 9], [5, 9], 9],
    [[5, 9], [1, 9], 9],
    [[9, 12], [12, 9], 12],
    [[12], [200, 12], 12],
    [[200, 12], [200, 12], 12],
    [[12, 1], [1], 12],
  ];
  return rows.map(([ours, theirs, inUse]) => ({
    ours,
    theirs,
    in_use: inUse,
    dropped: betterSuiteInCommon(ours, theirs, inUse),
  }));
}

export function handshakeVectors() {
  const secret = draw('handshake shared secret', 32);
  const scenarios = [
    {
      name: 'public network, IPv4',
      networkName: 'quantumgate',
      sharedSecret: zeros(32),
      now: 1_800_000_000,
      endpoints: kEndpoints4,
      initiator: { streamParametersSize: 62 },
      responder: { streamParametersSize: 62 },
    },
    {
      name: 'private network, IPv6, no stream parameters',
      networkName: 'a private network',
      sharedSecret: secret,
      now: 1_800_000_001,
      endpoints: kEndpoints6,
      initiator: { streamParametersSize: 0 },
      responder: { streamParametersSize: 128 },
    },
    {
      name: 'clock of the initiator one hour ahead: cookie',
      networkName: 'quantumgate',
      sharedSecret: secret,
      now: 1_800_000_002,
      initiatorClockAhead: 3600,
      cookie: true,
      endpoints: kEndpoints4,
      initiator: { streamParametersSize: 62 },
      responder: { streamParametersSize: 62 },
    },
    {
      name: 'messages 1 and 3 sent again',
      networkName: 'n'.repeat(64),
      sharedSecret: zeros(32),
      now: 1_800_000_003,
      initiatorClockAhead: -120,
      repeat: true,
      endpoints: kEndpoints6,
      initiator: { streamParametersSize: 1 },
      responder: { streamParametersSize: 1 },
    },
    {
      name: 'unknown suites and extensions; message 2 in three pieces, message 3 in two',
      networkName: 'q',
      sharedSecret: secret,
      now: 2 ** 32 - 1, // the header carries the time modulo 2^32
      initiatorClockAhead: 2,
      endpoints: kEndpoints4,
      initiator: { streamParametersSize: 62, suites: [200, 1, 177], extensions: [[5, 1200]] },
      responder: {
        streamParametersSize: 62,
        suites: [1, 199],
        extensions: [
          [0, 0],
          [0x7f, 1100],
        ],
      },
    },
    {
      name: 'message 2 fills two pieces to the last byte',
      networkName: 'quantumgate',
      sharedSecret: zeros(32),
      now: 1_800_000_004,
      endpoints: kEndpoints4,
      initiator: { streamParametersSize: 0 },
      // 2 × 1156 bytes of message 2 leave 1112 for the payload, of which 134 and the head of the extension are used.
      responder: { streamParametersSize: 0, extensions: [[3, 2 * 1156 - 1200 - 134 - 3]] },
    },
    // The initiator has only the one suite, the responder all of them.
    ...suites.slice(1).map((suite, i) => ({
      name: suite.protocolName,
      networkName: 'quantumgate',
      sharedSecret: secret,
      suite: suite.id,
      now: 1_800_000_010 + i,
      endpoints: kEndpoints4,
      initiator: { streamParametersSize: 62, suites: [suite.id] },
      responder: { streamParametersSize: 62, suites: suites.map(({ id }) => id) },
    })),
  ];
  return file('02-handshake.md', {
    suites: suites.map(({ id, rank, protocolName }) => ({ id, rank, protocol_name: protocolName })),
    suite_choices: suiteChoices(),
    handshakes: scenarios.map((scenario, i) => handshakeVector(i + 1, scenario)),
    payloads: payloadVectors(),
  });
}

// ---- session.json ----

// `compact`: fewer packets.
function packetVectors(protocolName, n, compact) {
  const suite = parseProtocolName(protocolName);
  const secret = draw(`session ${n} secret`, 32);
  const keys = sessionKeys(suite, secret);
  const index = draw(`session ${n} index`, 4);
  const counters = [
    ...[0n, 1n, 2n, 255n, 256n, 2n ** 16n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 31n + 1n],
    ...[2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 5n, 2n ** 48n + 3n],
  ];
  const sizes = [0, 1, 2, 15, 16, 17, 64, 255, 1208, 1448];
  const make = (counter, size) => {
    const content = draw(`session ${n} content ${counter} ${size}`, size);
    return { counter, content, packet: sealPacket(suite, keys, index, counter, content) };
  };
  const packets = [
    ...(compact ? [0n, 2n ** 32n] : counters).map((counter, i) => make(counter, i)),
    ...(compact ? [17, 64] : sizes).map((size, i) => make(BigInt(i + 3), size)),
  ];
  return { protocol_name: protocolName, secret, ...keys, index, packets };
}

function restoreVectors() {
  const turn = 2n ** 32n;
  const rows = [
    [-1n, 0],
    [-1n, 1],
    [-1n, 0xffffffff],
    [0n, 0],
    [0n, 1],
    [0n, 0x7fffffff],
    [0n, 0xffffffff],
    [254n, 255],
    [255n, 255],
    [10_000n, 5],
    [2n ** 31n - 1n, 0],
    [2n ** 31n, 0],
    [2n ** 31n + 1n, 0],
    [2n ** 31n + 10n, 5],
    [turn - 2n, 0xffffffff],
    [turn - 1n, 0],
    [turn - 1n, 0xffffffff],
    [turn, 0xffffffff],
    [turn + 5n, 5],
    [turn + 5n, 0xfffffff0],
    [turn + 2n ** 31n - 2n, 0xffffffff],
    [turn + 2n ** 31n - 1n, 0],
    [turn + 2n ** 31n, 0],
    [7n * turn + 2n ** 30n, 0xf0000000],
    [7n * turn + 2n ** 30n, 0xa0000000],
  ];
  return rows.map(([highest, low]) => ({ highest, low, counter: restoreCounter(highest, low) }));
}

function replayVectors() {
  const counters = [
    0n,
    0n,
    1n,
    3n,
    2n,
    3n,
    8128n,
    0n,
    1n,
    8129n,
    1n,
    2n,
    4n,
    4n,
    8127n,
    20000n,
    11872n,
    11873n,
    11873n,
  ];
  const far = [8128n, 2n ** 31n, 2n ** 31n - 8127n, 2n ** 31n - 8128n, 20001n];
  const window = new ReplayWindow();
  return [...counters, ...far].map((counter) => ({ counter, accepted: window.accept(counter) }));
}

function frameVectors() {
  const { encodeFrame, kPadding, kStream, kControl, kClose, kPath, kDatagram } = frames;
  const stream = concat(Uint8Array.of(7), draw('session quic', 40));
  const id = draw('session control id', 4);
  const control = (what, method, size) =>
    frames.encodeControl({ what, id, method, body: draw(`session control ${size}`, size) });
  const open = { length: false };
  const must = { mustBeUnderstood: true };
  const close = (reason) => number(reason, 2);
  const good = [
    ['keepalive', zeros(0)],
    ['padding without length', encodeFrame(kPadding, zeros(100), open)],
    ['padding of one byte', encodeFrame(kPadding, zeros(0), open)],
    ['padding may hold anything', encodeFrame(kPadding, draw('session padding', 20))],
    ['padding with length, then close', concat(encodeFrame(kPadding, zeros(0)), encodeFrame(kClose, close(1)))],
    ['stream without length', encodeFrame(kStream, stream, open)],
    ['stream with length', encodeFrame(kStream, stream)],
    ['two streams, the last without length', concat(encodeFrame(kStream, stream), encodeFrame(kStream, stream, open))],
    ['known kind marked must be understood', encodeFrame(kStream, stream, must)],
    ['control request, empty', encodeFrame(kControl, control(0, 1, 0))],
    ['control request', encodeFrame(kControl, control(0, 1, 1), open)],
    ['control answer', encodeFrame(kControl, control(1, 3, 1))],
    ['control answer: unknown method', encodeFrame(kControl, control(1, 0, 0))],
    ['control request, largest, unknown method', encodeFrame(kControl, control(0, 255, 256))],
    ['close', encodeFrame(kClose, close(0))],
    ['close without length', encodeFrame(kClose, close(7), open)],
    ['close, then what does not parse', concat(encodeFrame(kClose, close(0)), fromHex('43'))],
    ['close, reason of a later version', encodeFrame(kClose, close(0xffff))],
    ['datagram', encodeFrame(kDatagram, draw('session datagram', 24))],
    ['path challenge', encodeFrame(kPath, concat(zeros(1), draw('session token', 8)))],
    ['path answer, without length', encodeFrame(kPath, concat(fromHex('01'), draw('session token', 8)), open)],
    ['datagram without content or length', encodeFrame(kDatagram, draw('session datagram', 4), open)],
    ['unknown kind', encodeFrame(6, draw('session unknown', 9))],
    ['unknown kind, empty, then close', concat(encodeFrame(63, zeros(0)), encodeFrame(kClose, close(2)))],
    ['unknown kind without length takes the rest', concat(encodeFrame(7, encodeFrame(kClose, close(2)), open))],
    [
      'one of each',
      concat(
        encodeFrame(kControl, control(0, 2, 1)),
        encodeFrame(kStream, stream),
        encodeFrame(40, zeros(3)),
        encodeFrame(kClose, close(3)),
        encodeFrame(kPadding, zeros(30), open),
      ),
    ],
  ];
  const bad = [
    ['length missing', fromHex('40')],
    ['length cut', fromHex('4000')],
    ['body shorter than its length', fromHex('43000300')],
    ['body missing', fromHex('400001')],
    ['stream without generation', encodeFrame(kStream, zeros(0))],
    ['stream without generation or length', encodeFrame(kStream, zeros(0), open)],
    ['control cut', encodeFrame(kControl, control(0, 1, 0).slice(0, 5))],
    ['control without anything', encodeFrame(kControl, zeros(0), open)],
    ['control body too long', encodeFrame(kControl, control(0, 1, 257))],
    ['control neither request nor answer', encodeFrame(kControl, control(2, 1, 0))],
    ['datagram without a whole id', encodeFrame(kDatagram, zeros(3))],
    ['close without reason', encodeFrame(kClose, zeros(0))],
    ['path frame without its last byte', encodeFrame(kPath, zeros(8))],
    ['path frame with a byte more', encodeFrame(kPath, zeros(10))],
    ['path frame that is neither challenge nor answer', encodeFrame(kPath, concat(fromHex('02'), zeros(8)))],
    ['close with half a reason', encodeFrame(kClose, zeros(1), open)],
    ['close with more than a reason', encodeFrame(kClose, zeros(3))],
    ['unknown kind that must be understood', encodeFrame(6, zeros(1), must)],
    ['the same without length', encodeFrame(63, zeros(1), { ...must, ...open })],
    ['good frame, then a bad one', concat(encodeFrame(kPadding, zeros(9)), fromHex('43'))],
  ];
  return {
    good: good.map(([what, content]) => ({ what, content, frames: [...frames.parseFrames(content)] })),
    bad: bad.map(([what, content]) => ({ what, content })),
  };
}

// What a side that has just got its session answers to a packet, as frames in their order.
function answerVectors() {
  const { encodeFrame, encodeControl, encodePath, kControl, kPath, kClose } = frames;
  const id = draw('session request id', 4);
  const request = (method, body = zeros(0)) => encodeFrame(kControl, encodeControl({ what: 0, id, method, body }));
  const answer = (method) => encodeFrame(kControl, encodeControl({ what: 1, id, method, body: zeros(0) }));
  const challenge = encodeFrame(kPath, encodePath({ what: 0, token: draw('session token', 8) }));
  const rows = [
    ['initiator', 'are you there', request(5)],
    ['responder', 'are you there', request(5)],
    ['initiator', 'are you there, with a body', request(5, zeros(1))],
    ['initiator', 'unknown method', request(200, draw('session body', 256))],
    ['initiator', 'the method that says "unknown method"', request(0)],
    ['initiator', 'key update wanted', request(6, number(0, 4))],
    ['initiator', 'key update wanted, for keys that it does not have', request(6, number(7, 4))],
    ['initiator', 'key update wanted, without the epoch', request(6)],
    ['responder', 'key update wanted, of the side that does not begin', request(6, number(0, 4))],
    ['initiator', 'an answer to no request', answer(5)],
    ['responder', 'three requests in one packet', concat(request(5), request(77), request(5))],
    ['initiator', 'CLOSE, then a request', concat(encodeFrame(kClose, number(0, 2)), request(5))],
    ['initiator', 'path challenge', challenge],
    ['responder', 'path challenge', challenge],
    ['responder', 'path answer', encodeFrame(kPath, encodePath({ what: 1, token: draw('session token', 8) }))],
  ];
  return rows.map(([side, what, content]) => ({ side, what, content, answers: answersOf(side, content) }));
}

function answersOf(role, content) {
  const suite = suiteById(1);
  const secrets = [draw('session answers forth', 32), draw('session answers back', 32)];
  const [initiatorToResponder, responderToInitiator] = secrets.map((secret) => sessionKeys(suite, secret));
  const [localIndex, remoteIndex] = [fromHex('00000001'), fromHex('00000002')];
  const [ours, theirs] =
    role === 'initiator' ? [initiatorToResponder, responderToInitiator] : [responderToInitiator, initiatorToResponder];
  const handshakeHash = zeros(32);
  const keys = { suite, role, handshakeHash, secrets, initiatorToResponder, responderToInitiator };
  const answers = [];
  const session = new Session(0, { ...keys, localIndex, remoteIndex }, 'the path', {
    random: zeros,
    transmit: (packet) =>
      answers.push(...frames.parseFrames(openPacket(suite, ours, packet, BigInt(answers.length) - 1n).content)),
  });
  session.receive(0, sealPacket(suite, theirs, localIndex, 0n, content), 'the path');
  return answers;
}

export function sessionVectors() {
  const names = suites.map(({ protocolName }) => protocolName);
  const full = [1, 5].map((id) => suiteById(id).protocolName); // one for each cipher
  const sessions = [...full, ...names.filter((name) => !full.includes(name))];
  return file('03-session.md, sections 1 to 3; keys: 02-handshake.md, section 7', {
    sessions: sessions.map((name, i) => packetVectors(name, i + 1, i >= full.length)),
    restore: restoreVectors(),
    replay: replayVectors(),
    frames: frameVectors(),
    answers: answerVectors(),
  });
}

// ---- key_update.json ----

// Two updates, one after the other, of a session whose handshake left `secrets` behind.
function keyUpdateVector(protocolName, n) {
  const suite = parseProtocolName(protocolName);
  const drawn = (what, size) => draw(`key update ${n} ${what}`, size);
  const secrets = ['initiator to responder', 'responder to initiator'].map((way) => drawn(`secret ${way}`, 32));
  const handshakeHash = drawn('handshake hash', suite.hash.outputLen);
  const make = (role) => new KeyUpdate(protocolName, role, handshakeHash, secrets);
  const [initiator, responder] = [make('initiator'), make('responder')];
  const named = ({ initiatorToResponder, responderToInitiator }) => ({
    initiator_to_responder: initiatorToResponder,
    responder_to_initiator: responderToInitiator,
  });
  const updates = [1, 2].map((epoch) => {
    const index = { initiator: drawn(`${epoch} index 1`, 4), responder: drawn(`${epoch} index 2`, 4) };
    const ephemeral = [1, 2].map((side) => drawn(`${epoch} ephemeral ${side}`, suite.dh.size));
    const kemSeed = drawn(`${epoch} kem seed`, 64);
    const kemM = drawn(`${epoch} kem m`, 32);
    const psk = initiator.psk;
    const sent = initiator.begin(index.initiator, { ephemeralPrivate: ephemeral[0], kemSeed });
    responder.receive(frames.decodeRekey(sent[0]));
    const own = () => ({ index: index.responder, ephemeralPrivate: ephemeral[1], kemM });
    const answer = responder.receive(frames.decodeRekey(sent[1]), own);
    initiator.receive(frames.decodeRekey(answer.send[0]));
    const { keys } = initiator.receive(frames.decodeRekey(answer.send[1]));
    return {
      epoch,
      psk,
      prologue: updatePrologue(handshakeHash, epoch),
      initiator: { index: index.initiator, ephemeral_private: ephemeral[0], kem_seed: kemSeed, frames: sent },
      responder: { index: index.responder, ephemeral_private: ephemeral[1], kem_m: kemM, frames: answer.send },
      keys: named(keys),
    };
  });
  return {
    protocol_name: protocolName,
    update_protocol_name: updateProtocolName(protocolName),
    handshake_hash: handshakeHash,
    secrets,
    chain_secret: chainSecret(suite, secrets),
    updates,
  };
}

export function keyUpdateVectors() {
  return file('03-session.md, section 9', {
    sessions: suites.map(({ protocolName }, i) => keyUpdateVector(protocolName, i + 1)),
  });
}

export const makers = {
  'noise-xxhfs-psk0.json': noiseVectors,
  'identity.json': identityVectors,
  'handshake.json': handshakeVectors,
  'session.json': sessionVectors,
  'key_update.json': keyUpdateVectors,
};

export const vectorPath = (name) => fileURLToPath(new URL(`../vectors/${name}`, import.meta.url));
export const vectorText = (name) => `${JSON.stringify(makers[name](), null, 1)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(makers)) writeFileSync(vectorPath(name), vectorText(name));
}
