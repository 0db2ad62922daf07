// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>

#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "crypto/aead.hpp"
#include "crypto/system_random.hpp"
#include "quantumgate/quantumgate.h"

namespace quantumgate::bench {
namespace {

constexpr const char* kSink = "org.quantumgate.bench.sink/1";
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::chrono::seconds kDuration{2};
constexpr std::uint32_t kPacketSize = 1350;

NodeOptions options() {
  NodeOptions options;
  options.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
  options.packet_size = kPacketSize;
  return options;
}

// Reads all there is and ends its direction when the other has ended.
std::shared_ptr<Extender> sink() {
  return make_extender(kSink, {.on_stream = [](std::shared_ptr<Stream> stream) {
                         auto block = std::make_shared<Bytes>(kBlock);
                         stream->on_readable([stream, block] {
                           while (stream->read(*block) > 0) continue;
                           if (stream->at_end()) stream->finish();
                         });
                       }});
}

// Writes for `duration`, then finishes; the rate up to the acknowledgement of the last byte.
class Source {
 public:
  explicit Source(std::chrono::nanoseconds duration) : duration_(duration), block_(kBlock) {
    crypto::SystemRandom().fill(block_);
  }

  double run(Node& node, const Address& address) {
    node.connect(address, {}, [&](Result<Peer> peer) {
      CHECK(peer.has_value());
      auto stream = node.open_stream(peer->uuid, kSink, {});
      CHECK(stream.has_value());
      stream_ = *stream;
      stream_->on_writable([this] { write(); });
      stream_->on_closed([this](std::optional<Error> error, std::uint64_t) {
        CHECK(!error);
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin_;
        done_.set_value(8e-9 * static_cast<double>(bytes_) / time.count());
      });
      begin_ = std::chrono::steady_clock::now();
      write();
    });
    return done_.get_future().get();
  }

 private:
  void write() {
    for (;;) {
      if (std::chrono::steady_clock::now() - begin_ > duration_) return stream_->finish();
      const std::size_t taken = stream_->write(BytesView(block_).subspan(at_));
      bytes_ += taken;
      at_ = (at_ + taken) % block_.size();
      if (at_ != 0) return;
    }
  }

  const std::chrono::nanoseconds duration_;
  Bytes block_;
  std::size_t at_ = 0;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point begin_;
  std::shared_ptr<Stream> stream_;
  std::promise<double> done_;
};

Measured measure(const Address& address) {
  auto node = Node::start(Identity::generate(), options());
  CHECK(node.has_value());
  return {Source(kDuration).run(**node, address), std::nullopt};
}

// This program again, as serve_streams().
class Server {
 public:
  Server() {
    int in[2], out[2];
    CHECK(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    char name[] = "qg_bench", what[] = "serve_streams";
    char* const arguments[] = {name, what, nullptr};
    CHECK(::posix_spawn(&child_, "/proc/self/exe", &actions, nullptr, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    end_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    const auto address = Address::parse(line);
    CHECK(address.has_value());
    address_ = *address;
  }
  ~Server() {
    ::close(end_);
    ::waitpid(child_, nullptr, 0);
  }
  const Address& address() const { return address_; }

 private:
  pid_t child_ = 0;
  int end_ = -1;
  Address address_;
};

}  // namespace

int serve_streams() {
  auto node = Node::start(Identity::generate(), options(), {sink()});
  CHECK(node.has_value());
  std::printf("%s\n", (*node)->address().to_string().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return 0;
}

Measured stream_inproc_gbps() {
  auto node = Node::start(Identity::generate(), options(), {sink()});
  CHECK(node.has_value());
  return measure((*node)->address());
}

Measured stream_2proc_gbps() {
  const Server server;
  return measure(server.address());
}

Measured stream_2proc_openssl_gbps() {
  CHECK(::setenv("QG_BENCH_OPENSSL", "1", 1) == 0);  // for the second process
  crypto::use_aead_library(crypto::AeadLibrary::openssl);
  return stream_2proc_gbps();
}

}  // namespace quantumgate::bench
