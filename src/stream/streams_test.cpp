// SPDX-License-Identifier: MIT
// Goal: streams keep their promises between two ends whatever the path does to packets and signals: nothing lost or
// reordered, bounds kept, every life of the engine started and ended as the spec says, and nothing a peer sends can
// stop the program.
// Method: two Streams joined by a path in virtual time that delays, loses, reorders and duplicates by a small seeded
// generator; signals travel like CONTROL requests, repeated until answered. A hostile peer is a path that changes
// bytes.
#include "stream/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace quantumgate::stream {
namespace {

using namespace std::chrono_literals;

// SplitMix64: small, seeded, the same everywhere.
class Generator : public RandomSource {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  bool chance(unsigned percent) { return percent > 0 && next() % 100 < percent; }
  void fill(MutableBytesView out) override {
    for (auto& b : out) b = static_cast<std::byte>(next());
  }

 private:
  std::uint64_t state_;
};

// Byte `offset` of what is sent on a stream that was opened with `tag`.
std::byte pattern(std::uint64_t tag, std::uint64_t offset) {
  return static_cast<std::byte>(offset * 7 + (offset >> 8) * 13 + (offset >> 16) + tag * 29);
}

Bytes patterned(std::uint64_t tag, std::uint64_t offset, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern(tag, offset + i);
  return bytes;
}

struct PathRules {
  Duration delay = 10ms;
  Duration jitter = 0ms;
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
  unsigned signal_loss_percent = 0;
  std::size_t room_min = 1180;
  std::size_t room_max = 1180;
};

class Pair {
 public:
  struct End {
    std::unique_ptr<Streams> streams;
    std::vector<Event> events;
    std::function<void(const Event&)> on_event;
    std::size_t sent = 0;
    std::size_t sent_bytes = 0;
    std::vector<Bytes> last_sent;  // the most recent bodies, for replays
    std::vector<SignalRequest> signals;

    bool saw(Event::Kind kind, StreamId stream) const {
      return std::ranges::any_of(events, [&](const Event& e) { return e.kind == kind && e.stream == stream; });
    }
    std::size_t count(Event::Kind kind) const {
      return static_cast<std::size_t>(std::ranges::count(events, kind, &Event::kind));
    }
  };

  explicit Pair(PathRules path_rules = {}, std::uint64_t seed = 1, Limits limits = {})
      : rules(path_rules), generator(seed) {
    ends[0].streams = std::make_unique<Streams>(Role::initiator, limits, Streams::encoded_parameters(limits), random_);
    ends[1].streams = std::make_unique<Streams>(Role::responder, limits, Bytes(), random_);
  }

  Streams& a() { return *ends[0].streams; }
  Streams& b() { return *ends[1].streams; }

  // Lets time pass until `done` or `limit`; returns whether it was done.
  bool run(
      Duration limit, const std::function<bool()>& done = [] { return false; }) {
    const TimePoint end = now + limit;
    for (;;) {
      for (int i : {0, 1}) attend(i);
      if (done()) return true;
      TimePoint next = end;
      if (!in_flight_.empty()) next = std::min(next, in_flight_.begin()->first);
      for (auto& e : ends) {
        if (const auto d = e.streams->deadline()) next = std::min(next, std::max(*d, now));
      }
      if (next >= end) {
        now = end;
        return done();
      }
      now = next;
      while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
        auto action = std::move(in_flight_.begin()->second);
        in_flight_.erase(in_flight_.begin());
        action();
      }
      for (auto& e : ends) {
        if (const auto d = e.streams->deadline(); d && *d <= now) e.streams->on_deadline(now);
      }
    }
  }

  void lose_everything_in_flight() { in_flight_.clear(); }

  PathRules rules;
  Generator generator;
  TimePoint now{5s};
  std::array<End, 2> ends;
  bool deliver_signals = true;
  std::function<void(int to, Bytes& body)> on_delivery;  // may change it

 private:
  void later(std::function<void()> action) {
    Duration delay = rules.delay;
    if (rules.jitter > 0ms) delay += Duration(static_cast<Duration::rep>(generator.below(rules.jitter.count())));
    in_flight_.emplace(now + delay, std::move(action));
  }

  void attend(int i) {
    End& e = ends[i];
    while (const auto event = e.streams->poll_event()) {
      e.events.push_back(*event);
      if (e.on_event) e.on_event(*event);
    }
    for (;;) {
      Bytes body(rules.room_min + generator.below(rules.room_max - rules.room_min + 1));
      const std::size_t room = body.size();
      const std::size_t size = e.streams->poll_transmit(now, body);
      ASSERT_LE(size, room);
      if (size == 0) break;
      body.resize(size);
      ++e.sent;
      e.sent_bytes += size;
      e.last_sent.push_back(body);
      if (e.last_sent.size() > 64) e.last_sent.erase(e.last_sent.begin());
      for (int copies = generator.chance(rules.duplicate_percent) ? 2 : 1; copies > 0; --copies) {
        if (generator.chance(rules.loss_percent)) continue;
        later([this, i, body]() mutable {
          if (on_delivery) on_delivery(1 - i, body);
          ends[1 - i].streams->receive(now, body);
        });
      }
    }
    e.streams->burst_sent();
    while (const auto request = e.streams->poll_signal()) {
      e.signals.push_back(*request);
      send_signal(i, *request, 1);
    }
  }

  // As a CONTROL request: three tries, a second apart; a repetition may arrive although the first was answered.
  void send_signal(int from, SignalRequest request, int attempt) {
    if (!deliver_signals) return;
    const auto answered = std::make_shared<bool>(false);
    try_signal(from, request, attempt, answered);
  }
  void try_signal(int from, SignalRequest request, int attempt, std::shared_ptr<bool> answered) {
    if (!generator.chance(rules.signal_loss_percent)) {
      later([this, from, request, answered] {
        const SignalAnswer answer = ends[1 - from].streams->on_signal(now, request);
        if (generator.chance(rules.signal_loss_percent)) return;
        later([this, from, request, answer, answered] {
          if (std::exchange(*answered, true)) return;
          ends[from].streams->on_signal_answer(now, request, answer);
        });
      });
    }
    in_flight_.emplace(now + 1s, [this, from, request, attempt, answered] {
      if (*answered) return;
      if (attempt == 3) {
        *answered = true;
        ends[from].streams->on_signal_failed(now, request);
      } else {
        try_signal(from, request, attempt + 1, answered);
      }
    });
  }

  Generator random_{99};
  std::multimap<TimePoint, std::function<void()>> in_flight_;
};

// Writes a pattern of `size` bytes as room comes, then finishes.
class Writer {
 public:
  Writer(Streams& streams, StreamId stream, std::uint64_t tag, std::uint64_t size)
      : streams_(streams), stream_(stream), tag_(tag), size_(size) {
    pump();
  }
  void pump() {
    while (written_ < size_) {
      const auto chunk = patterned(tag_, written_, std::min<std::uint64_t>(20'000, size_ - written_));
      const std::size_t taken = streams_.write(stream_, chunk);
      written_ += taken;
      if (taken < chunk.size()) return;
    }
    streams_.finish(stream_);
  }
  std::uint64_t written() const { return written_; }

 private:
  Streams& streams_;
  StreamId stream_;
  std::uint64_t tag_, size_, written_ = 0;
};

// Reads what there is and compares it with the pattern.
class Reader {
 public:
  explicit Reader(std::uint64_t tag) : tag_(tag) {}
  void pump(Streams& streams, StreamId stream) {
    std::array<std::byte, 5000> buffer;
    while (const std::size_t count = streams.read(stream, buffer)) {
      for (std::size_t i = 0; i < count; ++i) {
        if (buffer[i] != pattern(tag_, total_ + i)) ++wrong_;
      }
      total_ += count;
    }
    ended_ |= streams.at_end(stream);
  }
  std::uint64_t total() const { return total_; }
  bool right_and_ended(std::uint64_t size) const { return wrong_ == 0 && ended_ && total_ == size; }

 private:
  std::uint64_t tag_, total_ = 0, wrong_ = 0;
  bool ended_ = false;
};

// Reads every stream that `end` hears of.
struct Sink {
  Sink(Pair& pair, int index, std::function<std::uint64_t(StreamId)> tag) {
    auto& end = pair.ends[index];
    Streams& streams = *end.streams;
    end.on_event = [this, &streams, tag](const Event& event) {
      if (event.kind == Event::Kind::readable) {
        readers.try_emplace(event.stream, tag(event.stream)).first->second.pump(streams, event.stream);
      }
      if (event.kind == Event::Kind::writable && on_writable) on_writable(event.stream);
    };
  }
  std::map<StreamId, Reader> readers;
  std::function<void(StreamId)> on_writable;
};

TEST(StreamsTest, NothingExistsBeforeTheFirstStreamAndAfterIdleTime) {
  Pair pair;
  EXPECT_FALSE(pair.run(100s));
  EXPECT_EQ(pair.ends[0].sent + pair.ends[1].sent, 0u);
  EXPECT_FALSE(pair.a().has_engine());
  EXPECT_FALSE(pair.a().deadline());
  Sink sink(pair, 1, [](StreamId) { return 1; });

  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 1, 100);
  ASSERT_TRUE(pair.run(1s, [&] { return sink.readers.contains(stream); }));
  EXPECT_TRUE(pair.a().has_engine() && pair.b().has_engine());
  EXPECT_EQ(pair.a().generation(), 1);
  pair.b().finish(stream);
  ASSERT_TRUE(pair.run(1s, [&] { return pair.ends[0].saw(Event::Kind::closed, stream); }));
  pair.run(29s);
  EXPECT_TRUE(pair.a().has_engine() && pair.b().has_engine());
  pair.run(2s);
  EXPECT_FALSE(pair.a().has_engine() || pair.b().has_engine());
  EXPECT_EQ(pair.a().open_streams() + pair.b().open_streams(), 0u);
  EXPECT_EQ(pair.ends[0].signals.size(), 1u);
  EXPECT_EQ(pair.ends[1].signals.size(), 0u);
  EXPECT_FALSE(pair.a().deadline());
}

// The first flight alone, one way: the bytes are there, nothing was answered.
TEST(StreamsTest, EarlyDataArrivesInTheFirstFlight) {
  Pair pair;
  Sink sink(pair, 1, [](StreamId) { return 3; });
  std::size_t answered_before = 0;
  pair.ends[1].on_event = [&, inner = pair.ends[1].on_event](const Event& event) {
    answered_before += pair.ends[1].sent;
    inner(event);
  };
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 3, 5000);
  ASSERT_TRUE(pair.run(1s, [&] { return sink.readers.contains(stream); }));
  EXPECT_EQ(answered_before, 0u);
  EXPECT_EQ(pair.now, TimePoint{5s} + 10ms);
  EXPECT_TRUE(sink.readers.at(stream).right_and_ended(5000));
  // A short message is one packet, with the opening in it.
  Pair other;
  Sink other_sink(other, 1, [](StreamId) { return 3; });
  Writer short_writer(other.a(), *other.a().open(), 3, 600);
  ASSERT_TRUE(other.run(1s, [&] { return other_sink.readers.size() == 1; }));
  EXPECT_EQ(other.ends[0].sent, 1u);
  EXPECT_LT(other.ends[0].sent_bytes, 720u);
}

TEST(StreamsTest, ResponderOpensFirst) {
  Pair pair;
  Sink sink(pair, 0, [](StreamId) { return 4; });
  const StreamId stream = *pair.b().open();
  EXPECT_EQ(stream & 1, 1);
  Writer writer(pair.b(), stream, 4, 30'000);
  ASSERT_TRUE(pair.run(5s, [&] { return sink.readers.contains(stream) && sink.readers.at(stream).total() == 30'000; }));
  ASSERT_EQ(pair.ends[1].signals.size(), 1u);
  EXPECT_EQ(pair.ends[1].signals[0].signal, Signal::wanted);
  EXPECT_TRUE(pair.ends[0].saw(Event::Kind::opened, stream));
  pair.a().finish(stream);
  pair.run(40s);
  EXPECT_TRUE(pair.ends[1].saw(Event::Kind::closed, stream));
  EXPECT_FALSE(pair.a().has_engine() || pair.b().has_engine());
}

TEST(StreamsTest, ManyStreamsInBothDirections) {
  PathRules rules;
  rules.jitter = 8ms;
  rules.loss_percent = 3;
  rules.duplicate_percent = 3;
  Pair pair(rules, 7);
  constexpr int kStreams = 60;
  Sink at_b(pair, 1, [](StreamId id) { return std::uint64_t(id); });
  Sink at_a(pair, 0, [](StreamId id) { return std::uint64_t(id) + 1000; });
  std::vector<std::unique_ptr<Writer>> writers;
  const auto size = [](StreamId id) { return std::uint64_t(id) * 700 + 1; };
  // Whoever hears of a stream writes back on it; both open some.
  for (int i : {0, 1}) {
    auto& end = pair.ends[i];
    end.on_event = [&, i, inner = end.on_event](const Event& event) {
      if (event.kind == Event::Kind::opened) {
        writers.push_back(std::make_unique<Writer>(*pair.ends[i].streams, event.stream,
                                                   std::uint64_t(event.stream) + (i ? 1000 : 0), size(event.stream)));
      }
      inner(event);
    };
  }
  std::vector<StreamId> ids;
  for (int n = 0; n < kStreams; ++n) {
    const int i = n % 2;
    ids.push_back(*pair.ends[i].streams->open());
    writers.push_back(std::make_unique<Writer>(*pair.ends[i].streams, ids.back(),
                                               std::uint64_t(ids.back()) + (i ? 1000 : 0), size(ids.back())));
  }
  ASSERT_TRUE(pair.run(120s, [&] {
    return pair.ends[0].count(Event::Kind::closed) == kStreams && pair.ends[1].count(Event::Kind::closed) == kStreams;
  }));
  for (const StreamId id : ids) {
    EXPECT_TRUE(at_b.readers.at(id).right_and_ended(size(id))) << id;
    EXPECT_TRUE(at_a.readers.at(id).right_and_ended(size(id))) << id;
  }
  EXPECT_EQ(pair.a().open_streams() + pair.b().open_streams(), 0u);
}

TEST(StreamsTest, ThirtyPercentLossOnlyTakesTime) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    PathRules rules;
    rules.loss_percent = 30;
    rules.jitter = 5ms;
    rules.duplicate_percent = 5;
    Pair pair(rules, seed);
    Sink sink(pair, 1, [](StreamId) { return 5; });
    const StreamId stream = *pair.a().open();
    Writer writer(pair.a(), stream, 5, 1 << 20);
    pair.ends[0].on_event = [&](const Event& event) {
      if (event.kind == Event::Kind::writable) writer.pump();
    };
    ASSERT_TRUE(pair.run(600s, [&] {
      return sink.readers.contains(stream) && sink.readers.at(stream).total() == 1 << 20;
    })) << seed;
    EXPECT_TRUE(sink.readers.at(stream).right_and_ended(1 << 20));
  }
}

TEST(StreamsTest, RoomMayChangeFromCallToCall) {
  PathRules rules;
  rules.room_min = Streams::kRoomMin;
  rules.room_max = 1400;
  rules.loss_percent = 5;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    Pair pair(rules, seed);
    Sink sink(pair, 1, [](StreamId) { return 6; });
    Sink back(pair, 0, [](StreamId) { return 7; });
    const StreamId stream = *pair.a().open();
    Writer writer(pair.a(), stream, 6, 200'000);
    ASSERT_TRUE(pair.run(5s, [&] { return pair.ends[1].saw(Event::Kind::opened, stream); }));
    Writer reply(pair.b(), stream, 7, 200'000);
    ASSERT_TRUE(pair.run(60s, [&] { return pair.ends[0].saw(Event::Kind::closed, stream); })) << seed;
    EXPECT_TRUE(sink.readers.at(stream).right_and_ended(200'000));
    EXPECT_TRUE(back.readers.at(stream).right_and_ended(200'000));
  }
}

TEST(StreamsTest, ReaderThatDoesNotReadStallsItsSenderAtTheWindow) {
  Limits limits;
  limits.stream_window_bytes = 50'000;
  limits.send_buffer_bytes = 80'000;
  Pair pair({}, 1, limits);
  const StreamId slow = *pair.a().open();
  Writer writer(pair.a(), slow, 8, 300'000);
  EXPECT_EQ(writer.written(), 80'000u);
  pair.run(20s);
  EXPECT_EQ(pair.b().readable(slow), 50'000u);
  // 50,000 are acknowledged: that much room was announced once and filled again.
  EXPECT_EQ(pair.ends[0].count(Event::Kind::writable), 1u);
  writer.pump();
  EXPECT_EQ(writer.written(), 130'000u);
  pair.run(20s);
  EXPECT_EQ(pair.b().readable(slow), 50'000u);

  // Another stream is not held up.
  const StreamId fast = *pair.a().open();
  Writer other(pair.a(), fast, 9, 20'000);
  pair.run(1s);
  EXPECT_EQ(pair.b().readable(fast), 20'000u);

  // Reading lets it go on, and nothing was lost.
  Reader reader(8);
  pair.ends[1].on_event = [&](const Event& event) {
    if (event.kind == Event::Kind::readable && event.stream == slow) reader.pump(pair.b(), slow);
  };
  pair.ends[0].on_event = [&](const Event& event) {
    if (event.kind == Event::Kind::writable) writer.pump();
  };
  reader.pump(pair.b(), slow);
  ASSERT_TRUE(pair.run(20s, [&] { return reader.total() == 300'000; }));
  EXPECT_TRUE(reader.right_and_ended(300'000));
}

TEST(StreamsTest, SessionWindowBoundsAllStreamsTogether) {
  Limits limits;
  limits.stream_window_bytes = 60'000;
  limits.session_window_bytes = 100'000;
  Pair pair({}, 1, limits);
  std::vector<StreamId> ids;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(*pair.a().open());
    writers.push_back(std::make_unique<Writer>(pair.a(), ids.back(), std::uint64_t(i), 60'000));
  }
  pair.run(20s);
  std::size_t waiting = 0;
  for (const StreamId id : ids) waiting += pair.b().readable(id);
  EXPECT_EQ(waiting, 100'000u);
  // A stream that is broken off gives its share back.
  pair.b().reset(ids[0], 300);
  pair.b().reset(ids[1], 300);
  Reader third(2), fourth(3);
  const auto all = [&] {
    third.pump(pair.b(), ids[2]);
    fourth.pump(pair.b(), ids[3]);
    return third.total() + fourth.total() == 120'000;
  };
  ASSERT_TRUE(pair.run(20s, all));
  EXPECT_TRUE(third.right_and_ended(60'000) && fourth.right_and_ended(60'000));
  EXPECT_TRUE(pair.ends[0].saw(Event::Kind::reset, ids[0]));
}

TEST(StreamsTest, HalfCloseLeavesTheOtherDirectionOpen) {
  Pair pair;
  Sink at_b(pair, 1, [](StreamId) { return 1; });
  Sink at_a(pair, 0, [](StreamId) { return 2; });
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 1, 10);
  EXPECT_EQ(pair.a().write(stream, patterned(1, 0, 5)), 0u);  // finished
  pair.run(1s);
  EXPECT_TRUE(pair.b().at_end(stream));
  EXPECT_FALSE(pair.a().at_end(stream));
  EXPECT_FALSE(pair.ends[0].saw(Event::Kind::closed, stream));
  Writer reply(pair.b(), stream, 2, 50'000);
  ASSERT_TRUE(pair.run(5s, [&] { return pair.ends[0].saw(Event::Kind::closed, stream); }));
  pair.run(1s);
  EXPECT_TRUE(pair.ends[1].saw(Event::Kind::closed, stream));
  EXPECT_TRUE(at_a.readers.at(stream).right_and_ended(50'000));
  EXPECT_EQ(pair.a().read(stream, {}), 0u);
  EXPECT_FALSE(pair.a().at_end(stream));  // forgotten
}

TEST(StreamsTest, ClosedWaitsForTheReader) {
  Pair pair;
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 1, 1000);
  pair.run(1s);
  pair.b().finish(stream);
  pair.run(1s);
  EXPECT_TRUE(pair.ends[0].saw(Event::Kind::closed, stream));
  EXPECT_FALSE(pair.ends[1].saw(Event::Kind::closed, stream));
  pair.run(60s);  // the engine ends meanwhile; what has arrived stays
  EXPECT_FALSE(pair.b().has_engine());
  Reader reader(1);
  reader.pump(pair.b(), stream);
  EXPECT_TRUE(reader.right_and_ended(1000));
  pair.run(1s);
  EXPECT_TRUE(pair.ends[1].saw(Event::Kind::closed, stream));
  EXPECT_EQ(pair.b().open_streams(), 0u);
}

TEST(StreamsTest, ResetReachesTheOtherSideFromEither) {
  for (const int who : {0, 1}) {
    Pair pair;
    const StreamId stream = *pair.a().open();
    Writer writer(pair.a(), stream, 1, 100'000);
    pair.run(50ms);
    ASSERT_TRUE(pair.ends[1].saw(Event::Kind::opened, stream));
    pair.ends[who].streams->reset(stream, 777);
    EXPECT_EQ(pair.ends[who].streams->open_streams(), 0u);
    EXPECT_EQ(pair.ends[who].streams->readable(stream), 0u);
    EXPECT_EQ(pair.ends[who].streams->write(stream, patterned(0, 0, 1)), 0u);
    pair.run(1s);
    auto& other = pair.ends[1 - who];
    ASSERT_TRUE(other.saw(Event::Kind::reset, stream));
    EXPECT_EQ(other.events.back().code, 777u);
    EXPECT_EQ(pair.ends[who].count(Event::Kind::reset) + pair.ends[who].count(Event::Kind::closed), 0u);
    EXPECT_EQ(other.streams->open_streams(), 0u);
    pair.run(40s);  // and both engines find that nothing is left
    EXPECT_FALSE(pair.a().has_engine() || pair.b().has_engine());
  }
}

TEST(StreamsTest, ResetBeforeAnythingWasSentLeavesNothing) {
  Pair pair;
  pair.a().reset(*pair.a().open(), 300);
  pair.b().reset(*pair.b().open(), 300);
  pair.run(100s);
  EXPECT_EQ(pair.ends[0].sent + pair.ends[1].sent, 0u);
  EXPECT_EQ(pair.ends[1].signals.size(), 0u);
}

TEST(StreamsTest, AtMost256OwnStreamsAndTheLimitGivesWay) {
  Pair pair;
  Sink sink(pair, 1, [](StreamId) { return 1; });
  std::vector<StreamId> ids;
  for (int i = 0; i < 256; ++i) ids.push_back(*pair.a().open());
  EXPECT_FALSE(pair.a().open());
  EXPECT_EQ(pair.a().open().error().code, ErrorCode::limit);
  for (const StreamId id : ids) Writer(pair.a(), id, 1, 10);
  pair.run(2s);
  EXPECT_EQ(pair.b().open_streams(), 256u);
  EXPECT_FALSE(pair.a().open());
  for (const StreamId id : ids) pair.b().finish(id);
  ASSERT_TRUE(pair.run(5s, [&] { return pair.a().open_streams() == 0; }));
  // As many again, on credit that the peer has renewed.
  std::vector<StreamId> more;
  for (int i = 0; i < 256; ++i) more.push_back(*pair.a().open());
  for (const StreamId id : more) Writer(pair.a(), id, 1, 10);
  pair.run(5s);
  EXPECT_EQ(pair.b().open_streams(), 256u);
}

// A peer that allows fewer streams than we open: the rest wait for their turn.
TEST(StreamsTest, OpensWaitForThePeersCredit) {
  Limits limits;
  limits.peer_streams_max = 3;
  Pair pair({}, 1, limits);
  Sink sink(pair, 1, [](StreamId) { return 1; });
  std::vector<StreamId> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(*pair.a().open());
    Writer(pair.a(), ids.back(), 1, 500);
  }
  pair.run(2s);
  EXPECT_EQ(pair.b().open_streams(), 3u);
  pair.ends[1].on_event = [&, inner = pair.ends[1].on_event](const Event& event) {
    inner(event);
    if (event.kind == Event::Kind::readable && pair.b().at_end(event.stream)) pair.b().finish(event.stream);
  };
  for (int i = 0; i < 3; ++i) pair.b().finish(ids[i]);
  ASSERT_TRUE(pair.run(10s, [&] { return pair.ends[0].count(Event::Kind::closed) == 10; }));
}

TEST(StreamsTest, WritersShareThePathFairly) {
  PathRules rules;
  Pair pair(rules);
  std::vector<StreamId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(*pair.a().open());
    pair.a().write(ids.back(), patterned(1, 0, 500'000));
  }
  std::map<StreamId, std::size_t> got;
  std::array<std::byte, 4096> buffer;
  pair.ends[1].on_event = [&](const Event& event) {
    while (const std::size_t count = pair.b().read(event.stream, buffer)) got[event.stream] += count;
  };
  ASSERT_TRUE(pair.run(60s, [&] { return got[ids[0]] > 200'000; }));
  for (const StreamId id : ids) EXPECT_NEAR(double(got[id]), double(got[ids[0]]), 10'000);
}

// --- lives of the engine ---

// A pair whose first life has ended by idleness.
void end_first_life(Pair& pair) {
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 1, 10);
  pair.ends[1].on_event = [&pair](const Event& event) {
    std::array<std::byte, 100> buffer;
    if (event.kind != Event::Kind::readable) return;
    pair.b().read(event.stream, buffer);
    if (pair.b().at_end(event.stream)) pair.b().finish(event.stream);
  };
  ASSERT_TRUE(pair.run(60s, [&] { return !pair.a().has_engine() && pair.ends[0].count(Event::Kind::closed) == 1; }));
  pair.run(1s);
  ASSERT_FALSE(pair.b().has_engine());
}

TEST(StreamsTest, NewLifeAfterIdlenessWithHandlesThatGoOn) {
  Pair pair;
  end_first_life(pair);
  const StreamId stream = *pair.a().open();
  EXPECT_NE(stream, 0);
  Sink sink(pair, 1, [](StreamId) { return 2; });
  Writer writer(pair.a(), stream, 2, 5000);
  pair.run(1s);
  EXPECT_EQ(pair.a().generation(), 2);
  EXPECT_EQ(pair.b().generation(), 2);
  ASSERT_EQ(sink.readers.size(), 1u);
  EXPECT_TRUE(sink.readers.begin()->second.right_and_ended(5000));
  EXPECT_NE(sink.readers.begin()->first, 0);
}

TEST(StreamsTest, GenerationsWrapAround) {
  Pair pair;
  for (int life = 1; life <= 260; ++life) {
    pair.ends[0].events.clear();
    end_first_life(pair);
    ASSERT_EQ(pair.b().generation(), static_cast<std::uint8_t>(life));
  }
}

TEST(StreamsTest, PacketsOfAnOldLifeChangeNothing) {
  Pair pair;
  end_first_life(pair);
  const auto old_from_a = pair.ends[0].last_sent;
  const auto old_from_b = pair.ends[1].last_sent;
  Sink sink(pair, 1, [](StreamId) { return 2; });
  for (const auto& body : old_from_a) pair.b().receive(pair.now, body);
  for (const auto& body : old_from_b) pair.a().receive(pair.now, body);
  EXPECT_FALSE(pair.a().has_engine() || pair.b().has_engine());
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 2, 100'000);
  pair.run(30ms);
  ASSERT_EQ(pair.b().generation(), 2);
  for (const auto& body : old_from_a) pair.b().receive(pair.now, body);
  for (const auto& body : old_from_b) pair.a().receive(pair.now, body);
  pair.run(5s);
  EXPECT_EQ(pair.b().generation(), 2);
  EXPECT_TRUE(sink.readers.begin()->second.right_and_ended(100'000));
  EXPECT_EQ(pair.ends[0].count(Event::Kind::reset) + pair.ends[1].count(Event::Kind::reset), 0u);
}

// The responder has a stream open, of which the initiator has not heard: busy, and the engine stays.
TEST(StreamsTest, EndIsAnsweredBusyWhileTheOtherSideHasAStream) {
  Pair pair;
  const StreamId first = *pair.a().open();
  Writer writer(pair.a(), first, 1, 10);
  pair.run(1s);
  std::array<std::byte, 100> buffer;
  pair.b().read(first, buffer);
  pair.b().finish(first);
  ASSERT_TRUE(pair.run(5s, [&] { return pair.a().open_streams() == 0; }));
  pair.run(29s);
  pair.rules.loss_percent = 100;  // nothing of it arrives before the request does
  const StreamId late = *pair.b().open();
  pair.b().write(late, patterned(1, 0, 10));
  ASSERT_TRUE(pair.run(3s, [&] { return pair.ends[0].signals.size() == 1; }));
  EXPECT_EQ(pair.ends[0].signals[0].signal, Signal::end);
  const StreamId waiting = *pair.a().open();  // while the request is out
  pair.a().write(waiting, patterned(1, 0, 10));
  pair.run(25ms);
  pair.rules.loss_percent = 0;
  pair.run(5s);
  EXPECT_EQ(pair.a().generation(), 1);
  EXPECT_TRUE(pair.ends[0].saw(Event::Kind::opened, late));
  EXPECT_TRUE(pair.ends[1].saw(Event::Kind::opened, waiting));
  EXPECT_EQ(pair.ends[0].count(Event::Kind::reset) + pair.ends[1].count(Event::Kind::reset), 0u);
}

// The initiator opens while its request is out and the answer is done: the stream waits and goes into the next life.
TEST(StreamsTest, StreamOpenedDuringEndGoesIntoTheNextLife) {
  Pair pair;
  const StreamId first = *pair.a().open();
  Writer writer(pair.a(), first, 1, 10);
  pair.run(1s);
  std::array<std::byte, 100> buffer;
  pair.b().read(first, buffer);
  pair.b().finish(first);
  ASSERT_TRUE(pair.run(60s, [&] { return pair.ends[0].signals.size() == 1; }));
  const StreamId next = *pair.a().open();
  pair.a().write(next, patterned(1, 0, 10));
  pair.run(2s);
  EXPECT_EQ(pair.a().generation(), 2);
  EXPECT_EQ(pair.b().generation(), 2);
  EXPECT_EQ(pair.ends[1].count(Event::Kind::opened), 2u);
  EXPECT_EQ(pair.ends[0].count(Event::Kind::reset), 0u);
}

// The responder has answered done and opens at once: its wish may overtake the answer.
TEST(StreamsTest, WantedMayOvertakeTheAnswerToEnd) {
  Limits limits;
  Generator random(1);
  Streams a(Role::initiator, limits, Streams::encoded_parameters(limits), random);
  Streams b(Role::responder, limits, Bytes(), random);
  TimePoint now{1s};
  const auto exchange = [&] {
    for (int i = 0; i < 20; ++i) {
      for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
        Bytes body(1180);
        while (const std::size_t size = from->poll_transmit(now, body)) to->receive(now, BytesView(body).first(size));
        from->burst_sent();
        if (auto d = from->deadline(); d && *d <= now) from->on_deadline(now);
      }
      now += 5ms;
    }
  };
  const StreamId stream = *a.open();
  a.finish(stream);
  exchange();
  b.finish(stream);
  exchange();
  while (a.poll_event() || b.poll_event()) continue;
  now += 31s;
  a.on_deadline(now);
  const auto end = a.poll_signal();
  ASSERT_TRUE(end && end->signal == Signal::end);
  EXPECT_EQ(b.on_signal(now, *end), SignalAnswer::done);
  EXPECT_FALSE(b.has_engine());
  const StreamId wish = *b.open();
  b.write(wish, patterned(1, 0, 10));
  const auto wanted = b.poll_signal();
  ASSERT_TRUE(wanted && wanted->signal == Signal::wanted);
  EXPECT_EQ(a.on_signal(now, *wanted), SignalAnswer::done);
  exchange();
  EXPECT_EQ(a.generation(), 2);
  a.on_signal_answer(now, *end, SignalAnswer::done);      // the older answer, late
  EXPECT_EQ(b.on_signal(now, *end), SignalAnswer::done);  // and a late copy of the request
  b.on_signal_answer(now, *wanted, SignalAnswer::done);
  exchange();
  EXPECT_TRUE(a.has_engine() && b.has_engine());
  EXPECT_EQ(a.readable(wish), 10u);
}

TEST(StreamsTest, LostSignalsAreMadeGood) {
  PathRules rules;
  rules.signal_loss_percent = 60;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    Pair pair(rules, seed);
    Sink sink(pair, 0, [](StreamId) { return 1; });
    const StreamId stream = *pair.b().open();
    Writer writer(pair.b(), stream, 1, 10);
    ASSERT_TRUE(pair.run(120s, [&] { return sink.readers.contains(stream); })) << seed;
    pair.a().finish(stream);
    ASSERT_TRUE(pair.run(600s, [&] { return !pair.a().has_engine() && !pair.b().has_engine(); })) << seed;
  }
}

// A life that one side has lost is found out by the packets of the other.
TEST(StreamsTest, GoneTellsTheOtherSideAndANewLifeStarts) {
  for (const int who : {0, 1}) {
    Pair pair;
    const StreamId stream = *pair.a().open();
    pair.a().write(stream, patterned(1, 0, 100));
    pair.run(1s);
    // A packet that no QUIC end would send kills the engine of `who`: a 1-RTT packet with an unknown frame.
    Bytes poison{std::byte{1}, std::byte{0x40}, std::byte{0x77}, std::byte{0x24}};
    poison.resize(40);
    pair.ends[who].streams->receive(pair.now, poison);
    EXPECT_FALSE(pair.ends[who].streams->has_engine());
    EXPECT_TRUE(pair.ends[1 - who].streams->has_engine());
    pair.ends[1 - who].streams->write(stream, patterned(1, 100, 100));
    pair.run(3s);
    EXPECT_TRUE(pair.ends[0].saw(Event::Kind::reset, stream));
    EXPECT_TRUE(pair.ends[1].saw(Event::Kind::reset, stream));
    EXPECT_FALSE(pair.a().has_engine() || pair.b().has_engine());
    EXPECT_EQ(pair.ends[who].signals.size(), 1u);
    const StreamId again = *pair.ends[who].streams->open();
    pair.ends[who].streams->write(again, patterned(1, 0, 10));
    pair.run(3s);
    EXPECT_EQ(pair.a().generation(), 2);
    EXPECT_EQ(pair.ends[1 - who].streams->open_streams(), 1u);
  }
}

TEST(StreamsTest, NewerOpeningReplacesALivingEngine) {
  Pair pair;
  const StreamId stream = *pair.a().open();
  pair.a().write(stream, patterned(1, 0, 100));
  pair.run(1s);
  pair.deliver_signals = false;
  Bytes poison{std::byte{1}, std::byte{0x40}, std::byte{0x77}, std::byte{0x24}};
  poison.resize(40);
  pair.a().receive(pair.now, poison);
  const StreamId again = *pair.a().open();
  pair.a().write(again, patterned(1, 0, 10));
  pair.run(3s);
  EXPECT_EQ(pair.b().generation(), 2);
  EXPECT_TRUE(pair.ends[1].saw(Event::Kind::reset, stream));
  EXPECT_EQ(pair.b().open_streams(), 1u);
}

TEST(StreamsTest, MalformedPeerParametersResetEveryStream) {
  Generator random(1);
  for (const std::size_t size : {0u, 1u, 17u, 64u}) {
    Bytes parameters = patterned(1, 3, size);
    if (size == 0) parameters = {std::byte{4}};
    Streams a(Role::initiator, {}, parameters, random);
    const StreamId stream = *a.open();
    Bytes out(1200);
    EXPECT_EQ(a.poll_transmit(TimePoint{1s}, out), 0u);
    const auto event = a.poll_event();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, Event::Kind::reset);
    EXPECT_EQ(event->stream, stream);
    EXPECT_FALSE(a.has_engine());
  }
}

TEST(StreamsTest, TimeThatGoesBackwardsIsHeldBack) {
  Pair pair;
  Sink sink(pair, 1, [](StreamId) { return 1; });
  const StreamId stream = *pair.a().open();
  Writer writer(pair.a(), stream, 1, 100'000);
  pair.run(25ms);
  pair.a().on_deadline(TimePoint{1s});
  Bytes out(1180);
  pair.a().poll_transmit(TimePoint{2s}, out);
  pair.a().receive(TimePoint{-1s}, out);
  ASSERT_TRUE(
      pair.run(30s, [&] { return sink.readers.contains(stream) && sink.readers.at(stream).total() == 100'000; }));
}

// --- hostile peers ---

// Both ends in conversation while a share of the packets is changed on the way: flipped bits, cut, extended, spliced,
// or replaced by noise. Nothing to expect but that both ends survive and that the bounds hold.
TEST(StreamsTest, ChangedPacketsNeverStopTheProgram) {
  std::size_t changed = 0;
  for (std::uint64_t seed = 1; changed < 100'000; ++seed) {
    SCOPED_TRACE(seed);
    PathRules rules;
    rules.jitter = 3ms;
    rules.loss_percent = static_cast<unsigned>(seed % 4) * 5;
    rules.room_min = Streams::kRoomMin;
    Pair pair(rules, seed);
    Generator hostile(seed * 1000);
    const unsigned share = 10 + static_cast<unsigned>(seed % 5) * 20;
    pair.on_delivery = [&](int, Bytes& body) {
      if (!hostile.chance(share)) return;
      ++changed;
      switch (hostile.below(6)) {
        case 0:
        case 1:
          for (auto n = 1 + hostile.below(4); n > 0; --n) {
            body[hostile.below(std::min<std::size_t>(body.size(), 60))] ^= std::byte(1u << hostile.below(8));
          }
          break;
        case 2:
          body[hostile.below(body.size())] = std::byte(hostile.next());
          break;
        case 3:
          body.resize(hostile.below(body.size() + 1));
          break;
        case 4:
          body.resize(body.size() + hostile.below(600));
          break;
        default:
          // Behind the first bytes, which say where it goes, noise.
          for (std::size_t i = 2 + hostile.below(20); i < body.size(); ++i) body[i] = std::byte(hostile.next());
      }
    };
    std::array<std::byte, 3000> buffer{};
    for (int i : {0, 1}) {
      pair.ends[i].on_event = [&, i](const Event& event) {
        Streams& streams = *pair.ends[i].streams;
        if (hostile.chance(70)) streams.read(event.stream, buffer);
        if (hostile.chance(50)) streams.write(event.stream, buffer);
        if (hostile.chance(5)) streams.finish(event.stream);
        if (hostile.chance(5)) streams.reset(event.stream, hostile.next());
      };
    }
    for (int round = 0; round < 60; ++round) {
      for (int i : {0, 1}) {
        if (const auto stream = pair.ends[i].streams->open()) pair.ends[i].streams->write(*stream, buffer);
        if (hostile.chance(5)) {
          pair.ends[i].streams->on_signal(pair.now, {Signal(hostile.below(5)), std::uint8_t(hostile.below(4))});
        }
      }
      pair.run(100ms);
      ASSERT_LE(pair.a().open_streams(), 512u);
      ASSERT_LE(pair.b().open_streams(), 512u);
    }
  }
}

TEST(StreamsTest, RandomBodiesNeverStopTheProgram) {
  Generator hostile(5);
  Generator random(6);
  Streams a(Role::initiator, {}, Streams::encoded_parameters({}), random);
  Streams b(Role::responder, {}, Bytes(), random);
  TimePoint now{1s};
  for (int i = 0; i < 50'000; ++i) {
    Bytes body(hostile.below(100) + hostile.below(2) * 1150);
    hostile.fill(body);
    if (!body.empty()) body[0] = std::byte(hostile.below(4));
    // Mostly headers that pass for QUIC version 1, so that something behind them is reached.
    if (body.size() > 20 && hostile.chance(80)) {
      const std::byte header[] = {
          std::byte(0xC0 | hostile.below(3) << 4), {}, {}, {}, std::byte{1}, std::byte{0}, std::byte{0}};
      std::copy(std::begin(header), std::end(header), body.begin() + 1);
      if (header[0] == std::byte{0xC0}) body[8] = std::byte{0};
    }
    now += 1ms;
    for (Streams* streams : {&a, &b}) {
      if (hostile.chance(1)) (void)streams->open();
      streams->receive(now, body);
      streams->on_deadline(now);
      Bytes out(1180);
      while (streams->poll_transmit(now, out)) continue;
      streams->burst_sent();
      while (const auto event = streams->poll_event()) continue;
      while (streams->poll_signal()) continue;
    }
  }
}

}  // namespace
}  // namespace quantumgate::stream
