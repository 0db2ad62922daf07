// SPDX-License-Identifier: MIT
// Goal: the lazy start works on ngtcp2 as installed: the initiator, knowing only the responder's parameters, sends the
// opening packet and early data in one flight; the responder has the bytes before it has answered anything; then both
// complete and exchange more. Also the conditions of the wire: flights travel without their zero padding and fit small
// rooms.
// Method: two engines, owners that only keep bytes, packets handed over by the test, time chosen by the test.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <list>
#include <vector>

#include "stream/quic_engine.hpp"
#include "stream/quic_packet.hpp"

namespace quantumgate::stream {

namespace {

using namespace std::chrono_literals;

struct PlainStream : EngineStream {
  std::deque<std::byte> received;
  std::size_t to_send = 0;  // bytes of source() not sent yet
};

const Bytes& source() {
  static const Bytes bytes = [] {
    Bytes b(1 << 20);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::byte>(i * 31 + (i >> 8) + 1);
    return b;
  }();
  return bytes;
}

class CountingRandom : public RandomSource {
 public:
  void fill(MutableBytesView out) override {
    for (auto& b : out) b = static_cast<std::byte>(next_++);
  }

 private:
  std::uint8_t next_ = 1;
};

// Sends `to_send` bytes of each stream and keeps what arrives.
class PlainOwner : public EngineOwner {
 public:
  EngineStream& opened_by_peer(std::int64_t) override { return streams.emplace_back(); }
  void received(EngineStream& stream, BytesView bytes, bool) override {
    auto& kept = static_cast<PlainStream&>(stream).received;
    kept.insert(kept.end(), bytes.begin(), bytes.end());
  }
  void acknowledged(EngineStream&, std::size_t count) override { acked += count; }
  void reset_by_peer(EngineStream&, std::uint64_t) override {}
  void closed(EngineStream&, std::optional<std::uint64_t>) override {}
  void credited(EngineStream&) override {}
  Outgoing next_outgoing(bool with_bytes) override {
    for (auto& stream : streams) {
      if (with_bytes && stream.to_send) return Outgoing{&stream, {BytesView(source()).last(stream.to_send)}, false};
    }
    return {};
  }
  void sent(EngineStream& stream, std::size_t count, bool) override {
    static_cast<PlainStream&>(stream).to_send -= count;
  }
  void blocked(EngineStream& stream) override { static_cast<PlainStream&>(stream).to_send = 0; }
  void unsendable(EngineStream& stream) override { static_cast<PlainStream&>(stream).to_send = 0; }

  std::list<PlainStream> streams;
  std::size_t acked = 0;
};

class EarlyStartTest : public testing::TestWithParam<std::size_t> {
 protected:
  EarlyStartTest() {
    client_ = QuicEngine::create_client(now_, limits_, QuicEngine::encoded_parameters(limits_), GetParam(), random_,
                                        client_owner_);
    EXPECT_TRUE(client_);
  }

  void open_with(std::size_t size) {
    auto& stream = client_owner_.streams.emplace_back();
    EXPECT_TRUE(client_->open_stream(stream));
    EXPECT_EQ(stream.id, 0);
    stream.to_send = size;
  }

  std::vector<Bytes> flight(QuicEngine& engine) {
    std::vector<Bytes> datagrams;
    for (;;) {
      Bytes out(GetParam());
      std::size_t size = 0;
      EXPECT_TRUE(engine.write(now_, out, size));
      if (size == 0) break;
      out.resize(size);
      datagrams.push_back(out);
    }
    engine.burst_sent();
    return datagrams;
  }

  bool deliver(QuicEngine& engine, const std::vector<Bytes>& datagrams) {
    std::array<std::byte, kInitialDatagramSize> buffer;
    for (const auto& datagram : datagrams) {
      if (!engine.receive(now_, begins_with_initial(datagram) ? with_padding(datagram, buffer) : BytesView(datagram))) {
        return false;
      }
    }
    return true;
  }

  bool carries(const PlainStream& stream, std::size_t size) {
    return stream.received.size() == size &&
           std::equal(stream.received.begin(), stream.received.end(), source().end() - std::ptrdiff_t(size));
  }

  Limits limits_;
  TimePoint now_{1s};
  CountingRandom random_;
  PlainOwner client_owner_, server_owner_;
  std::unique_ptr<QuicEngine> client_, server_;
};

INSTANTIATE_TEST_SUITE_P(Rooms, EarlyStartTest, testing::Values(399, 860, 1179, 1200, 1431),
                         testing::PrintToStringParamName());

TEST_P(EarlyStartTest, BytesArriveInTheFirstFlight) {
  open_with(6000);
  const auto opening = flight(*client_);
  ASSERT_FALSE(opening.empty());
  EXPECT_TRUE(begins_with_initial(opening.front()));
  std::size_t total = 0;
  for (const auto& datagram : opening) total += datagram.size();
  RecordProperty("opening_datagrams", int(opening.size()));
  RecordProperty("opening_bytes", int(total));
  EXPECT_LT(total, 6000u + 100 + 50 * opening.size());

  server_ = QuicEngine::create_server(now_, limits_, GetParam(), random_, server_owner_);
  ASSERT_TRUE(deliver(*server_, opening));
  ASSERT_EQ(server_owner_.streams.size(), 1u);
  EXPECT_TRUE(carries(server_owner_.streams.front(), 6000));

  // The server answers on the same stream at once, before it has heard of the client again.
  server_owner_.streams.front().to_send = 3000;
  now_ += 10ms;
  const auto answer = flight(*server_);
  now_ += 10ms;
  ASSERT_TRUE(deliver(*client_, answer));
  EXPECT_TRUE(carries(client_owner_.streams.front(), 3000));

  // Both complete and exchange more.
  client_owner_.streams.front().to_send = 300'000;
  for (int round = 0; round < 200 && server_owner_.streams.front().received.size() < 306'000; ++round) {
    now_ += 10ms;
    (void)client_->on_deadline(now_);
    ASSERT_TRUE(deliver(*server_, flight(*client_)));
    now_ += 10ms;
    (void)server_->on_deadline(now_);
    ASSERT_TRUE(deliver(*client_, flight(*server_)));
  }
  EXPECT_EQ(server_owner_.streams.front().received.size(), 306'000u);
  EXPECT_GE(client_owner_.acked, 6000u);
  EXPECT_GT(client_->smoothed_rtt(), 0ms);
}

// Every loss of a part of the opening is made good by the timers, in whatever room there is.
TEST_P(EarlyStartTest, SurvivesLossInTheOpening) {
  for (unsigned lost = 1; lost < 64; ++lost) {
    SCOPED_TRACE(lost);
    client_owner_ = PlainOwner();
    server_owner_ = PlainOwner();
    client_ = QuicEngine::create_client(now_, limits_, QuicEngine::encoded_parameters(limits_), GetParam(), random_,
                                        client_owner_);
    server_.reset();
    open_with(3000);
    unsigned index = 0;
    const auto survives = [&] { return index++ >= 6 || !(lost >> (index - 1) & 1); };
    bool answered = false;
    for (int round = 0; round < 4000; ++round) {
      ASSERT_TRUE(client_->on_deadline(now_));
      for (const auto& datagram : flight(*client_)) {
        if (!survives()) continue;
        if (!server_) {
          if (!begins_with_initial(datagram)) continue;
          server_ = QuicEngine::create_server(now_, limits_, GetParam(), random_, server_owner_);
        }
        ASSERT_TRUE(deliver(*server_, {datagram}));
      }
      if (server_) {
        if (!answered && !server_owner_.streams.empty()) {
          server_owner_.streams.front().to_send = 3000;
          answered = true;
        }
        ASSERT_TRUE(server_->on_deadline(now_));
        for (const auto& datagram : flight(*server_)) {
          if (!survives()) continue;
          ASSERT_TRUE(deliver(*client_, {datagram}));
        }
      }
      now_ += 5ms;
      if (answered && client_owner_.acked == 3000 && server_owner_.acked == 3000) break;
    }
    EXPECT_TRUE(answered && carries(server_owner_.streams.front(), 3000));
    EXPECT_TRUE(carries(client_owner_.streams.front(), 3000));
  }
}

TEST(EncodedParametersTest, ArePureAndShort) {
  EXPECT_EQ(QuicEngine::encoded_parameters({}), QuicEngine::encoded_parameters({}));
  EXPECT_LE(QuicEngine::encoded_parameters({}).size(), 64u);
  RecordProperty("size", int(QuicEngine::encoded_parameters({}).size()));
}

}  // namespace
}  // namespace quantumgate::stream
