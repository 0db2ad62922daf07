// SPDX-License-Identifier: MIT
// What bench/run asks for, one function for each name. Each measures once, for about a second, in the unit that
// bench/run prints.
#pragma once

#include <optional>

namespace quantumgate::bench {

struct Measured {
  double value = 0;
  std::optional<double> beside;  // of what it is compared with, measured in turns with it
};

// A packet of 1,350 bytes sealed or opened as a session does it, ns; beside: the bare call of the library underneath.
Measured seal_1350_ns();
Measured open_1350_ns();

// Handshakes (both messages of a role, its keys, signatures and KEM) for each second of one core's time.
Measured handshakes_per_s_initiator();
Measured handshakes_per_s_responder();

// From connect() to the first byte of the answer to the first byte, in round-trip times of a simulated path.
Measured connect_first_byte_rtts();

// A stream of incompressible data between two nodes, Gbit/s of stream bytes, packets of 1,350 bytes.
Measured stream_inproc_gbps();  // in one process, a thread each
Measured stream_2proc_gbps();   // in two processes, over UDP on the loopback interface
Measured stream_2proc_openssl_gbps();
// Messages of 64 bytes there and back between two processes, one at a time, round trips per second.
Measured message_rate_64B();

int serve_peer();  // the second process: prints its address and runs until standard input ends

// Heap bytes of one end of a session.
Measured idle_session_bytes();
Measured open_stream_session_bytes();

// 64-byte datagrams there and back between two processes over UDP on the loopback interface, round trips per second.
Measured udp_ping_pong_rate();

// Hostile datagrams: what each kind costs, and what a stream keeps. Prints a table; 0 if every bar is kept, else 1.
int flood();

}  // namespace quantumgate::bench
