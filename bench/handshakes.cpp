// SPDX-License-Identifier: MIT
#include <chrono>
#include <set>
#include <vector>

#include "base/byte_order.hpp"
#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "bench/own_time.hpp"
#include "crypto/system_random.hpp"
#include "handshake/initiator.hpp"
#include "handshake/responder.hpp"

namespace quantumgate::bench {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime kWall{1'800'000'000};
constexpr int kHandshakes = 1000;

struct Indexes final : handshake::IndexAllocator {
  std::uint32_t allocate() override { return ++last; }
  void release(std::uint32_t) override {}
  std::uint32_t last = 1000;
};

struct Rates {
  double initiator;
  double responder;
};

// Whole handshakes between the two machines, without a network; the time of each is counted by itself.
Rates measure() {
  crypto::SystemRandom random;
  const Identity alice = Identity::generate(), bob = Identity::generate();
  handshake::Credentials ours(alice, "bench", nullptr, handshake::all_suites(), Bytes(60));
  handshake::Credentials theirs(bob, "bench", nullptr, handshake::all_suites(), Bytes(62));
  Indexes indexes;
  handshake::Responder responder(theirs, {}, indexes, random);
  const Endpoint responder_at = Endpoint::v4(10, 0, 0, 2, 2222);
  std::vector<Bytes> datagrams;
  TimePoint now{1h};

  double initiating = 0, responding = 0;
  const auto timed = [](double& sum, auto&& work) {
    const double begin = own_seconds();
    work();
    sum += own_seconds() - begin;
  };
  const auto drain = [&](auto& side) {
    datagrams.clear();
    while (auto transmit = side.poll_transmit()) datagrams.push_back(std::move(transmit->datagram));
  };
  for (int i = 0; i < kHandshakes; ++i) {
    now += 10ms;  // no more at a time than a responder takes from strangers
    const Endpoint initiator_at =
        Endpoint::v4(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1);
    std::optional<handshake::Initiator> initiator;
    timed(initiating, [&] {
      initiator.emplace(ours, handshake::Initiator::Target{bob.uuid(), {responder_at}, 10s}, std::uint8_t{1}, 11u, 12u,
                        random, now, kWall);
      drain(*initiator);
    });
    timed(responding, [&] {
      for (const Bytes& datagram : datagrams) responder.receive_first(now, kWall, initiator_at, datagram);
      drain(responder);
    });
    timed(initiating, [&] {
      for (const Bytes& datagram : datagrams) initiator->receive(now, kWall, responder_at, datagram);
      CHECK(initiator->take_established().has_value());
      drain(*initiator);
    });
    timed(responding, [&] {
      for (const Bytes& datagram : datagrams) {
        const std::uint32_t index = load_be<std::uint32_t>(BytesView(datagram).first<4>());
        responder.receive_indexed(now, kWall, index, datagram);
      }
      CHECK(responder.poll_established().has_value());
    });
  }
  return {kHandshakes / initiating, kHandshakes / responding};
}

}  // namespace

Measured handshakes_per_s_initiator() { return {measure().initiator, std::nullopt}; }
Measured handshakes_per_s_responder() { return {measure().responder, std::nullopt}; }

}  // namespace quantumgate::bench
