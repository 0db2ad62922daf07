// SPDX-License-Identifier: MIT
// Sealed datagrams: outer keys, header, cutting a message into pieces, cookies.
// Spec: docs/spec/02-handshake.md, sections 2, 5 and 6.
import { xchacha20poly1305 } from '@noble/ciphers/chacha';
import { hkdf } from '@noble/hashes/hkdf';
import { hmac } from '@noble/hashes/hmac';
import { sha256 } from '@noble/hashes/sha2';

import { ascii, concat, ensure, equal, number, Reader, SpecError, zeros } from './bytes.js';
import { suiteById } from './suite.js';

export const kPieceSizeMax = 1156;
export const kPiecesMax = 4;
export const kHeaderSize = 32;
export const kSaltSize = 24;
export const kTagSize = 16;
export const kTypeCookie = 4;
export const kClockToleranceSeconds = 120;

// setup: { suite, network (hash), sharedSecret, responderUuid }. Direction 1 is initiator to responder, 2 is back.
export const outerKey = (direction, { network, sharedSecret, responderUuid }) =>
  hkdf(sha256, sharedSecret, ascii('QuantumGate outer v1'), concat(number(direction, 1), responderUuid, network), 32);

export const encodeHeader = ({ type, suite, piece, pieces, time, senderIndex, messageId, cookie = zeros(16) }) =>
  concat(
    number(type, 1),
    number(suite, 1),
    number(piece, 1),
    number(pieces, 1),
    number(time % 2 ** 32, 4),
    senderIndex,
    messageId,
    cookie,
  );

function decodeHeader(bytes) {
  const reader = new Reader(bytes, 'reading the header of a sealed datagram');
  return {
    type: reader.number(1),
    suite: reader.number(1),
    piece: reader.number(1),
    pieces: reader.number(1),
    time: reader.number(4),
    senderIndex: reader.take(4),
    messageId: reader.take(4),
    cookie: reader.take(16),
  };
}

export function cutMessage(message) {
  const count = Math.ceil(message.length / kPieceSizeMax);
  if (count < 1 || count > kPiecesMax) throw new RangeError('a message has 1 to 4,624 bytes');
  const size = Math.ceil(message.length / count);
  return Array.from({ length: count }, (_, i) => message.slice(i * size, (i + 1) * size));
}

// `index` is the receiver's handshake index, 4 bytes; a first datagram has none.
export function sealDatagram(key, { index = zeros(0), salt, header, piece }) {
  const text = concat(encodeHeader(header), piece);
  return concat(index, salt, xchacha20poly1305(key, salt, index).encrypt(text));
}

// One datagram for each piece of `message`; `salts` has one salt for each.
export function sealMessage(key, { index, salts, header, message }) {
  const pieces = cutMessage(message);
  return pieces.map((piece, i) =>
    sealDatagram(key, { index, salt: salts[i], header: { ...header, piece: i, pieces: pieces.length }, piece }),
  );
}

// The opposite of sealDatagram; `hasIndex` tells later datagrams from first ones.
export function openDatagram(key, datagram, hasIndex) {
  const reader = new Reader(datagram, 'opening a sealed datagram');
  const index = reader.take(hasIndex ? 4 : 0);
  const salt = reader.take(kSaltSize);
  ensure(reader.left >= kHeaderSize + kTagSize, 'malformed', 'opening a sealed datagram');
  let text;
  try {
    text = xchacha20poly1305(key, salt, index).decrypt(reader.rest());
  } catch {
    throw new SpecError('not_authentic', 'opening a sealed datagram');
  }
  return { index, salt, header: decodeHeader(text.slice(0, kHeaderSize)), piece: text.slice(kHeaderSize) };
}

// Opens all datagrams of a message, in any order, and joins the pieces. Returns the header of the first piece, too.
export function openMessage(key, datagrams, hasIndex) {
  const doing = 'joining the pieces of a message';
  const opened = datagrams.map((datagram) => openDatagram(key, datagram, hasIndex));
  opened.sort((a, b) => a.header.piece - b.header.piece);
  const { header } = opened[0];
  ensure(header.pieces === opened.length && opened.length <= kPiecesMax, 'malformed', doing);
  for (const [i, each] of opened.entries()) {
    const same = ['type', 'suite', 'pieces'].every((field) => each.header[field] === header[field]);
    const sameIds = ['senderIndex', 'messageId'].every((field) => equal(each.header[field], header[field]));
    ensure(each.header.piece === i && same && sameIds, 'malformed', doing);
  }
  const pieces = opened.map(({ piece }) => piece);
  const message = concat(...pieces);
  if (message.length > 0) {
    const cut = cutMessage(message);
    ensure(cut.length === pieces.length && cut.every((piece, i) => equal(piece, pieces[i])), 'malformed', doing);
  }
  return { header, message };
}

// Message 1 has no room to vary: two keys, a payload of 16 bytes, two tags.
const message1Size = ({ dh, kem }) => dh.size + kem.encapsulationKeySize + 16 + 2 * kTagSize;

// Sizes of the datagrams of a message 1.
export const firstDatagramSizes = (suite) =>
  cutMessage(zeros(message1Size(suite))).map(({ length }) => kSaltSize + kHeaderSize + length + kTagSize);

// Steps 1, 4 and 6 of section 5: what a responder demands of a first datagram that it has opened.
export function checkFirst({ header, piece }, enabledSuites, now) {
  const doing = 'checking a first datagram';
  ensure(header.type === 1 && enabledSuites.includes(header.suite), 'refused', doing);
  const pieces = cutMessage(zeros(message1Size(suiteById(header.suite))));
  const sane =
    header.pieces === pieces.length &&
    header.piece < header.pieces &&
    piece.length === pieces[header.piece].length &&
    !equal(header.senderIndex, zeros(4));
  ensure(sane, 'refused', doing);
  return clockDistance(header.time, now) <= kClockToleranceSeconds ? 'accept' : 'send cookie';
}

// Distance of two clocks modulo 2^32, the shorter way round.
export function clockDistance(time, now) {
  const ahead = (((time - now) % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return Math.min(ahead, 2 ** 32 - ahead);
}

// `address` has 16 bytes: IPv6, or IPv4-mapped. `senderIndex` is the one in the header of the message 1 datagram.
export const cookieFor = (secret, address, port, senderIndex) =>
  hmac(sha256, secret, concat(address, number(port, 2), senderIndex)).slice(0, 16);

// The answer to a datagram of message 1 with header `request`.
export const sealCookie = (key2, { salt, request, time, cookie }) =>
  sealDatagram(key2, {
    index: request.senderIndex,
    salt,
    header: {
      type: kTypeCookie,
      suite: request.suite,
      piece: 0,
      pieces: 1,
      time,
      senderIndex: zeros(4),
      messageId: request.messageId,
      cookie,
    },
    piece: zeros(0),
  });
