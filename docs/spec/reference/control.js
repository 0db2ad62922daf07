// SPDX-License-Identifier: MIT
// Control requests of one side: those that are open, sent again until there is an answer. Times are in ms.
// Spec: docs/spec/03-session.md, section 3.
import { number, Reader, toHex, toNumber, zeros } from './bytes.js';
import { encodeControl } from './frames.js';

export const kRequest = 0;
export const kAnswer = 1;

// Methods. 1 to 3 belong to streams.
export const kUnknownMethod = 0;
export const kDatagramCount = 4;
export const kAreYouThere = 5;
export const kKeyUpdateWanted = 6;
export const kShapeWanted = 7;

const kPauses = [300, 600, 1200, 2400, 4800, 4800, 4800, 4800]; // after each of the 8 times that a request is sent
const kOpenMax = 16;

// Whether the body of a request of method 7 is within the ranges of section 10.
export function isShape(body) {
  if (body.length !== 8) return false;
  const reader = new Reader(body, 'reading a shape');
  const [padding, cover, interval, delay] = [1, 1, 4, 2].map((size) => reader.number(size));
  const isClock = cover >= 2;
  const longest = isClock ? 1_000_000 : 60_000_000;
  const isInterval = cover === 0 ? interval === 0 : interval >= 1000 && interval <= longest;
  const isHidden = cover === 0 || padding !== 0; // without padding, cover is known by its size
  return padding <= 3 && cover <= 3 && isInterval && isHidden && delay <= (isClock ? 0 : 1000);
}

export class ControlRequests {
  constructor(firstId) {
    this.nextId = toNumber(firstId);
    this.open = new Map(); // by id, as hexadecimal
  }

  // `done(outcome, body)` is called once, `outcome` being 'answered', 'unknown method' or 'no answer'. False: 16 are
  // open.
  request(now, method, body = zeros(0), done = () => {}) {
    if (this.open.size === kOpenMax) return false;
    const id = number(this.nextId, 4);
    this.nextId = (this.nextId + 1) % 2 ** 32;
    this.open.set(toHex(id), { id, method, body, done, sent: 0, due: now });
    return true;
  }

  // Bodies of the CONTROL frames to send now.
  poll(now) {
    const bodies = [];
    for (const request of this.open.values()) {
      if (now < request.due) continue;
      if (request.sent === kPauses.length) {
        this.end(request, 'no answer');
        continue;
      }
      request.due = now + kPauses[request.sent++];
      bodies.push(encodeControl({ what: kRequest, ...request }));
    }
    return bodies;
  }

  // When to call poll.
  get deadline() {
    return Math.min(...Array.from(this.open.values(), ({ due }) => due));
  }

  // An answer of the peer; one to no request of ours is dropped.
  receive({ id, method, body }) {
    const request = this.open.get(toHex(id));
    if (method === request?.method) this.end(request, 'answered', body);
    else if (request && method === kUnknownMethod) this.end(request, 'unknown method');
  }

  // The session is over.
  endAll() {
    for (const request of this.open.values()) this.end(request, 'no answer');
  }

  end(request, outcome, body) {
    this.open.delete(toHex(request.id));
    request.done(outcome, body);
  }
}
