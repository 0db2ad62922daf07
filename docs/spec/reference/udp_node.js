// SPDX-License-Identifier: MIT
// A node with a UDP socket (IPv4), the clock and true random bytes.
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

import { Node } from './node.js';

const kTimerMax = 60_000;

export class UdpNode {
  // `options`: see node.js.
  constructor(options) {
    const random = (size) => Uint8Array.from(randomBytes(size));
    this.node = new Node(options, { random, transmit: (datagram, endpoint) => this.transmit(datagram, endpoint) });
  }

  // Resolves with the port.
  bind(host = '127.0.0.1') {
    this.host = host;
    this.socket = createSocket('udp4');
    this.socket.unsent = 0;
    this.socket.on('message', (bytes, { address, port }) => {
      this.node.receive(Date.now(), Uint8Array.from(bytes), { address, port });
      this.schedule();
    });
    return new Promise((resolve) => {
      this.socket.bind(0, host, () => resolve(this.socket.address().port));
    });
  }

  // Goes on from another port; what comes to the old one is lost.
  async move() {
    const old = this.socket;
    const port = await this.bind(this.host);
    await this.close(old);
    return port;
  }

  async stop() {
    clearTimeout(this.timer);
    clearImmediate(this.scheduling);
    await this.close(this.socket);
  }

  // Once all is sent: CLOSE must not be lost in our own process.
  async close(socket) {
    while (socket.unsent > 0) await new Promise(setImmediate);
    socket.close();
  }

  // Resolves with the session, once the peer has it, too.
  dial(address, events) {
    return new Promise((resolve, reject) => {
      this.node.dial(Date.now(), address, events, (session) => {
        if (session) resolve(session);
        else reject(new Error('no answer'));
      });
    });
  }

  // Whoever sends has another deadline from now on.
  transmit(datagram, { address, port }) {
    const { socket } = this;
    socket.unsent++;
    socket.send(datagram, port, address, () => socket.unsent--);
    this.scheduling ??= setImmediate(() => this.schedule());
  }

  // Does what is due, and sets the timer for what comes next.
  schedule() {
    clearImmediate(this.scheduling);
    this.scheduling = undefined;
    this.node.run(Date.now());
    clearTimeout(this.timer);
    const wait = Math.min(this.node.deadline - Date.now(), kTimerMax);
    this.timer = setTimeout(() => this.schedule(), Math.max(0, wait));
  }
}
