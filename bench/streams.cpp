// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>

#include "base/check.hpp"
#include "bench/measurements.hpp"
#include "bench/peer_process.hpp"
#include "crypto/aead.hpp"
#include "crypto/system_random.hpp"
#include "quantumgate/quantumgate.h"

namespace quantumgate::bench {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
constexpr std::chrono::seconds kDuration{2};

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
      const BytesView rest = BytesView(block_).subspan(at_);
      const std::size_t taken = stream_->write(rest);
      bytes_ += taken;
      at_ = (at_ + taken) % block_.size();
      if (taken < rest.size()) return;  // on_writable comes
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
  auto node = Node::start(Identity::generate(), node_options());
  CHECK(node.has_value());
  return {Source(kDuration).run(**node, address), std::nullopt};
}

}  // namespace

Measured stream_inproc_gbps() {
  auto node = Node::start(Identity::generate(), node_options(), serving_extenders());
  CHECK(node.has_value());
  return measure((*node)->address());
}

Measured stream_2proc_gbps() {
  const PeerProcess server;
  return measure(server.address());
}

Measured stream_2proc_openssl_gbps() {
  CHECK(::setenv("QG_BENCH_OPENSSL", "1", 1) == 0);  // for the second process
  crypto::use_aead_library(crypto::AeadLibrary::openssl);
  return stream_2proc_gbps();
}

}  // namespace quantumgate::bench
