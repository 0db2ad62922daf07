// SPDX-License-Identifier: MIT
// The local control protocol: HTTP/1.1 on a Unix socket, one request per connection, JSON text in and out. A reply is
// one object, or a stream of objects, one per line, that lasts until either side ends it.
// Spec: docs/spec/control.md.   Layer: control. The only place that includes Boost.Beast is http.cpp.
// Threads: the server has its own; handlers are called on it. An Exchange may be used from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "quantumgate/result.h"

namespace quantumgate::control {

inline constexpr std::size_t kHeaderBytesMax = 8 * 1024;      // request line and header fields
inline constexpr std::size_t kBodyBytesMax = 64 * 1024;       // of a request
inline constexpr std::size_t kReplyBytesMax = 1024 * 1024;    // one reply object, or one line, as a client takes it
inline constexpr std::size_t kQueueBytesMax = 1024 * 1024;    // written and not yet taken by the client, per connection
inline constexpr std::size_t kConnectionsMax = 64;            // more are answered 503
inline constexpr std::chrono::seconds kRequestTimeLimit{10};  // for a whole request to arrive

struct Request {
  std::string method;  // "GET", "POST", "DELETE"
  std::string path;    // "/v1/status": the target as it came, at most kHeaderBytesMax
  std::string body;    // JSON text, not parsed yet
};

// One request that is being answered. Destroying it without an answer answers 500, or breaks a stream off.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Answers with one JSON object and ends. Ignored after push() or another reply().
  virtual void reply(int status, std::string json) = 0;
  // Adds one JSON object (no line feed inside) to a streamed answer of status 200. False when nobody reads any more:
  // the client has left, was too slow (kQueueBytesMax), or the server stops.
  virtual bool push(std::string json) = 0;
  // Ends a streamed answer; also one without objects.
  virtual void end() = 0;
  // Called once, on the server's thread, when the client leaves or the server stops before the answer has ended; at
  // once if that happened already. Dropped when the answer ends.
  virtual void on_cancel(std::function<void()> callback) = 0;
};

// Called on the server's thread for each request; must not block.
using Handler = std::function<void(Request request, std::shared_ptr<Exchange> exchange)>;

class Server {
 public:
  // Listens on `socket` (at most 107 bytes), a file of mode 0600; its folder must exist. A socket file that nobody
  // answers on is replaced. Only processes of this user, or root, are served.
  // Errors: address_in_use (someone answers there), exists (a file that is no socket), not_found, permission_denied,
  // invalid_argument (path too long), system.
  static Result<std::unique_ptr<Server>> start(const std::filesystem::path& socket, Handler handler);

  // Breaks off what is still being answered, removes the socket file and waits for the thread.
  virtual ~Server() = default;

 protected:
  Server() = default;
};

struct Reply {
  int status = 0;
  std::string body;  // empty after a streamed answer
};

// One request of a client, blocking. Used by one thread; only stop() may come from another.
class Call {
 public:
  // Errors: not_found (no socket file), closed (nobody answers on it), permission_denied, not_authentic (the server is
  // another user's), invalid_argument, system.
  static Result<std::unique_ptr<Call>> open(const std::filesystem::path& socket);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Sends the request and waits for the whole answer. Each object of a streamed answer is given to `on_line`, which
  // returns false to leave. May be called once.
  // Errors: closed (stop() was called, or `on_line` left), closed_by_peer (the answer broke off), timed_out, malformed,
  // limit, system.
  Result<Reply> run(std::string_view method, std::string_view path, std::string_view body,
                    std::function<bool(std::string_view line)> on_line = {},
                    std::optional<std::chrono::milliseconds> time_limit = {});

  // Makes run() return `closed`. Any thread.
  void stop() noexcept;

 private:
  explicit Call(int socket) noexcept : socket_(socket) {}

  int socket_;
  std::atomic<bool> stopped_{false};
};

}  // namespace quantumgate::control
