// SPDX-License-Identifier: MIT
// Beast parses on both sides; heads are written by hand, which keeps its costly serializers out of the build.
#include "control/http.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

namespace quantumgate::control {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = asio::local::stream_protocol::socket;

class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return value_; }
  int release() noexcept { return std::exchange(value_, -1); }

 private:
  int value_;
};

tl::unexpected<Error> system_failure(const char* doing) {
  switch (errno) {
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::not_found, doing, errno);
    case EACCES:
    case EPERM:
      return fail(ErrorCode::permission_denied, doing, errno);
    case EADDRINUSE:
      return fail(ErrorCode::address_in_use, doing, errno);
    case ECONNREFUSED:
      return fail(ErrorCode::closed, doing, errno);
    default:
      return fail(ErrorCode::system, doing, errno);
  }
}

Result<sockaddr_un> unix_address(const std::filesystem::path& path) {
  const std::string& text = path.native();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (text.empty() || text.size() >= sizeof address.sun_path || text.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "naming the control socket (at most 107 bytes)");
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

bool is_own_or_root(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

Result<int> connect_to(const std::filesystem::path& path) {
  const auto address = unix_address(path);
  if (!address) return fail(address.error());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return system_failure("making a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return system_failure("connecting to the control socket");
  }
  return socket.release();
}

struct Listening {
  int socket;
  dev_t device;
  ino_t inode;  // tells our socket file from one that replaced it
};

Result<Listening> listen_on(const std::filesystem::path& path) {
  const auto address = unix_address(path);
  if (!address) return fail(address.error());
  // The lock on the folder makes "nobody answers, so remove and bind" one step among nodes that start together.
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() < 0) return system_failure("opening the folder of the control socket");
  if (::flock(lock.get(), LOCK_EX) != 0) return system_failure("locking the folder of the control socket");

  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return fail(ErrorCode::exists, "making the control socket");
    const auto answered = connect_to(path);
    if (answered) {
      ::close(*answered);
      return fail(ErrorCode::address_in_use, "making the control socket");
    }
    if (answered.error().code != ErrorCode::closed) return fail(answered.error());
    if (::unlink(path.c_str()) != 0) return system_failure("removing a stale control socket");
  }
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return system_failure("making a socket");
  // On Linux the file takes the mode that the socket has when it is bound, so it is never open to others.
  if (::fchmod(socket.get(), 0600) != 0) return system_failure("making the control socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::stat(path.c_str(), &info) != 0 || ::listen(socket.get(), 64) != 0) {
    return system_failure("making the control socket");
  }
  return Listening{socket.release(), info.st_dev, info.st_ino};
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Answer";
  }
}

std::string one_object(int status, std::string_view json) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " " + reason_phrase(status) +
                     "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(json.size() + 1) +
                     "\r\nConnection: close\r\n\r\n";
  text += json;
  text += '\n';
  return text;
}

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
    "Connection: close\r\n\r\n";

std::string chunk(std::string_view json) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t left = json.size() + 1; left != 0; left >>= 4) text.insert(text.begin(), kDigits[left & 15]);
  text += "\r\n";
  text += json;
  text += "\n\r\n";
  return text;
}

std::string plain_error(const char* message) {
  return std::string(R"({"error":{"code":"usage","message":")") + message + R"("}})";
}

class Connection;

// How other threads reach the server's thread, for as long as there is one.
class Mailbox {
 public:
  explicit Mailbox(asio::io_context& io) : io_(&io) {}
  template <class Work>
  void post(Work work) {
    const std::lock_guard guard(mutex_);
    if (io_ != nullptr) asio::post(*io_, std::move(work));
  }
  void close() {
    const std::lock_guard guard(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* io_;
};

// What an Exchange needs to know at once, from any thread.
struct Progress {
  std::atomic<bool> over{false};
  std::atomic<std::size_t> queued_bytes{0};
};

class ExchangeHandle final : public Exchange {
 public:
  ExchangeHandle(std::shared_ptr<Mailbox> mailbox, std::shared_ptr<Progress> progress,
                 std::weak_ptr<Connection> connection)
      : mailbox_(std::move(mailbox)), progress_(std::move(progress)), connection_(std::move(connection)) {}
  ~ExchangeHandle() override;
  void reply(int status, std::string json) override;
  bool push(std::string json) override;
  void end() override;
  void on_cancel(std::function<void()> callback) override;

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Progress> progress_;
  std::weak_ptr<Connection> connection_;  // locked on the server's thread only
};

// One accepted connection: reads one request, writes one answer, closes. All on the server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::shared_ptr<Mailbox> mailbox,
             std::function<void(const std::shared_ptr<Connection>&)> gone)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        mailbox_(std::move(mailbox)),
        gone_(std::move(gone)) {
    parser_.header_limit(kHeaderBytesMax);
    parser_.body_limit(kBodyBytesMax);
    parser_.eager(true);
  }

  void start(const Handler& handler) {
    timer_.expires_after(kRequestTimeLimit);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
    read_request(handler);
  }

  void refuse(int status, const char* message) { finish_with(one_object(status, plain_error(message))); }

  void reply(int status, const std::string& json) {
    if (!answering_ || streaming_) return;
    finish_with(one_object(status, json));
  }

  void push(const std::string& json) {
    if (!answering_) return;
    begin_stream();
    write(chunk(json));
  }

  void end() {
    if (!answering_) return;
    begin_stream();
    finish_with("0\r\n\r\n");
  }

  // The handler let go without an answer.
  void abandoned() {
    if (!answering_) return;
    if (streaming_) return close();
    finish_with(one_object(500, R"({"error":{"code":"failure","message":"the node gave no answer"}})"));
  }

  void on_cancel(std::function<void()> callback) {
    if (closed_) {
      callback();
    } else if (answering_) {
      cancel_ = std::move(callback);
    }
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    progress_->over = true;
    error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
    if (answering_) {
      answering_ = false;
      if (const auto cancel = std::exchange(cancel_, {})) cancel();
    }
    gone_(shared_from_this());
  }

 private:
  void read_request(const Handler& handler) {
    socket_.async_read_some(asio::buffer(input_),
                            [self = shared_from_this(), &handler](error_code error, std::size_t n) {
                              if (self->closed_) return;
                              if (error) return self->close();
                              self->take(n, handler);
                            });
  }

  void take(std::size_t size, const Handler& handler) {
    pending_.append(input_.data(), size);
    error_code error;
    const std::size_t used = parser_.put(asio::buffer(pending_), error);
    pending_.erase(0, used);
    if (error == http::error::need_more) error = {};
    if (error == http::error::header_limit || pending_.size() > kHeaderBytesMax) return refuse(431, "header too long");
    if (error == http::error::body_limit) return refuse(413, "body too long");
    if (error) return refuse(400, "not an HTTP request");
    if (!parser_.is_done()) return read_request(handler);

    timer_.cancel();
    answering_ = true;
    watch();
    Request request{std::string(parser_.get().method_string()), std::string(parser_.get().target()),
                    std::move(parser_.get().body())};
    handler(std::move(request), std::make_shared<ExchangeHandle>(mailbox_, progress_, weak_from_this()));
  }

  // Waits for the client to leave. It has nothing more to say on this connection, so bytes count as leaving too.
  void watch() {
    socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](error_code, std::size_t) {
      if (!self->last_) self->close();
    });
  }

  void begin_stream() {
    if (std::exchange(streaming_, true)) return;
    write(std::string(kStreamHead));
  }

  void finish_with(std::string text) {
    answering_ = false;
    cancel_ = {};
    last_ = true;
    progress_->over = true;
    // A client that does not take its answer must not hold the place.
    timer_.expires_after(kRequestTimeLimit);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->close();
    });
    write(std::move(text));
  }

  void write(std::string text) {
    if (closed_) return;
    progress_->queued_bytes += text.size();
    output_.push_back(std::move(text));
    if (output_.size() == 1) write_next();
  }

  void write_next() {
    asio::async_write(socket_, asio::buffer(output_.front()),
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (self->closed_) return;
                        if (error) return self->close();
                        self->progress_->queued_bytes -= self->output_.front().size();
                        self->output_.pop_front();
                        if (!self->output_.empty()) return self->write_next();
                        if (self->last_) self->close();
                      });
  }

  Socket socket_;
  asio::steady_timer timer_;
  std::shared_ptr<Mailbox> mailbox_;
  std::function<void(const std::shared_ptr<Connection>&)> gone_;
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  http::request_parser<http::string_body> parser_;
  std::array<char, 8192> input_;
  std::string pending_;
  std::deque<std::string> output_;  // bound: kQueueBytesMax, kept by ExchangeHandle::push
  std::function<void()> cancel_;
  bool answering_ = false;  // the handler has the request and has not ended its answer
  bool streaming_ = false;
  bool last_ = false;  // close once everything is written
  bool closed_ = false;
};

ExchangeHandle::~ExchangeHandle() {
  if (progress_->over) return;
  mailbox_->post([connection = connection_] {
    if (const auto live = connection.lock()) live->abandoned();
  });
}

void ExchangeHandle::reply(int status, std::string json) {
  mailbox_->post([connection = connection_, status, json = std::move(json)] {
    if (const auto live = connection.lock()) live->reply(status, json);
  });
}

bool ExchangeHandle::push(std::string json) {
  if (progress_->over) return false;
  if (progress_->queued_bytes > kQueueBytesMax) {
    mailbox_->post([connection = connection_] {
      if (const auto live = connection.lock()) live->close();
    });
    return false;
  }
  // Counted when it is posted, so that a fast producer is held back too; write() counts what is on its way.
  progress_->queued_bytes += json.size();
  mailbox_->post([connection = connection_, progress = progress_, json = std::move(json)] {
    progress->queued_bytes -= json.size();
    if (const auto live = connection.lock()) live->push(json);
  });
  return true;
}

void ExchangeHandle::end() {
  mailbox_->post([connection = connection_] {
    if (const auto live = connection.lock()) live->end();
  });
}

void ExchangeHandle::on_cancel(std::function<void()> callback) {
  mailbox_->post([connection = connection_, callback = std::move(callback)]() mutable {
    if (const auto live = connection.lock()) {
      live->on_cancel(std::move(callback));
    } else {
      callback();
    }
  });
}

class UnixServer final : public Server {
 public:
  UnixServer(std::filesystem::path path, Listening listening, Handler handler)
      : path_(std::move(path)),
        listening_(listening),
        handler_(std::move(handler)),
        acceptor_(io_),
        retry_(io_),
        mailbox_(std::make_shared<Mailbox>(io_)) {
    acceptor_.assign(asio::local::stream_protocol(), listening.socket);
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~UnixServer() override {
    asio::post(io_, [this] {
      error_code ignored;
      stopping_ = true;
      retry_.cancel();
      // The file goes first: whoever connects later learns at once that nobody is here.
      struct stat info {};
      if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == listening_.device && info.st_ino == listening_.inode) {
        ::unlink(path_.c_str());
      }
      acceptor_.close(ignored);
      const auto connections = connections_;
      for (const auto& connection : connections) connection->close();  // with no work left, the thread ends
    });
    thread_.join();
    mailbox_->close();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, Socket socket) {
      if (stopping_) return;
      if (error) {
        // Out of descriptors, most likely: wait, or this would spin.
        retry_.expires_after(std::chrono::milliseconds(100));
        retry_.async_wait([this](error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      if (is_own_or_root(socket.native_handle())) {
        const auto connection = std::make_shared<Connection>(
            std::move(socket), mailbox_, [this](const std::shared_ptr<Connection>& gone) { connections_.erase(gone); });
        const bool full = connections_.size() >= kConnectionsMax;
        connections_.insert(connection);
        if (full) {
          connection->refuse(503, "too many connections");
        } else {
          connection->start(handler_);
        }
      }
      accept();
    });
  }

  std::filesystem::path path_;
  Listening listening_;
  Handler handler_;
  asio::io_context io_{1};
  asio::local::stream_protocol::acceptor acceptor_;
  asio::steady_timer retry_;
  std::shared_ptr<Mailbox> mailbox_;
  std::set<std::shared_ptr<Connection>> connections_;
  bool stopping_ = false;
  std::thread thread_;
};

Result<void> send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    // A server that refuses early has its answer ready; what could not be sent does not matter then.
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return {};
    if (sent < 0) return system_failure("sending to the node");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const std::filesystem::path& socket, Handler handler) {
  const auto listening = listen_on(socket);
  if (!listening) return fail(listening.error());
  return std::unique_ptr<Server>(new UnixServer(socket, *listening, std::move(handler)));
}

Result<std::unique_ptr<Call>> Call::open(const std::filesystem::path& socket) {
  const auto connected = connect_to(socket);
  if (!connected) return fail(connected.error());
  std::unique_ptr<Call> call(new Call(*connected));
  if (!is_own_or_root(*connected)) return fail(ErrorCode::not_authentic, "connecting to the control socket");
  return call;
}

Call::~Call() { ::close(socket_); }

void Call::stop() noexcept {
  stopped_ = true;
  ::shutdown(socket_, SHUT_RDWR);
}

Result<Reply> Call::run(std::string_view method, std::string_view path, std::string_view body,
                        std::function<bool(std::string_view line)> on_line,
                        std::optional<std::chrono::milliseconds> time_limit) {
  std::string head(method);
  head.append(" ").append(path).append(
      " HTTP/1.1\r\nHost: qgate\r\nContent-Type: application/json\r\nContent-Length: ");
  head.append(std::to_string(body.size())).append("\r\nConnection: close\r\n\r\n").append(body);
  if (const auto sent = send_all(socket_, head); !sent) return fail(sent.error());

  const auto deadline = time_limit ? std::optional(std::chrono::steady_clock::now() + *time_limit) : std::nullopt;
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytesMax);
  parser.body_limit(boost::none);  // bounded below: a stream may be endless, what is kept of it may not
  parser.eager(true);
  std::string pending;
  std::string lines;
  std::array<char, 16384> input;
  while (!parser.is_done()) {
    int wait_ms = -1;
    if (deadline) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      wait_ms = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    pollfd ready{socket_, POLLIN, 0};
    const int polled = ::poll(&ready, 1, wait_ms);
    if (polled < 0 && errno == EINTR) continue;
    if (polled < 0) return system_failure("waiting for the node");
    if (polled == 0) return fail(ErrorCode::timed_out, "waiting for the node");
    const ssize_t size = ::recv(socket_, input.data(), input.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0 && stopped_) return fail(ErrorCode::closed, "reading the node's answer");
    if (size <= 0) return fail(ErrorCode::closed_by_peer, "reading the node's answer");

    pending.append(input.data(), static_cast<std::size_t>(size));
    error_code error;
    while (!pending.empty() && !parser.is_done()) {
      const std::size_t used = parser.put(asio::buffer(pending), error);
      pending.erase(0, used);
      if (error || used == 0) break;
    }
    if (error == http::error::need_more) error = {};
    if (error) return fail(ErrorCode::malformed, "reading the node's answer");
    if (!parser.is_header_done()) continue;

    std::string& got = parser.get().body();
    if (parser.chunked()) {
      lines += got;
      got.clear();
      std::size_t start = 0;
      for (std::size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n', start)) {
        const std::string_view line(lines.data() + start, end - start);
        start = end + 1;
        if (on_line && !on_line(line)) return fail(ErrorCode::closed, "reading the node's answer");
      }
      lines.erase(0, start);
    }
    if (lines.size() > kReplyBytesMax || got.size() > kReplyBytesMax) {
      return fail(ErrorCode::limit, "reading the node's answer");
    }
  }
  return Reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace quantumgate::control
