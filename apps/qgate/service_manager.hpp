// SPDX-License-Identifier: MIT
// Tells systemd, or whoever speaks its protocol, how the service is: one datagram of text to the socket that
// NOTIFY_SOCKET names (sd_notify(3)). Without that variable nothing is told to anybody.
// Threads: tell() from any.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace quantumgate::qgate {

class ServiceManager {
 public:
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment.
  ServiceManager();

  // "READY=1", "STOPPING=1"...; several are separated by line feeds. Never waits; nobody there is no error.
  void tell(std::string_view state) const;
  void tell_reloading() const;

  // How often it wants to hear WATCHDOG=1, halved, so that one may come late.
  std::optional<std::chrono::microseconds> watchdog_interval() const { return watchdog_interval_; }

 private:
  std::string socket_;
  std::optional<std::chrono::microseconds> watchdog_interval_;
};

}  // namespace quantumgate::qgate
