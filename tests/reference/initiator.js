// SPDX-License-Identifier: MIT
// Dials a node over UDP with the reference's own handshake: initiator.js ADDRESS NETWORK SUITE-ID. Exit code 0 once a
// packet of the new session has arrived and opened, 1 if not, within 20 s.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

import { parseAddress } from '../../docs/spec/reference/address.js';
import { concat, equal, fromHex, zeros } from '../../docs/spec/reference/bytes.js';
import * as handshake from '../../docs/spec/reference/handshake.js';
import { identityFromSeed, networkHash } from '../../docs/spec/reference/identity.js';
import * as sealed from '../../docs/spec/reference/sealed_datagram.js';
import { openPacket } from '../../docs/spec/reference/session.js';
import { suiteById } from '../../docs/spec/reference/suite.js';

const [addressText, networkName, suiteId] = process.argv.slice(2);
const address = parseAddress(addressText);
const [{ host, port }] = address.hosts;
const suite = suiteById(Number(suiteId));
const random = (size) => Uint8Array.from(randomBytes(size));
const now = () => Math.floor(Date.now() / 1000);

const setup = {
  suite,
  network: networkHash(networkName),
  sharedSecret: zeros(32),
  responderUuid: address.uuid,
};
const own = {
  identity: identityFromSeed(random(32)),
  staticPrivate: random(suite.dh.size),
  ephemeralPrivate: random(suite.dh.size),
  kemSeed: random(64),
  sessionIndex: random(4),
  handshakeIndex: random(4),
  expiry: now() + 30 * 86400,
  suites: [suite.id],
  streamParameters: zeros(0),
  extensions: [],
};
const keys = { out: sealed.outerKey(1, setup), in: sealed.outerKey(2, setup) };
const socket = createSocket('udp4');

function send(type, message, index) {
  const header = { type, suite: suite.id, time: now(), senderIndex: own.handshakeIndex, messageId: random(4) };
  const salts = sealed.cutMessage(message).map(() => random(24));
  for (const datagram of sealed.sealMessage(keys.out, { index, salts, header, message })) {
    socket.send(datagram, port, host);
  }
}

const first = handshake.startHandshake(setup, own);
const pieces = new Map(); // of message 2
let session;

function onPiece(datagram, from) {
  const { header } = sealed.openDatagram(keys.in, datagram, true);
  pieces.set(header.piece, datagram);
  if (session || header.type !== 2 || pieces.size < header.pieces) return;
  const { header: whole, message } = sealed.openMessage(keys.in, [...pieces.values()], true);
  const ipv4 = Uint8Array.from(from.address.split('.'));
  const third = handshake.completeHandshake(setup, own, first.noise, {
    message,
    senderIndex: whole.senderIndex,
    observed: { address: concat(zeros(10), fromHex('ffff'), ipv4), port: from.port },
    now: now(),
  });
  session = third.session;
  send(3, third.message, third.payload2.handshakeIndex);
}

socket.on('message', (bytes, from) => {
  const datagram = Uint8Array.from(bytes);
  if (equal(datagram.slice(0, 4), own.handshakeIndex)) onPiece(datagram, from);
  if (!session || !equal(datagram.slice(0, 4), own.sessionIndex)) return;
  const { content } = openPacket(suite, session.responderToInitiator, datagram, -1n);
  console.log(`a packet with ${content.length} bytes of content opens`);
  process.exit(0);
});
setTimeout(() => {
  console.error(session ? 'no packet of the session arrived' : 'message 2 did not arrive');
  process.exit(1);
}, 20_000);
socket.bind(0, '127.0.0.1', () => send(1, first.message));
