// SPDX-License-Identifier: MIT
#include "bench/adversary/tap.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"

namespace quantumgate::bench {

Tap::Tap(node::Environment& environment, const Endpoint& local, const Endpoint& listener, const Path& path,
         std::uint64_t seed)
    : environment_(environment), path_(path), random_(seed) {
  for (std::size_t side = 0; side < 2; ++side) {
    auto socket =
        environment.open_datagram_socket(local, {.on_receive = [this, side](auto batch) { arrive(side, batch); }});
    CHECK(socket.has_value());
    sides_[side].socket = std::move(*socket);
  }
  sides_[1].node = listener;
  timer_ = environment.make_timer([this] { deliver(); });
}

void Tap::watch(Duration window) {
  window_begin_ = environment_.now();
  window_end_ = window_begin_ + window;
}

void Tap::arrive(std::size_t from, std::span<const node::IncomingDatagram> batch) {
  const TimePoint now = environment_.now();
  Side& to = sides_[1 - from];
  const Duration queue_time(static_cast<Duration::rep>(kQueueMax * 8 * 1'000'000'000 / path_.bits_per_second));
  for (const node::IncomingDatagram& datagram : batch) {
    sides_[from].node = datagram.from;
    if (counting_) sent_bytes_ += datagram.data.size();
    if (window_begin_ <= now && now < window_end_) {
      CHECK(seen_.size() < kSeenMax);
      const auto time = std::chrono::duration_cast<std::chrono::microseconds>(now - window_begin_).count();
      seen_.push_back({.time_us = static_cast<std::uint32_t>(time),
                       .size = static_cast<std::uint16_t>(datagram.data.size()),
                       .from_dialler = from == 0});
    }
    const TimePoint start = std::max(now, to.busy_until);
    if (!to.node || start - now > queue_time || random_.chance(path_.loss_per_million)) continue;
    to.busy_until =
        start + Duration(static_cast<Duration::rep>(datagram.data.size() * 8 * 1'000'000'000 / path_.bits_per_second));
    waiting_.emplace(to.busy_until + path_.delay + random_.up_to(path_.jitter),
                     Waiting{1 - from, Bytes(datagram.data.begin(), datagram.data.end())});
  }
  if (!waiting_.empty()) timer_->set(waiting_.begin()->first);
}

void Tap::deliver() {
  while (!waiting_.empty() && waiting_.begin()->first <= environment_.now()) {
    const Waiting& next = waiting_.begin()->second;
    Side& side = sides_[next.side];
    const std::array<node::OutgoingDatagram, 1> datagram{{{.to = *side.node, .data = next.data}}};
    side.socket->send(datagram);  // where the system takes no more, it is lost as on any path
    waiting_.erase(waiting_.begin());
  }
  if (!waiting_.empty()) timer_->set(waiting_.begin()->first);
}

}  // namespace quantumgate::bench
