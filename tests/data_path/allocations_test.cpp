// SPDX-License-Identifier: MIT
// Goal: a stream that flows allocates nothing, on neither side.
// Method: operator new is replaced in this program and counts. Two nodes on real sockets and one loop; once enough
// packets have passed for every buffer and table to have its size, ten thousand more must not cost one allocation.
// (ngtcp2 and the system's libraries call malloc themselves and are not counted.)
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "node/local_node.hpp"
#include "platform/system_environment.hpp"

namespace {
std::size_t g_allocations = 0;  // the test has one thread

void* allocate(std::size_t size, std::size_t alignment) {
  ++g_allocations;
  void* const memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace quantumgate {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSink = "org.quantumgate.test.sink/1";
constexpr std::uint64_t kWarmUp = 50'000;  // packets
constexpr std::uint64_t kMeasured = 10'000;

NodeOptions on_loopback() {
  NodeOptions options;
  options.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
  return options;
}

TEST(AllocationsTest, AFlowingStreamAllocatesNothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "under a sanitizer blocks of stream bytes are not kept";
#endif
  platform::SystemEnvironment environment;
  const auto give_up = environment.make_timer([&] { environment.stop(); });
  give_up->set(environment.now() + 300s);

  std::shared_ptr<Stream> source;
  Bytes piece(64 * 1024), taken(64 * 1024);
  std::size_t read_calls = 0;
  auto receiver = node::LocalNode::create(environment, Identity::generate(), on_loopback(),
                                          {make_extender(kSink, {.on_stream = [&](std::shared_ptr<Stream> stream) {
                                                           stream->on_readable([&, stream] {
                                                             while (stream->read(taken) > 0) ++read_calls;
                                                           });
                                                         }})});
  auto sender = node::LocalNode::create(environment, Identity::generate(), on_loopback(), {});
  ASSERT_TRUE(receiver && sender);

  std::uint64_t packets_begin = 0, packets_end = 0, answers_begin = 0, answers_end = 0;
  std::size_t before = 0, after = 0;
  const auto write = [&] {
    while (source->write(piece) == piece.size()) continue;
    const std::uint64_t packets = (*sender)->counters().datagrams_sent;
    if (packets_begin == 0 && packets >= kWarmUp) {
      packets_begin = packets;
      answers_begin = (*receiver)->counters().datagrams_sent;
      before = g_allocations;
    } else if (packets_begin != 0 && packets >= packets_begin + kMeasured) {
      after = g_allocations;
      packets_end = packets;
      answers_end = (*receiver)->counters().datagrams_sent;
      environment.stop();
    }
  };
  (*sender)->connect((*receiver)->address(), {}, [&](Result<Peer> peer) {
    if (!peer) return environment.stop();
    source = *(*sender)->open_stream(peer->uuid, kSink, {.compression = Compression::off});
    source->on_writable(write);
    write();
  });
  environment.run();

  EXPECT_GE(packets_end, packets_begin + kMeasured) << "the transfer did not get that far";
  EXPECT_GE(packets_begin, kWarmUp);
  EXPECT_GT(answers_end, answers_begin) << "acknowledgements are a part of it";
  EXPECT_GT(read_calls, 0u);
  EXPECT_EQ(after - before, 0u) << "allocations in " << packets_end - packets_begin << " packets";
  source.reset();
}

}  // namespace
}  // namespace quantumgate
