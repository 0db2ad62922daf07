// SPDX-License-Identifier: MIT
// Hostile datagrams at a node on the loopback interface: what each kind costs it, and what a stream of 1 Gbit/s between
// two processes keeps while they all arrive. Bounded: about 30 s, 50,000 datagrams in each of them.
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_order.hpp"
#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "bench/peer_process.hpp"
#include "crypto/system_random.hpp"
#include "session/packet_cipher.hpp"
#include "sim/stranger.hpp"

namespace quantumgate::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPerSecond = 50'000;
constexpr auto kWarmUp = 500ms;  // so that what a flood fills at first is full
constexpr auto kMeasured = 2s;
constexpr double kCostBar_us = 7;
constexpr double kShareBar = 0.9;
constexpr double kPacedRate = 1e9;  // bits per second
constexpr auto kPacedTime = 4s;
constexpr int kPacedTurns = 3;

UnixTime wall_clock() {
  return std::chrono::duration_cast<UnixTime>(std::chrono::system_clock::now().time_since_epoch());
}

// A socket of the attacker on loopback, connected to the node under attack.
class Socket {
 public:
  explicit Socket(const Address& to) : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    CHECK(descriptor_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.hosts.at(0).port);
    CHECK(::inet_pton(AF_INET, to.hosts.at(0).host.c_str(), &address.sin_addr) == 1);
    CHECK(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Socket() { ::close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(std::span<const Bytes> datagrams) {
    for (std::size_t at = 0; at < datagrams.size(); at += kAtOnce) {
      const std::size_t count = std::min(kAtOnce, datagrams.size() - at);
      std::array<iovec, kAtOnce> pieces{};
      std::array<mmsghdr, kAtOnce> messages{};
      for (std::size_t i = 0; i < count; ++i) {
        const Bytes& datagram = datagrams[at + i];
        pieces[i] = {const_cast<std::byte*>(datagram.data()), datagram.size()};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      ::sendmmsg(descriptor_, messages.data(), static_cast<unsigned>(count), 0);  // what does not fit is lost
    }
  }
  // What came from the node; empty: nothing.
  Bytes receive() {
    Bytes datagram(2048);
    const ssize_t size = ::recv(descriptor_, datagram.data(), datagram.size(), MSG_DONTWAIT);
    datagram.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return datagram;
  }

 private:
  static constexpr std::size_t kAtOnce = 64;
  int descriptor_;
};

// Everything that the attacker has against one node: a session of his own with it, a cookie, recorded datagrams.
class Attacker {
 public:
  struct Kind {
    const char* name;
    void (Attacker::*make)(std::vector<Bytes>& out);  // one more datagram, or the two of one more message
  };
  static std::span<const Kind> kinds();

  explicit Attacker(const Address& target)
      : socket_(target),
        stranger_(target.uuid, NodeOptions().network, random_),
        recorded_(stranger_.message1(wall_clock())) {
    make_session(target);
    socket_.send(recorded_);
  }

  // Sends `rate` datagrams a second of the kinds in turn until `over`.
  void flood(std::span<const Kind> kinds, const std::function<bool()>& over) {
    std::vector<Bytes> batch;
    std::size_t next = 0;
    auto tick = Clock::now();
    while (!over()) {
      batch.clear();
      while (batch.size() < kPerSecond / 1000) (this->*kinds[next++ % kinds.size()].make)(batch);
      socket_.send(batch);
      for (Bytes answer = socket_.receive(); !answer.empty(); answer = socket_.receive()) {
        if (const auto cookie = stranger_.cookie_in(answer)) cookie_ = *cookie;
      }
      sent_ += batch.size();
      tick = std::max(tick + 1ms, Clock::now() - 5ms);  // what could not be sent in time is not made up for at once
      std::this_thread::sleep_until(tick);
    }
  }

  std::uint64_t sent() const { return sent_; }

 private:
  // A session by hand: its index is known then, and one true packet of it.
  void make_session(const Address& target) {
    handshake::Credentials credentials(Identity::generate(), NodeOptions().network, nullptr, handshake::all_suites(),
                                       {});
    handshake::Initiator dial(credentials, {target.uuid, {Endpoint::loopback(1)}}, 1, 11, 12, random_, TimePoint{},
                              wall_clock());
    std::optional<handshake::Established> established;
    const auto send = [&] {
      std::vector<Bytes> datagrams;
      while (auto transmit = dial.poll_transmit()) datagrams.push_back(std::move(transmit->datagram));
      socket_.send(datagrams);
    };
    const auto begin = Clock::now();
    while (!established) {
      const TimePoint now{Clock::now() - begin};
      CHECK(dial.state() != handshake::Initiator::State::failed);
      if (dial.deadline() <= now) dial.on_deadline(now, wall_clock());
      send();
      const Bytes answer = socket_.receive();
      if (!answer.empty()) dial.receive(now, wall_clock(), Endpoint::loopback(1), answer);
      established = dial.take_established();
    }
    send();
    index_ = established->remote_index;
    session::PacketCipher cipher(
        established->suite->algorithms.aead,
        session::PacketKeys::derive(established->suite->algorithms.hash, established->secrets.sending));
    packet_.assign(kPacket, std::byte{0});  // PADDING
    cipher.seal(index_, 0, packet_, kPacket - session::kPacketOverhead);
    socket_.send(std::span(&packet_, 1));
  }

  Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    random_.fill(bytes);
    return bytes;
  }
  void wrong_size(std::vector<Bytes>& out) { out.push_back(random_bytes(300)); }
  void right_size(std::vector<Bytes>& out) { out.push_back(random_bytes(704)); }
  void unknown_index(std::vector<Bytes>& out) { out.push_back(random_bytes(kPacket)); }
  void forged(std::vector<Bytes>& out) {
    out.push_back(random_bytes(kPacket));
    store_be(index_, MutableBytesView(out.back()).first<4>());
  }
  void replayed_packet(std::vector<Bytes>& out) { out.push_back(packet_); }
  void replayed_message1(std::vector<Bytes>& out) { out.insert(out.end(), recorded_.begin(), recorded_.end()); }
  void message1(std::vector<Bytes>& out, const wire::Cookie& cookie) {
    for (Bytes& datagram : stranger_.message1(wall_clock(), cookie)) out.push_back(std::move(datagram));
  }
  void no_cookie(std::vector<Bytes>& out) { message1(out, {}); }
  void wrong_cookie(std::vector<Bytes>& out) {
    wire::Cookie wrong{};
    wrong[0] = std::byte{1};
    message1(out, wrong);
  }
  void right_cookie(std::vector<Bytes>& out) { message1(out, cookie_); }

  static constexpr std::size_t kPacket = 1350;
  crypto::SystemRandom random_;
  Socket socket_;
  sim::Stranger stranger_;
  std::vector<Bytes> recorded_;  // a message 1
  std::uint32_t index_ = 0;      // of the session at the node
  Bytes packet_;                 // of the session
  std::atomic<std::uint64_t> sent_ = 0;
  wire::Cookie cookie_{};  // the last that came
};

std::span<const Attacker::Kind> Attacker::kinds() {
  static constexpr Kind kKinds[] = {
      {"rubbish of a size that no message has", &Attacker::wrong_size},
      {"rubbish of the size of a message 1", &Attacker::right_size},
      {"packet for an index that nobody has", &Attacker::unknown_index},
      {"forged packet of a living session", &Attacker::forged},
      {"replayed packet of a living session", &Attacker::replayed_packet},
      {"replayed message 1", &Attacker::replayed_message1},
      {"message 1, no cookie though required", &Attacker::no_cookie},
      {"message 1, wrong cookie", &Attacker::wrong_cookie},
      {"message 1, right cookie, over its share", &Attacker::right_cookie},
  };
  return kKinds;
}

struct Usage {
  double cpu_seconds = 0;
  NodeCounters counters;
};

// Of the node's thread so far.
Usage usage_of(Node& node) {
  std::promise<Usage> usage;
  node.post([&] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    usage.set_value({static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec), node.counters()});
  });
  return usage.get_future().get();
}

// The cost of each kind; true if all are below the bar.
bool measure_costs() {
  std::printf("%-42s %12s %12s %6s\n", "hostile datagram", "handled /s", "us of CPU", "bar");
  bool all_below = true;
  for (const Attacker::Kind& kind : Attacker::kinds()) {
    auto node = Node::start(Identity::generate(), node_options(), serving_extenders());
    CHECK(node.has_value());
    Attacker attacker((*node)->address());
    const auto flood_for = [&](Clock::duration time) {
      attacker.flood(std::span(&kind, 1), [end = Clock::now() + time] { return Clock::now() >= end; });
    };
    // Whoever means to break a rule for a node under load puts it under load first.
    flood_for(kWarmUp);
    const Usage before = usage_of(**node);
    flood_for(kMeasured);
    const Usage after = usage_of(**node);
    const auto handled = static_cast<double>(after.counters.datagrams_received - before.counters.datagrams_received);
    const double cost = 1e6 * (after.cpu_seconds - before.cpu_seconds) / handled;
    all_below = all_below && cost <= kCostBar_us;
    std::printf("%-42s %12.0f %12.2f %6.0f\n", kind.name, handled / std::chrono::duration<double>(kMeasured).count(),
                cost, kCostBar_us);
    std::fflush(stdout);
  }
  return all_below;
}

// Gbit/s of a stream to `address` that its sender gives 1 Gbit/s.
double paced_stream(const Address& address) {
  auto node = Node::start(Identity::generate(), node_options());
  CHECK(node.has_value());
  std::shared_ptr<Stream> stream;
  std::promise<void> open, done;
  (*node)->connect(address, {}, [&](Result<Peer> peer) {
    CHECK(peer.has_value());
    auto opened = (*node)->open_stream(peer->uuid, kSink, {.compression = Compression::off});
    CHECK(opened.has_value());
    stream = *opened;
    stream->on_closed([&](std::optional<Error> error, std::uint64_t) {
      CHECK(!error);
      done.set_value();
    });
    open.set_value();
  });
  open.get_future().get();
  const Bytes block(std::size_t{1} << 20, std::byte{0x5a});
  std::atomic<std::uint64_t> due = 0;
  std::uint64_t written = 0;  // on the node's thread
  const auto write = [&] {
    while (written < due) {
      const std::size_t size = std::min<std::uint64_t>(block.size(), due - written);
      const std::size_t taken = stream->write(BytesView(block).first(size));
      written += taken;
      if (taken < size) return;
    }
  };
  (*node)->post([&] { stream->on_writable(write); });
  const auto begin = Clock::now();
  const auto total = static_cast<std::uint64_t>(kPacedRate / 8 * std::chrono::duration<double>(kPacedTime).count());
  while (due < total) {
    std::this_thread::sleep_for(1ms);
    const std::chrono::duration<double> passed = Clock::now() - begin;
    due = std::min(total, static_cast<std::uint64_t>(kPacedRate / 8 * passed.count()));
    (*node)->post(write);
  }
  std::promise<void> finished;
  std::function<void()> finish = [&] {
    write();
    if (written < total) return;
    stream->on_writable(nullptr);
    stream->finish();
    finished.set_value();
  };
  (*node)->post([&] {
    stream->on_writable(finish);
    finish();
  });
  finished.get_future().get();
  done.get_future().get();
  const std::chrono::duration<double> time = Clock::now() - begin;
  (*node).reset();
  return 8e-9 * static_cast<double>(total) / time.count();
}

bool measure_share() {
  const PeerProcess server;
  std::vector<double> shares;
  std::printf("\n%12s %12s %8s %12s   a stream paced at 1 Gbit/s, Gbit/s\n", "in peace", "in a flood", "share",
              "hostile /s");
  for (int i = 0; i < kPacedTurns; ++i) {
    const double in_peace = paced_stream(server.address());
    Attacker attacker(server.address());
    std::atomic<bool> over = false;
    std::thread flood([&] { attacker.flood(Attacker::kinds(), [&] { return over.load(); }); });
    const auto begin = Clock::now();
    const double in_flood = paced_stream(server.address());
    const double per_second =
        static_cast<double>(attacker.sent()) / std::chrono::duration<double>(Clock::now() - begin).count();
    over = true;
    flood.join();
    shares.push_back(in_flood / in_peace);
    std::printf("%12.3f %12.3f %7.1f%% %12.0f\n", in_peace, in_flood, 100 * shares.back(), per_second);
    std::fflush(stdout);
  }
  std::ranges::sort(shares);
  std::printf("median share %.1f%%, bar %.0f%%\n", 100 * shares[shares.size() / 2], 100 * kShareBar);
  return shares[shares.size() / 2] >= kShareBar;
}

}  // namespace

int flood() {
  std::printf("%d hostile datagrams a second over loopback\n", kPerSecond);
  const bool cheap = measure_costs();
  return measure_share() && cheap ? 0 : 1;
}

}  // namespace quantumgate::bench
