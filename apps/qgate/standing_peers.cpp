// SPDX-License-Identifier: MIT
#include "apps/qgate/standing_peers.hpp"

#include <algorithm>
#include <utility>

#include "quantumgate/error.h"

namespace quantumgate::qgate {
namespace {

constexpr std::chrono::milliseconds kPauseFirst{1000};
constexpr std::chrono::milliseconds kPauseMax{5 * 60 * 1000};
constexpr std::chrono::seconds kTimeLimit{5};
constexpr std::chrono::seconds kLook{5};  // how soon it is seen that one is lost

}  // namespace

StandingPeers::Standing* StandingPeers::find(const PeerUuid& uuid) {
  const auto found = std::ranges::find(standing_, uuid, [](const Standing& one) { return one.address.uuid; });
  return found == standing_.end() ? nullptr : &*found;
}

void StandingPeers::set(std::vector<Address> addresses) {
  node_.post([self = shared_from_this(), addresses = std::move(addresses)] {
    std::vector<Standing> kept;
    for (const Address& address : addresses) {
      Standing one;
      if (Standing* const before = self->find(address.uuid)) one = std::move(*before);
      one.address = address;
      kept.push_back(std::move(one));
    }
    self->standing_ = std::move(kept);
  });
}

void StandingPeers::tick() {
  node_.post([self = shared_from_this()] {
    const auto now = Clock::now();
    for (Standing& one : self->standing_) {
      if (one.dialling || now < one.next) continue;
      one.dialling = true;
      // Answers at once, without a dial, while the peer is connected.
      self->node_.connect(one.address, {.time_limit = kTimeLimit},
                          [self, uuid = one.address.uuid](const Result<Peer>& peer) { self->answered(uuid, peer); });
    }
  });
}

void StandingPeers::answered(const PeerUuid& uuid, const Result<Peer>& peer) {
  Standing* const one = find(uuid);
  if (one == nullptr) return;
  const auto say = [&](const std::string& line) { log_(LogLevel::info, "peers", line); };
  one->dialling = false;
  if (peer) {
    if (!std::exchange(one->connected, true)) say("connected with " + uuid.to_string());
    one->told.reset();
    one->pause = {};
    one->next = Clock::now() + kLook;
    return;
  }
  one->connected = false;
  one->pause = std::clamp(2 * one->pause, kPauseFirst, kPauseMax);
  const auto more = std::chrono::milliseconds(random_() % static_cast<unsigned>(one->pause.count() / 4));
  one->next = Clock::now() + one->pause + more;
  if (one->told == peer.error().code) return;
  one->told = peer.error().code;
  say("can not connect with " + uuid.to_string() + ": " + describe(peer.error().code) + ". Trying on");
}

}  // namespace quantumgate::qgate
