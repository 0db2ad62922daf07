// SPDX-License-Identifier: MIT
// Endpoints as the operating system writes them, and what its error numbers mean. Private to the .cpp files of this
// folder.   Layer: platform.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "quantumgate/endpoint.h"
#include "quantumgate/result.h"

namespace quantumgate::platform {

struct Address {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size;
};

inline Address to_system(const Endpoint& endpoint) {
  Address address;
  if (endpoint.is_v4()) {
    address.v4 = {};
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(endpoint.port);
    std::memcpy(&address.v4.sin_addr, endpoint.ip.data() + 12, 4);
    address.size = sizeof address.v4;
  } else {
    address.v6 = {};
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(endpoint.port);
    std::memcpy(&address.v6.sin6_addr, endpoint.ip.data(), 16);
    address.size = sizeof address.v6;
  }
  return address;
}

inline Endpoint from_system(const Address& address) {
  if (address.any.sa_family == AF_INET) {
    std::uint8_t ip[4];
    std::memcpy(ip, &address.v4.sin_addr, 4);
    return Endpoint::v4(ip[0], ip[1], ip[2], ip[3], ntohs(address.v4.sin_port));
  }
  Endpoint endpoint;
  std::memcpy(endpoint.ip.data(), &address.v6.sin6_addr, 16);
  endpoint.port = ntohs(address.v6.sin6_port);
  return endpoint;
}

inline bool set_option(int descriptor, int level, int name, int value) {
  return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

inline ErrorCode code_of(int error) {
  switch (error) {
    case EADDRINUSE:
      return ErrorCode::address_in_use;
    case EACCES:
    case EPERM:
      return ErrorCode::permission_denied;
    case EADDRNOTAVAIL:
      return ErrorCode::invalid_argument;
    default:
      return ErrorCode::system;
  }
}

}  // namespace quantumgate::platform
