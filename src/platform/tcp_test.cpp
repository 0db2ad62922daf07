// SPDX-License-Identifier: MIT
// Goal: the system's TCP keeps the promises of node/environment.hpp.
// Method: real connections on 127.0.0.1. Each test runs the loop until what it waits for has happened; a watchdog ends
// it if that never does. accept4 is replaced, so that a test can make it refuse.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "platform/system_environment.hpp"

namespace {
std::atomic<int> refuse_accepts = 0;  // so many calls of accept4 find no descriptor
}  // namespace

extern "C" int accept4(int descriptor, sockaddr* address, socklen_t* size, int flags) {
  if (refuse_accepts > 0) {
    --refuse_accepts;
    errno = EMFILE;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_accept4, descriptor, address, size, flags));
}

namespace quantumgate::platform {
namespace {

using namespace std::chrono_literals;
using node::TcpCallbacks;
using node::TcpConnection;

const Endpoint kLoopback = Endpoint::v4(127, 0, 0, 1, 0);

// One end and what has happened to it.
struct End {
  std::unique_ptr<TcpConnection> connection;
  Bytes received;
  int opened = 0, writable = 0, closed = 0;
};

struct TcpTest : testing::Test {
  SystemEnvironment environment;
  std::unique_ptr<node::Timer> watchdog;
  std::unique_ptr<node::TcpListener> listener;
  End opener, acceptor;
  std::function<void()> after;  // each callback

  TcpTest() {
    watchdog = environment.make_timer([this] {
      ADD_FAILURE() << "what the test waits for did not happen";
      environment.stop();
    });
    watchdog->set(environment.now() + 60s);
  }

  TcpCallbacks callbacks_of(End& end) {
    const auto done = [this] {
      if (after) after();
    };
    return {[&end, done] {
              ++end.opened;
              done();
            },
            [&end, done](MutableBytesView bytes) {
              EXPECT_LE(bytes.size(), node::kTcpReceiveMax);
              end.received.insert(end.received.end(), bytes.begin(), bytes.end());
              done();
            },
            [&end, done] {
              ++end.writable;
              done();
            },
            [&end, done] {
              ++end.closed;
              done();
            }};
  }
  void listen() {
    auto opened = environment.open_tcp_listener(kLoopback, [this](std::unique_ptr<TcpConnection> connection) {
      acceptor.connection = std::move(connection);
      return callbacks_of(acceptor);
    });
    ASSERT_TRUE(opened);
    listener = std::move(*opened);
  }
  void open(const Endpoint& to) { opener.connection = environment.open_tcp(to, callbacks_of(opener)); }
  void run_until(std::function<bool()> done) {
    after = [this, done = std::move(done)] {
      if (done()) environment.stop();
    };
    environment.run();
  }
};

TEST_F(TcpTest, BytesGoBothWaysAndTheEndIsTold) {
  listen();
  open(listener->local_endpoint());
  EXPECT_EQ(opener.connection->write(as_bytes("early")), 0u) << "it is not open yet";
  run_until([&] { return opener.opened == 1; });
  EXPECT_EQ(opener.connection->remote_endpoint(), listener->local_endpoint());
  EXPECT_EQ(opener.connection->write(as_bytes("ping")), 4u);
  run_until([&] { return as_text(acceptor.received) == "ping"; });
  EXPECT_TRUE(acceptor.connection->remote_endpoint().is_v4());
  EXPECT_EQ(acceptor.connection->write(as_bytes("pong")), 4u);
  run_until([&] { return as_text(opener.received) == "pong"; });
  acceptor.connection.reset();
  run_until([&] { return opener.closed == 1; });
  EXPECT_EQ(opener.connection->write(as_bytes("late")), 0u);
  EXPECT_EQ(acceptor.closed, 0) << "who closes knows it";
}

TEST_F(TcpTest, WhereNobodyListensItIsClosed) {
  listen();
  const Endpoint nobody = listener->local_endpoint();
  listener.reset();
  open(nobody);
  run_until([&] { return opener.closed == 1; });
  EXPECT_EQ(opener.opened, 0);
}

TEST_F(TcpTest, WhatCanNotEvenBeTriedIsClosedLater) {
  open(*Endpoint::parse("255.255.255.255:9"));
  EXPECT_EQ(opener.closed, 0) << "not inside the call";
  run_until([&] { return opener.closed == 1; });
}

TEST_F(TcpTest, APortIsTakenOnce) {
  listen();
  const auto second = environment.open_tcp_listener(listener->local_endpoint(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::address_in_use);
}

TEST_F(TcpTest, AWriterIsHeldBackAndLosesNothing) {
  listen();
  open(listener->local_endpoint());
  constexpr std::size_t kSize = 32 << 20;  // more than the buffers of both sides together
  std::size_t written = 0, short_writes = 0;
  const auto write = [&] {
    Bytes piece(50'000);
    while (written < kSize) {
      for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = static_cast<std::byte>((written + i) * 7 / 3);
      const std::size_t taken =
          opener.connection->write(BytesView(piece).first(std::min(piece.size(), kSize - written)));
      written += taken;
      if (taken < piece.size()) {
        ++short_writes;
        return;
      }
    }
  };
  int served = 0;
  run_until([&] {
    if (opener.opened + opener.writable > served) {
      served = opener.opened + opener.writable;
      write();
    }
    return acceptor.received.size() == kSize;
  });
  EXPECT_GT(short_writes, 0u);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kSize; ++i) wrong += acceptor.received[i] != static_cast<std::byte>(i * 7 / 3);
  EXPECT_EQ(wrong, 0u);
}

TEST_F(TcpTest, WhoAcceptsMayLetGoAtOnce) {
  auto opened = environment.open_tcp_listener(kLoopback, [](std::unique_ptr<TcpConnection>) { return TcpCallbacks{}; });
  ASSERT_TRUE(opened);
  open((*opened)->local_endpoint());
  run_until([&] { return opener.closed == 1; });
}

TEST_F(TcpTest, AConnectionWaitsWhileTheSystemHasNoDescriptor) {
  refuse_accepts = 2;
  listen();
  open(listener->local_endpoint());
  run_until([&] {
    if (opener.opened == 1 && opener.connection->write(as_bytes("x")) == 1) opener.opened = 2;
    return acceptor.received.size() == 1;
  });
  EXPECT_EQ(refuse_accepts, 0);
}

TEST_F(TcpTest, ACallbackMayDestroyItsConnection) {
  listen();
  open(listener->local_endpoint());
  run_until([&] {
    if (opener.opened == 1) opener.connection.reset();
    return acceptor.closed == 1;
  });
  acceptor.connection.reset();
}

}  // namespace
}  // namespace quantumgate::platform
