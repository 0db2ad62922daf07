// SPDX-License-Identifier: MIT
// What packets hold: frames, and the bodies of those that have a form of their own.
// Spec: docs/spec/03-session.md, section 2, and those that it names.
import { concat, ensure, number, Reader, SpecError, zeros } from './bytes.js';

export const kPadding = 0;
export const kStream = 1;
export const kControl = 2;
export const kClose = 3;
export const kRekey = 4;
export const kPath = 5;
export const kDatagram = 8;
const kMustBeUnderstood = 0x80;
const kLengthFollows = 0x40;
const kControlBodyMax = 256;

// `body` with its length, or, as the last frame of a packet, without.
export const encodeFrame = (kind, body, { length = true, mustBeUnderstood = false } = {}) =>
  concat(
    number(kind | (length ? kLengthFollows : 0) | (mustBeUnderstood ? kMustBeUnderstood : 0), 1),
    length ? number(body.length, 2) : zeros(0),
    body,
  );

export const encodeControl = ({ what, id, method, body }) => concat(number(what, 1), id, number(method, 1), body);
export const encodeRekey = ({ part, epoch, half }) => concat(number(part, 1), number(epoch, 4), half);
export const encodePath = ({ what, token }) => concat(number(what, 1), token);

export function decodeRekey(body) {
  const reader = new Reader(body, 'reading a REKEY frame');
  return { part: reader.number(1), epoch: reader.number(4), half: reader.rest() };
}

// Content of a packet → the frames that matter, one after the other, up to a CLOSE. Throws `protocol`, perhaps after
// some good ones: closes the session with that reason.
export function* parseFrames(content) {
  try {
    yield* parseFramesOrFail(content);
  } catch (error) {
    throw error instanceof SpecError ? new SpecError('protocol', 'reading frames') : error;
  }
}

function* parseFramesOrFail(content) {
  const doing = 'reading frames';
  const reader = new Reader(content, doing);
  while (reader.left > 0) {
    const type = reader.number(1);
    const body = new Reader(type & kLengthFollows ? reader.take(reader.number(2)) : reader.rest(), doing);
    switch (type & 0x3f) {
      case kPadding:
        break;
      case kStream:
        yield { kind: 'STREAM', generation: body.number(1), packet: body.rest() };
        break;
      case kControl: {
        const frame = {
          kind: 'CONTROL',
          what: body.number(1),
          id: body.take(4),
          method: body.number(1),
          body: body.rest(),
        };
        ensure(frame.what <= 1 && frame.body.length <= kControlBodyMax, 'protocol', doing);
        yield frame;
        break;
      }
      case kClose: {
        const frame = { kind: 'CLOSE', reason: body.number(2) };
        ensure(body.left === 0, 'protocol', doing);
        yield frame;
        return;
      }
      case kRekey: {
        const frame = { kind: 'REKEY', ...decodeRekey(body.rest()) };
        ensure(frame.part <= 3, 'protocol', doing);
        yield frame;
        break;
      }
      case kPath: {
        const frame = { kind: 'PATH', what: body.number(1), token: body.take(8) };
        ensure(frame.what <= 1 && body.left === 0, 'protocol', doing);
        yield frame;
        break;
      }
      case kDatagram:
        yield { kind: 'DATAGRAM', id: body.take(4), content: body.rest() };
        break;
      default:
        ensure(!(type & kMustBeUnderstood), 'protocol', doing);
    }
  }
}
