// SPDX-License-Identifier: MIT
// How a file transfer looks in JSON, shared by sending and receiving.
#pragma once

#include <chrono>

#include "apps/qgate/json.hpp"
#include "apps/qgate/terminal.hpp"
#include "extenders/files/files.hpp"

namespace quantumgate::qgate::api {

inline constexpr std::chrono::milliseconds kProgressInterval{100};

inline Json transfer_json(const char* event, const files::Transfer& transfer) {
  return {{"event", event},        {"id", transfer.id},     {"peer", transfer.peer.to_string()},
          {"name", transfer.name}, {"size", transfer.size}, {"bytes", transfer.done_bytes}};
}

// Times one transfer and thins out what is said about it.
struct TransferClock {
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told{};

  bool due(const files::Transfer& transfer) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told < kProgressInterval && transfer.done_bytes < transfer.size) return false;
    told = now;
    return true;
  }
  Json end_json(const char* event, const files::Transfer& transfer, const files::Digest& digest) const {
    Json json = transfer_json(event, transfer);
    json["sha256"] = hex(digest.data(), digest.size());
    json["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return json;
  }
};

}  // namespace quantumgate::qgate::api
