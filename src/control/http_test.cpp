// SPDX-License-Identifier: MIT
// Goal: the control protocol answers what it promises and survives clients that leave, dawdle or talk rubbish.
// Method: a real server on a socket in a fresh folder, our client, and raw sockets for what our client never does.
#include "control/http.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace quantumgate::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/qg_control_XXXXXX";
    folder_ = ::mkdtemp(name);
    socket_ = folder_ / "node.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Server> serve(Handler handler) {
    auto server = Server::start(socket_, std::move(handler));
    EXPECT_TRUE(server) << (server ? "" : server.error().doing);
    return server ? std::move(*server) : nullptr;
  }

  Result<Reply> ask(std::string_view method, std::string_view path, std::string_view body = "",
                    std::function<bool(std::string_view)> on_line = {}) {
    auto call = Call::open(socket_);
    if (!call) return fail(call.error());
    return (*call)->run(method, path, body, std::move(on_line), std::chrono::seconds(60));
  }

  int raw_connection() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(0, ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    return fd;
  }

  std::string raw(std::string_view request) const {
    const int fd = raw_connection();
    while (!request.empty()) {
      const ssize_t n = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      request.remove_prefix(static_cast<std::size_t>(n));
    }
    std::string answer;
    char piece[4096];
    for (ssize_t n = 0; (n = ::recv(fd, piece, sizeof piece, 0)) > 0;)
      answer.append(piece, static_cast<std::size_t>(n));
    ::close(fd);
    return answer;
  }

  std::filesystem::path folder_;
  std::filesystem::path socket_;
};

void echo(Request request, std::shared_ptr<Exchange> exchange) {
  exchange->reply(200, request.method + " " + request.path + " " + request.body);
}

TEST_F(ControlTest, AnswersOneObject) {
  const auto server = serve(echo);
  const auto reply = ask("POST", "/v1/x?y=z", R"({"a":1})");
  ASSERT_TRUE(reply) << reply.error().doing;
  EXPECT_EQ(200, reply->status);
  EXPECT_EQ("POST /v1/x?y=z {\"a\":1}\n", reply->body);
}

TEST_F(ControlTest, TakesTheLargestBody) {
  const auto server =
      serve([](Request request, auto exchange) { exchange->reply(200, std::to_string(request.body.size())); });
  const auto reply = ask("POST", "/", std::string(kBodyBytesMax, 'x'));
  ASSERT_TRUE(reply);
  EXPECT_EQ("65536\n", reply->body);
}

TEST_F(ControlTest, StreamsObjectsFromAnotherThread) {
  std::thread producer;
  const auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    producer = std::thread([exchange] {
      for (int i = 0; i < 1000; ++i) exchange->push(std::to_string(i));
      exchange->end();
    });
  });
  std::vector<std::string> lines;
  const auto reply = ask("GET", "/", "", [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  producer.join();
  ASSERT_TRUE(reply) << reply.error().doing;
  ASSERT_EQ(1000u, lines.size());
  EXPECT_EQ("0", lines.front());
  EXPECT_EQ("999", lines.back());
}

TEST_F(ControlTest, AnEmptyStreamEnds) {
  const auto server = serve([](Request, auto exchange) { exchange->end(); });
  const auto reply = ask("GET", "/");
  ASSERT_TRUE(reply);
  EXPECT_EQ(200, reply->status);
}

TEST_F(ControlTest, TellsTheHandlerWhenTheClientLeaves) {
  std::promise<void> cancelled;
  std::shared_ptr<Exchange> held;
  const auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    exchange->on_cancel([&] { cancelled.set_value(); });
    exchange->push("1");
    held = exchange;
  });
  const auto reply = ask("GET", "/", "", [](std::string_view) { return false; });
  ASSERT_FALSE(reply);
  EXPECT_EQ(ErrorCode::closed, reply.error().code);
  cancelled.get_future().wait();
  EXPECT_FALSE(held->push("2"));
}

TEST_F(ControlTest, AHandlerThatLetsGoAnswers500) {
  const auto server = serve([](Request, auto) {});
  const auto reply = ask("GET", "/");
  ASSERT_TRUE(reply);
  EXPECT_EQ(500, reply->status);
}

TEST_F(ControlTest, DropsAClientThatDoesNotRead) {
  std::promise<void> refused;
  std::thread producer;
  const auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    producer = std::thread([&refused, exchange] {
      while (exchange->push(std::string(10'000, 'x'))) {
      }
      refused.set_value();
    });
  });
  const int fd = raw_connection();
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(static_cast<ssize_t>(request.size()), ::send(fd, request.data(), request.size(), 0));
  refused.get_future().wait();
  producer.join();
  ::close(fd);
}

TEST_F(ControlTest, RefusesWhatIsTooLongOrNoHttp) {
  const auto server = serve(echo);
  EXPECT_THAT(raw("GET /" + std::string(kHeaderBytesMax, 'a') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + std::string(0x20000, 'x') +
                  "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw(std::string("\0\xff\x01 rubbish\r\n\r\n", 15)), StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(ask("GET", "/"));
}

TEST_F(ControlTest, ByteByByteIsUnderstood) {
  const auto server = serve(echo);
  const int fd = raw_connection();
  for (const char c : std::string_view("POST /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")) {
    ASSERT_EQ(1, ::send(fd, &c, 1, 0));
  }
  char answer[4096];
  std::string text;
  for (ssize_t n = 0; (n = ::recv(fd, answer, sizeof answer, 0)) > 0;) text.append(answer, static_cast<std::size_t>(n));
  ::close(fd);
  EXPECT_THAT(text, HasSubstr("POST /p hi"));
}

TEST_F(ControlTest, AnswersOnlySoManyAtOnce) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;
  const auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    exchange->push("1");
    const std::lock_guard guard(mutex);
    held.push_back(std::move(exchange));
  });
  std::vector<int> clients;
  for (std::size_t i = 0; i < kConnectionsMax; ++i) clients.push_back(raw_connection());
  EXPECT_THAT(raw("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 503"));
  for (const int fd : clients) ::close(fd);
}

TEST_F(ControlTest, StoppingBreaksStreamsOffAndRemovesTheSocket) {
  std::promise<void> cancelled;
  std::shared_ptr<Exchange> held;
  auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    exchange->on_cancel([&] { cancelled.set_value(); });
    exchange->push("1");
    held = exchange;
  });
  std::promise<void> started;
  std::thread client([&] {
    const auto reply = ask("GET", "/", "", [&](std::string_view) {
      started.set_value();
      return true;
    });
    EXPECT_FALSE(reply);
  });
  started.get_future().wait();
  server.reset();
  cancelled.get_future().wait();
  client.join();
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_FALSE(held->push("2"));  // an exchange may outlive its server
  EXPECT_EQ(ErrorCode::not_found, Call::open(socket_).error().code);
}

TEST_F(ControlTest, ACallCanBeStopped) {
  std::shared_ptr<Exchange> held;
  std::promise<void> asked;
  const auto server = serve([&](Request, std::shared_ptr<Exchange> exchange) {
    held = std::move(exchange);
    asked.set_value();
  });
  auto call = Call::open(socket_);
  ASSERT_TRUE(call);
  std::thread stopper([&] {
    asked.get_future().wait();
    (*call)->stop();
  });
  const auto reply = (*call)->run("GET", "/", "");
  stopper.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(ErrorCode::closed, reply.error().code);
}

TEST_F(ControlTest, TheSocketFileIsPrivate) {
  const auto server = serve(echo);
  struct stat info {};
  ASSERT_EQ(0, ::stat(socket_.c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777u);
}

TEST_F(ControlTest, ReplacesAStaleSocketOnly) {
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(0, ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    ::close(fd);  // bound, never removed: what a killed node leaves
  }
  EXPECT_EQ(ErrorCode::closed, Call::open(socket_).error().code);
  const auto server = serve(echo);
  EXPECT_EQ(ErrorCode::address_in_use, Server::start(socket_, echo).error().code);
  EXPECT_TRUE(ask("GET", "/"));

  const auto file = folder_ / "file";
  std::ofstream(file) << "keep me";
  EXPECT_EQ(ErrorCode::exists, Server::start(file, echo).error().code);
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_EQ(ErrorCode::not_found, Server::start(folder_ / "absent" / "s", echo).error().code);
  EXPECT_EQ(ErrorCode::invalid_argument, Server::start(folder_ / std::string(120, 'x'), echo).error().code);
}

}  // namespace
}  // namespace quantumgate::control
