// SPDX-License-Identifier: MIT
// All that a kernel sees of the world: time, chance, sockets, timers, names. platform/ implements it with the operating
// system, sim/ with virtual time and virtual links.
// Layer: node.   Threads: post() and on_thread() from any; everything else, and every callback, on the environment's
// one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "quantumgate/bytes.h"
#include "quantumgate/endpoint.h"
#include "quantumgate/result.h"

namespace quantumgate::node {

// The largest datagram that is received; longer ones are dropped, and counted. More than any Ethernet-sized path
// carries (jumbo frames are not used), and small enough to keep a whole receive batch in one fixed buffer.
inline constexpr std::size_t kDatagramSizeMax = 2048;
inline constexpr std::size_t kReceiveBatchMax = 64;

struct OutgoingDatagram {
  Endpoint to;
  BytesView data;
  bool alone = false;  // never part of a segmented send
};

struct IncomingDatagram {
  Endpoint from;
  MutableBytesView data;  // valid, and writable (packets are opened in place), until the callback returns
};

// Destroying it closes the socket; no callback comes after that.
class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  virtual Endpoint local_endpoint() const = 0;
  // Sends as many of `batch`, in order, as the system takes at once, and returns their number. After a short send,
  // `on_writable` is called once when it takes more. An unreachable destination counts as sent: datagrams get lost.
  virtual std::size_t send(std::span<const OutgoingDatagram> batch) = 0;
};

struct DatagramCallbacks {
  std::function<void(std::span<const IncomingDatagram>)> on_receive;  // 1 to kReceiveBatchMax datagrams
  std::function<void()> on_writable;
};

// A TCP connection that is open, or on its way to be. Destroying it closes it; no callback comes after that.
class TcpConnection {
 public:
  virtual ~TcpConnection() = default;
  virtual Endpoint remote_endpoint() const = 0;
  // Takes as many of `bytes`, from the front, as the system takes at once, and returns their number; none before
  // on_open. After a short write `on_writable` is called once when it takes more. What waits in the system to be sent
  // is bounded: kTcpUnsentMax, and what the last write put on top.
  virtual std::size_t write(BytesView bytes) = 0;
};
inline constexpr std::size_t kTcpUnsentMax = 64 * 1024;

struct TcpCallbacks {
  std::function<void()> on_open;                     // of a connection that we open: it is there
  std::function<void(MutableBytesView)> on_receive;  // at most kTcpReceiveMax bytes; valid until the callback returns
  std::function<void()> on_writable;
  std::function<void()> on_closed;  // by the peer, by a fault, or it never opened; nothing follows
};
inline constexpr std::size_t kTcpReceiveMax = 64 * 1024;

// Destroying it ends the listening; connections stay.
class TcpListener {
 public:
  virtual ~TcpListener() = default;
  virtual Endpoint local_endpoint() const = 0;
};
// Takes over a connection that somebody else opened and says what is to be called for it.
using TcpAccept = std::function<TcpCallbacks(std::unique_ptr<TcpConnection>)>;

// Fires once each time it is set. Destroying it cancels it.
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void set(TimePoint deadline) = 0;  // replaces the previous deadline; a past one fires at the next turn
  virtual void cancel() = 0;
};

class Environment {
 public:
  virtual ~Environment() = default;
  virtual TimePoint now() const = 0;        // never runs backwards
  virtual UnixTime wall_clock() const = 0;  // may jump
  virtual RandomSource& random() = 0;
  // Errors: address_in_use, permission_denied, invalid_argument (not an address of this machine), system.
  virtual Result<std::unique_ptr<DatagramSocket>> open_datagram_socket(const Endpoint& local,
                                                                       DatagramCallbacks callbacks) = 0;
  // Errors as above.
  virtual Result<std::unique_ptr<TcpListener>> open_tcp_listener(const Endpoint& local, TcpAccept on_accept) = 0;
  // Begins to open a connection to `remote`; a failure shows later, as on_closed.
  virtual std::unique_ptr<TcpConnection> open_tcp(const Endpoint& remote, TcpCallbacks callbacks) = 0;
  virtual std::unique_ptr<Timer> make_timer(std::function<void()> on_deadline) = 0;
  // Resolves a host name or a textual address; at most 8 endpoints. not_found if there is none. `done` comes later,
  // never inside this call.
  virtual void resolve(std::string host, std::uint16_t port,
                       std::function<void(Result<std::vector<Endpoint>>)> done) = 0;
  virtual void post(std::function<void()> work) = 0;
  // post() for those who may outlive the environment: called, copied and destroyed on any thread, at any time. Once the
  // environment is gone it does nothing.
  virtual std::function<void(std::function<void()>)> poster() = 0;
  // Whether the caller is on the environment's thread. Any thread.
  virtual bool on_thread() const noexcept = 0;
};

}  // namespace quantumgate::node
