// SPDX-License-Identifier: MIT
// Goal: what users sent through a node is in none of the memory that it has given back, and nowhere once it has ended.
// Method: watched_memory.hpp. Two nodes in the simulator exchange a megabyte of a marker by streams, and datagrams with
// it; they live in a thread, as the nodes of applications do, because the blocks of streams stay with the thread.
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "base/check.hpp"
#include "node/local_node.hpp"
#include "sim/environment.hpp"
#include "sim/simulator.hpp"
#include "tests/data_path/watched_memory.hpp"

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "org.quantumgate.test.wiping/1";
constexpr std::size_t kSize = 1 << 20;

// What the application itself holds is not on the heap, and so is not searched.
std::array<std::byte, 4096> g_marker;
std::array<std::byte, 4096> g_received;

struct Sink final : Extender {
  Sink() : Extender(kName, {.compression = Compression::off}) {}
  void on_stream(std::shared_ptr<Stream> stream) override {
    stream->on_readable([this, stream = stream.get()] {
      for (std::size_t count = 1; count > 0;) bytes += count = stream->read(g_received);
    });
    kept = std::move(stream);
  }
  void on_datagram(const PeerUuid&, BytesView) override { ++datagrams; }
  void on_stop() override { kept.reset(); }

  std::shared_ptr<Stream> kept;
  std::size_t bytes = 0;
  std::size_t datagrams = 0;
};

// Most places with the marker that were seen on the way.
std::size_t exchange() {
  sim::Simulator simulator(1);
  const auto start = [&](std::shared_ptr<Extender> extender) {
    sim::Host& host = simulator.add_host();
    NodeOptions options;
    options.listen = {host.v4(4000)};
    auto node = node::LocalNode::create(host, Identity::generate(), options, {std::move(extender)});
    CHECK(node.has_value());
    return std::move(*node);
  };
  const auto sink = std::make_shared<Sink>();
  const auto from = start(std::make_shared<Sink>());
  const auto to = start(sink);
  bool connected = false;
  from->connect(to->address(), {}, [&](const Result<Peer>& peer) { connected = peer.has_value(); });
  CHECK(simulator.run_until([&] { return connected; }, 10s));

  std::shared_ptr<Stream> stream;
  std::size_t written = 0;
  std::size_t most = 0;
  const auto write = [&] {
    while (written < kSize) {
      const std::size_t count = stream->write(g_marker);
      written += count;
      if (count < g_marker.size()) break;
    }
    most = std::max(most, watched::places());
  };
  from->post([&] {
    auto opened = from->open_stream(to->uuid(), kName, {});
    CHECK(opened.has_value());
    stream = *opened;
    stream->on_writable(write);
    write();
    for (int i = 0; i < 10; ++i) CHECK(from->send_datagram(to->uuid(), kName, BytesView(g_marker).first(500)));
  });
  CHECK(simulator.run_until([&] { return sink->bytes >= kSize && sink->datagrams > 0; }, 60s));
  stream->on_writable(nullptr);
  stream.reset();
  return most;
}

TEST(UserBytesWipingTest, NothingIsLeftWhenTheNodesHaveEnded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has its own allocator";
#endif
  constexpr std::string_view kMarker = "nobody else may read this ......";
  for (std::size_t i = 0; i < g_marker.size(); ++i) g_marker[i] = static_cast<std::byte>(kMarker[i % kMarker.size()]);
  watched::look_for(as_bytes(kMarker));
  std::size_t most = 0;
  std::thread([&] { most = exchange(); }).join();
  EXPECT_GT(most, 100u) << "a search that finds nothing proves nothing";
  EXPECT_EQ(watched::freed_places(), 0u);
  EXPECT_EQ(watched::places(), 0u);
  watched::forget();
}

}  // namespace
}  // namespace quantumgate
