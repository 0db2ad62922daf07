// SPDX-License-Identifier: MIT
// The other side of a measurement: a node that takes streams and sends messages back, in a process of its own or not.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "quantumgate/quantumgate.h"

namespace quantumgate::bench {

inline constexpr const char* kSink = "org.quantumgate.bench.sink/1";  // reads streams to their end
inline constexpr const char* kEcho = "org.quantumgate.bench.echo/1";  // sends messages back

NodeOptions node_options();  // on loopback, packets of 1,350 bytes
std::vector<std::shared_ptr<Extender>> serving_extenders();

// This program again, as serve_peer(). Ends with the object.
class PeerProcess {
 public:
  PeerProcess();
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  const Address& address() const { return address_; }

 private:
  pid_t child_ = 0;
  int end_ = -1;
  Address address_;
};

}  // namespace quantumgate::bench
