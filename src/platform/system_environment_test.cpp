// SPDX-License-Identifier: MIT
// Goal: the system's sockets, timers, names and loop keep the promises of node/environment.hpp.
// Method: real sockets on 127.0.0.1 and ::1. Each test runs the loop until what it waits for has happened; a watchdog
// ends it if that never does. Loopback may drop datagrams when a buffer is full, so no test sends more than fits unless
// it allows for loss. The system calls sendmmsg and
// setsockopt are replaced, so that a test can make them refuse.
#include "platform/system_environment.hpp"

#include <gtest/gtest.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "platform/udp_socket.hpp"

namespace {
std::atomic<int> refuse_sends = 0;           // so many calls of sendmmsg fail ...
std::atomic<int> refuse_with = EAGAIN;       // ... with this error
std::atomic<bool> refuse_runs_only = false;  // ... if they begin with a message of several datagrams
std::atomic<bool> refuse_offload = false;    // the kernel knows neither UDP_SEGMENT nor UDP_GRO
std::atomic<bool> cut_wrongly = false;       // runs are cut a byte too early
std::atomic<std::size_t> messages_sent = 0;
}  // namespace

// These two take the place of the C library's.
extern "C" int sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  if (refuse_sends > 0 && (!refuse_runs_only || messages[0].msg_hdr.msg_controllen > 0)) {
    --refuse_sends;
    errno = refuse_with;
    return -1;
  }
  // A driver that puts the cuts at the wrong place.
  for (unsigned i = 0; cut_wrongly && i < count; ++i) {
    if (cmsghdr* const option = CMSG_FIRSTHDR(&messages[i].msg_hdr)) *CMSG_DATA(option) -= 1;
  }
  const auto result = static_cast<int>(::syscall(SYS_sendmmsg, descriptor, messages, count, flags));
  if (result > 0) messages_sent += static_cast<std::size_t>(result);
  return result;
}
extern "C" int setsockopt(int descriptor, int level, int name, const void* value, socklen_t size) noexcept {
  if (refuse_offload && level == SOL_UDP && (name == UDP_SEGMENT || name == UDP_GRO)) {
    errno = ENOPROTOOPT;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_setsockopt, descriptor, level, name, value, size));
}

namespace quantumgate::platform {
namespace {

using namespace std::chrono_literals;
using node::DatagramSocket;
using node::IncomingDatagram;
using node::OutgoingDatagram;

const Endpoint kLoopback4 = Endpoint::v4(127, 0, 0, 1, 0);
const Endpoint kLoopback6 = *Endpoint::parse("[::1]:0");

bool has_ipv6() { return SystemEnvironment().open_datagram_socket(kLoopback6, {}).has_value(); }

class SystemEnvironmentTest : public testing::Test {
 protected:
  SystemEnvironmentTest() {
    refuse_sends = 0;
    refuse_runs_only = false;
    refuse_offload = false;
    cut_wrongly = false;
    static const bool asked = UdpSocket::open(kLoopback4).has_value();  // what the system can do is found out only once
    EXPECT_TRUE(asked);
    watchdog_ = environment_.make_timer([this] {
      ADD_FAILURE() << "what the test waits for did not happen";
      environment_.stop();
    });
    watchdog_->set(environment_.now() + 60s);
  }

  std::unique_ptr<DatagramSocket> open(const Endpoint& local, node::DatagramCallbacks callbacks) {
    auto opened = environment_.open_datagram_socket(local, std::move(callbacks));
    EXPECT_TRUE(opened) << (opened ? "" : describe(opened.error().code));
    return opened ? std::move(*opened) : nullptr;
  }
  static std::size_t send(DatagramSocket& socket, const Endpoint& to, BytesView data) {
    const OutgoingDatagram datagram{to, data};
    return socket.send({&datagram, 1});
  }
  std::optional<ErrorCode> error_of(const Endpoint& local) {
    const auto opened = environment_.open_datagram_socket(local, {});
    return opened ? std::nullopt : std::optional(opened.error().code);
  }

  // Each byte string of `data` to a second socket; returns what arrived. They must fit into the socket buffers.
  std::vector<Bytes> pass(const std::vector<Bytes>& data) {
    std::vector<Bytes> got;
    const auto receiver = open(kLoopback4, {[&](std::span<const IncomingDatagram> batch) {
                                              EXPECT_GE(batch.size(), 1u);
                                              EXPECT_LE(batch.size(), node::kReceiveBatchMax);
                                              for (const auto& d : batch)
                                                got.emplace_back(d.data.begin(), d.data.end());
                                              if (as_text(got.back()) == "end") environment_.stop();
                                            },
                                            {}});
    const auto sender = open(kLoopback4, {});
    std::vector<OutgoingDatagram> batch;
    for (const auto& bytes : data) batch.push_back({receiver->local_endpoint(), bytes});
    batch.push_back({receiver->local_endpoint(), as_bytes("end")});
    EXPECT_EQ(sender->send(batch), batch.size());
    environment_.run();
    EXPECT_FALSE(got.empty());
    if (!got.empty()) got.pop_back();
    return got;
  }

  SystemEnvironment environment_;
  std::unique_ptr<node::Timer> watchdog_;
};

Bytes numbered(std::size_t size, std::uint32_t number) {
  Bytes bytes(size, static_cast<std::byte>(number));
  if (size > 0) std::memcpy(bytes.data(), &number, std::min(size, sizeof number));
  return bytes;
}

TEST_F(SystemEnvironmentTest, EchoesOverBothFamilies) {
  for (const Endpoint& local : {kLoopback4, kLoopback6}) {
    if (!local.is_v4() && !has_ipv6()) GTEST_SKIP() << "this machine has no ::1";
    std::unique_ptr<DatagramSocket> server, client;
    server = open(local, {[&](std::span<const IncomingDatagram> batch) {
                            for (const auto& d : batch) {
                              EXPECT_EQ(d.from, client->local_endpoint());
                              std::reverse(d.data.begin(), d.data.end());  // in place
                              send(*server, d.from, d.data);
                            }
                          },
                          {}});
    std::vector<std::string> answers;
    client = open(local, {[&](std::span<const IncomingDatagram> batch) {
                            for (const auto& d : batch) {
                              EXPECT_EQ(d.from, server->local_endpoint());
                              answers.emplace_back(as_text(d.data));
                            }
                            if (answers.size() == 2) environment_.stop();
                          },
                          {}});
    EXPECT_NE(server->local_endpoint().port, 0);
    EXPECT_EQ(server->local_endpoint().ip, local.ip);
    EXPECT_EQ(send(*client, server->local_endpoint(), as_bytes("abc")), 1u);
    EXPECT_EQ(send(*client, server->local_endpoint(), {}), 1u);
    environment_.run();
    EXPECT_EQ(answers, (std::vector<std::string>{"cba", ""}));
  }
}

TEST_F(SystemEnvironmentTest, BatchesArriveWholeAndInOrder) {
  // Runs of one size, a shorter end, empty ones, single ones: every way in which segmentation can begin and end.
  std::vector<Bytes> data;
  std::uint32_t number = 0;
  for (const std::size_t size : {1200u, 1200u, 1200u, 700u, 1200u, 0u, 0u, 1u, 1u, 1400u, 1300u, 1400u, 2048u, 2048u}) {
    data.push_back(numbered(size, ++number));
  }
  for (int i = 0; i < 130; ++i) data.push_back(numbered(1232, ++number));

  refuse_offload = true;
  messages_sent = 0;
  EXPECT_EQ(pass(data), data);
  EXPECT_EQ(messages_sent, data.size() + 1);

  refuse_offload = false;
  messages_sent = 0;
  EXPECT_EQ(pass(data), data);
  if (!UdpSocket::test_offload().segments) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  EXPECT_LE(messages_sent, 20u);
}

TEST_F(SystemEnvironmentTest, RunsThatCannotBeSegmentedGoOneByOne) {
  std::vector<Bytes> data;
  for (std::uint32_t i = 0; i < 100; ++i) data.push_back(numbered(1232, i));
  refuse_runs_only = true;
  for (const int error : {EIO, EINVAL, EMSGSIZE}) {
    refuse_with = error;
    refuse_sends = 1;
    EXPECT_EQ(pass(data), data);
  }
}

TEST_F(SystemEnvironmentTest, TheSelfTestTellsWhatTheSystemCanDo) {
  refuse_offload = true;
  EXPECT_EQ(UdpSocket::test_offload(), UdpSocket::Offload());
  refuse_offload = false;
  const UdpSocket::Offload works = UdpSocket::test_offload();
  if (!works.segments) GTEST_SKIP() << "this kernel has no UDP_SEGMENT";
  EXPECT_TRUE(works.merges);
  cut_wrongly = true;
  EXPECT_EQ(UdpSocket::test_offload(), UdpSocket::Offload());
}

TEST_F(SystemEnvironmentTest, DatagramsOverTheLimitAreDroppedAndCounted) {
  const std::vector<Bytes> data = {numbered(node::kDatagramSizeMax, 1), numbered(node::kDatagramSizeMax + 1, 2),
                                   numbered(60'000, 3), numbered(10, 4)};
  EXPECT_EQ(pass(data), (std::vector<Bytes>{data[0], data[3]}));
  EXPECT_EQ(environment_.oversize_datagrams(), 2u);
}

TEST_F(SystemEnvironmentTest, WhatCannotBeSentCountsAsSent) {
  std::vector<Bytes> got;
  const auto receiver = open(kLoopback4, {[&](std::span<const IncomingDatagram> batch) {
                                            for (const auto& d : batch) got.emplace_back(d.data.begin(), d.data.end());
                                            environment_.stop();
                                          },
                                          {}});
  const auto sender = open(kLoopback4, {});
  Endpoint closed_port;
  closed_port = open(kLoopback4, {})->local_endpoint();
  const Bytes too_long(70'000), last = numbered(5, 5);
  const std::vector<OutgoingDatagram> batch = {{kLoopback6, last},                      // other family
                                               {receiver->local_endpoint(), too_long},  // no UDP datagram
                                               {closed_port, last},
                                               {Endpoint::v4(127, 0, 0, 1, 0), last},  // port 0
                                               {receiver->local_endpoint(), last}};
  EXPECT_EQ(sender->send(batch), batch.size());
  EXPECT_EQ(sender->send({}), 0u);
  environment_.run();
  EXPECT_EQ(got, std::vector<Bytes>{last});
}

TEST_F(SystemEnvironmentTest, ShortSendIsFollowedByOneWritable) {
  int writable = 0;
  std::unique_ptr<DatagramSocket> sender;
  const auto receiver = open(kLoopback4, {});
  sender = open(kLoopback4, {{}, [&] {
                               ++writable;
                               EXPECT_EQ(send(*sender, receiver->local_endpoint(), as_bytes("x")), 1u);
                               // Were there a second call, it would come before this timer's.
                               environment_.post([&] { environment_.post([&] { environment_.stop(); }); });
                             }});
  refuse_with = EAGAIN;
  refuse_sends = 2;
  EXPECT_EQ(send(*sender, receiver->local_endpoint(), as_bytes("x")), 0u);
  EXPECT_EQ(send(*sender, receiver->local_endpoint(), as_bytes("x")), 0u);
  environment_.run();
  EXPECT_EQ(writable, 1);
}

TEST_F(SystemEnvironmentTest, ABigBurstFallsShortAndGoesOnWhenWritable) {
  constexpr std::size_t kTotal = 10'000;
  const Bytes data(1232);
  std::size_t sent = 0, shorts = 0, received = 0;
  std::unique_ptr<DatagramSocket> sender;
  const auto receiver =
      open(kLoopback4, {[&](std::span<const IncomingDatagram> batch) { received += batch.size(); }, {}});
  const auto go_on = [&] {
    const std::vector<OutgoingDatagram> batch(kTotal - sent, OutgoingDatagram{receiver->local_endpoint(), data});
    const std::size_t taken = sender->send(batch);
    sent += taken;
    if (taken < batch.size()) {
      ++shorts;
    } else {
      environment_.stop();
    }
  };
  sender = open(kLoopback4, {{}, go_on});
  go_on();
  environment_.run();
  EXPECT_EQ(sent, kTotal);
  EXPECT_GT(shorts, 0u);
  EXPECT_GT(received, 0u);
  EXPECT_LE(received, kTotal);
}

TEST_F(SystemEnvironmentTest, MapsTheErrorsOfOpening) {
  const auto held = open(kLoopback4, {});
  EXPECT_EQ(error_of(held->local_endpoint()), ErrorCode::address_in_use);
  EXPECT_EQ(error_of(Endpoint::v4(0, 0, 0, 0, held->local_endpoint().port)), ErrorCode::address_in_use);
  EXPECT_EQ(error_of(Endpoint::v4(203, 0, 113, 1, 0)), ErrorCode::invalid_argument);
  // A socket for IPv6 leaves the same port to IPv4.
  if (has_ipv6()) {
    EXPECT_EQ(error_of(Endpoint{{}, held->local_endpoint().port}), std::nullopt);
  }
}

TEST_F(SystemEnvironmentTest, AClosedPortIsFreeAtOnce) {
  auto socket = open(kLoopback4, {});
  const Endpoint local = socket->local_endpoint();
  socket.reset();
  EXPECT_EQ(error_of(local), std::nullopt);
}

TEST_F(SystemEnvironmentTest, SocketsMayBeDestroyedInTheirCallbacks) {
  int received = 0, writable = 0;
  std::unique_ptr<DatagramSocket> one, two, three;
  const auto die = [&](std::span<const IncomingDatagram>) {
    ++received;
    one.reset();
    two.reset();
    environment_.post([&] { environment_.post([&] { environment_.stop(); }); });
  };
  one = open(kLoopback4, {die, {}});
  two = open(kLoopback4, {die, {}});
  three = open(kLoopback4, {{}, [&] {
                              ++writable;
                              three.reset();
                            }});
  // Several batches for each: whichever is served first, nothing more may come for either.
  const Bytes data(100);
  for (const auto* socket : {&one, &two}) {
    const std::vector<OutgoingDatagram> batch(100, OutgoingDatagram{(*socket)->local_endpoint(), data});
    EXPECT_EQ(three->send(batch), batch.size());
  }
  refuse_with = EAGAIN;
  refuse_sends = 1;
  EXPECT_EQ(send(*three, kLoopback4, data), 0u);
  environment_.run();
  EXPECT_EQ(received, 1);
  EXPECT_LE(writable, 1);
  EXPECT_EQ(one, nullptr);
}

TEST_F(SystemEnvironmentTest, TimersFireOnceInOrder) {
  std::vector<int> fired;
  std::vector<std::unique_ptr<node::Timer>> timers;
  const TimePoint start = environment_.now();
  for (int i = 0; i < 8; ++i) {
    timers.push_back(environment_.make_timer([&, i] {
      fired.push_back(i);
      if (i == 7) environment_.stop();
    }));
  }
  timers[0]->set(start + 30ms);
  timers[1]->set(start + 10ms);
  timers[2]->set(start + 1h);
  timers[2]->set(start + 20ms);  // replaced by an earlier one
  timers[3]->set(start + 1ms);
  timers[3]->set(start + 40ms);  // by a later one
  timers[4]->set(start + 1ms);
  timers[4]->cancel();
  timers[5]->set(start + 1ms);
  timers[5].reset();
  timers[6]->set(TimePoint::max());
  timers[7]->set(start + 50ms);
  EXPECT_TRUE(fired.empty());
  environment_.run();
  EXPECT_EQ(fired, (std::vector<int>{1, 2, 0, 3, 7}));
  EXPECT_GE(environment_.now() - start, 50ms);
}

TEST_F(SystemEnvironmentTest, PastDeadlinesFireAtTheNextTurnAndTimersMayDieInTheirCallbacks) {
  int ticks = 0;
  std::unique_ptr<node::Timer> timer;
  timer = environment_.make_timer([&] {
    if (++ticks < 10) {
      timer->set(TimePoint{});
    } else {
      timer.reset();
      environment_.post([&] { environment_.stop(); });
    }
  });
  timer->set(environment_.now() - 1s);
  EXPECT_EQ(ticks, 0);
  environment_.run();
  EXPECT_EQ(ticks, 10);
}

TEST_F(SystemEnvironmentTest, PostsComeFromAnyThreadAndKeepTheOrderOfEach) {
  constexpr int kThreads = 4, kEach = 5'000;
  std::array<int, kThreads> next{};
  int finished = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        environment_.post([&, t, i] {
          ordered = ordered && next[t] == i;
          if (++next[t] == kEach && ++finished == kThreads) environment_.stop();
        });
      }
    });
  }
  environment_.run();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(ordered);
  EXPECT_EQ(finished, kThreads);
}

TEST_F(SystemEnvironmentTest, StopsWhileBusyAndGoesOnLater) {
  // Work that never ends, and a socket that floods itself.
  std::function<void()> again = [&] { environment_.post(again); };
  std::unique_ptr<DatagramSocket> socket;
  std::atomic<int> received = 0;
  socket = open(kLoopback4, {[&](std::span<const IncomingDatagram> batch) {
                               ++received;
                               for (const auto& d : batch) send(*socket, socket->local_endpoint(), d.data);
                             },
                             {}});
  for (int i = 0; i < 10; ++i) send(*socket, socket->local_endpoint(), as_bytes("round and round"));
  environment_.post(again);
  for (int round = 0; round < 2; ++round) {
    const int before = received;
    std::thread stopper([&] {
      while (received < before + 100) std::this_thread::yield();
      environment_.stop();
    });
    environment_.run();
    stopper.join();
    EXPECT_GE(received, before + 100);
  }
  // A stop that comes first is not lost.
  environment_.stop();
  environment_.run();
}

TEST(SystemEnvironmentEndTest, WaitingWorkMayOwnSocketsAndTimers) {
  SystemEnvironment environment;
  const std::shared_ptr<DatagramSocket> socket = std::move(*environment.open_datagram_socket(kLoopback4, {}));
  const std::shared_ptr<node::Timer> timer = environment.make_timer([] {});
  timer->set(environment.now() + 1h);
  environment.post([socket, timer] {});
  environment.resolve("127.0.0.1", 1, [socket](auto) {});
}

TEST_F(SystemEnvironmentTest, ResolvesTextAndLocalNames) {
  // No name here leaves the machine: each is a number, in the hosts file, or no name at all.
  const auto resolve = [&](const std::string& name) {
    std::optional<Result<std::vector<Endpoint>>> answer;
    environment_.resolve(name, 9, [&](Result<std::vector<Endpoint>> result) {
      answer = std::move(result);
      environment_.stop();
    });
    EXPECT_FALSE(answer);
    environment_.run();
    return answer.value_or(fail(ErrorCode::system));
  };
  EXPECT_EQ(*resolve("127.0.0.7"), std::vector<Endpoint>{Endpoint::v4(127, 0, 0, 7, 9)});
  EXPECT_EQ(*resolve("::1"), std::vector<Endpoint>{*Endpoint::parse("[::1]:9")});
  const auto local = resolve("localhost");
  ASSERT_TRUE(local);
  const std::set<Endpoint> expected = {Endpoint::v4(127, 0, 0, 1, 9), *Endpoint::parse("[::1]:9")};
  for (const auto& endpoint : *local) EXPECT_TRUE(expected.contains(endpoint)) << endpoint.to_string();
  for (const std::string& name : {std::string(), std::string(300, 'a'), std::string("localhost\0x", 11)}) {
    const auto answer = resolve(name);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::not_found);
  }
}

TEST_F(SystemEnvironmentTest, ClocksAndRandomness) {
  TimePoint last = environment_.now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = environment_.now();
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_GT(environment_.wall_clock(), UnixTime(1'700'000'000));
  EXPECT_NE(environment_.random().u64(), environment_.random().u64());
}

// Not a test: prints how fast it is. Run with --gtest_also_run_disabled_tests --gtest_filter=*Throughput*.
TEST_F(SystemEnvironmentTest, DISABLED_Throughput) {
  constexpr std::size_t kTotal = 500'000;
  const Bytes data(1232);
  for (const bool offload : {true, false}) {
    refuse_offload = !offload;
    std::size_t sent = 0, received = 0;
    const auto receiver =
        open(kLoopback4, {[&](std::span<const IncomingDatagram> batch) { received += batch.size(); }, {}});
    const auto sender = open(kLoopback4, {});
    const std::vector<OutgoingDatagram> batch(64, OutgoingDatagram{receiver->local_endpoint(), data});
    const std::function<void()> go_on = [&] {
      sent += sender->send(batch);
      if (sent < kTotal) {
        environment_.post(go_on);
      } else {
        environment_.stop();
      }
    };
    const auto begin = std::chrono::steady_clock::now();
    environment_.post(go_on);
    environment_.run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%s segmentation: %.2f M datagrams/s of 1,232 B sent and received on one thread; %zu of %zu received\n",
                offload ? "with" : "without", static_cast<double>(sent) / took.count() / 1e6, received, sent);
  }
}

}  // namespace
}  // namespace quantumgate::platform
