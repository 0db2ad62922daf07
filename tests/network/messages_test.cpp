// SPDX-License-Identifier: MIT
// Goal: messages and datagrams keep what include/quantumgate/node.h promises, between whole nodes, whatever the network
// and the other side do; and compression saves what it should and nothing else.
// Method: public API on simulated hosts, virtual time, fixed seeds; what travelled is read off the simulator's traffic.
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {
namespace {

constexpr const char* kName = "test.talk";

// Keeps, or holds on to, what arrives.
class Talk final : public Extender {
 public:
  explicit Talk(ExtenderOptions options = {}) : Extender(kName, options) {}
  void on_message(Message message) override {
    texts.emplace_back(message.text());
    if (hold) held.push_back(std::move(message));
  }
  void on_message_room(const PeerUuid&) override {
    ++rooms;
    if (when_room) when_room();
  }
  void on_datagram(const PeerUuid&, BytesView datagram) override { datagrams.emplace_back(as_text(datagram)); }

  std::vector<std::string> texts;
  std::vector<std::string> datagrams;
  bool hold = false;
  std::vector<Message> held;
  int rooms = 0;
  std::function<void()> when_room;
};

// Not compressible: each byte of the test data, from an offset that differs from call to call.
std::string noise(std::size_t size, std::uint64_t from) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(data_byte(from + i));
  return text;
}

struct MessagesTest : ::testing::Test {
  sim::Simulator simulator{1};
  std::shared_ptr<Talk> at_alice = std::make_shared<Talk>();
  std::shared_ptr<Talk> at_bob = std::make_shared<Talk>();
  std::unique_ptr<TestNode> alice, bob;

  void start(ExtenderOptions alices = {}, ExtenderOptions bobs = {}) {
    at_alice = std::make_shared<Talk>(alices);
    at_bob = std::make_shared<Talk>(bobs);
    alice = std::make_unique<TestNode>(simulator, 1, TestNode::Options{.extenders = {at_alice}});
    bob = std::make_unique<TestNode>(simulator, 2, TestNode::Options{.extenders = {at_bob}});
    ASSERT_TRUE(alice->connect(bob->address()));
    simulator.run_for(100ms);
  }
  ErrorCode code_of(const Result<void>& result) { return result ? ErrorCode{} : result.error().code; }
  Result<void> send(std::string_view text, SendOptions options = {}, std::function<void(Result<void>)> done = {}) {
    const auto sent = alice->node->send_message(bob->identity.uuid(), kName, as_bytes(text), options, std::move(done));
    alice->node->post([] {});
    return sent;
  }
  Result<void> send_datagram(std::string_view text) {
    const auto sent = alice->node->send_datagram(bob->identity.uuid(), kName, as_bytes(text));
    alice->node->post([] {});
    return sent;
  }
};

TEST_F(MessagesTest, ArriveWholeInOrderAndAreConfirmed) {
  start();
  std::vector<int> confirmed;
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::string(static_cast<std::size_t>(i) * 97, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(send(text, {}, [&confirmed, i](Result<void> sent) {
      EXPECT_TRUE(sent);
      confirmed.push_back(i);
    }));
  }
  EXPECT_TRUE(confirmed.empty()) << "never inside the call";
  simulator.run_for(5s);
  ASSERT_EQ(at_bob->texts.size(), 100u);
  ASSERT_EQ(confirmed.size(), 100u);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(confirmed[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(at_bob->texts[static_cast<std::size_t>(i)].size(), static_cast<std::size_t>(i) * 97) << "empty ones too";
  }
  EXPECT_EQ(alice->node->counters().messages_sent, 100u);
  EXPECT_EQ(bob->node->counters().messages_received, 100u);
}

TEST_F(MessagesTest, SurviveABadNetworkBothWays) {
  simulator.set_default_link({.delay = 20ms, .jitter = 30ms, .loss_per_million = 100'000});
  start();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(send("from alice " + std::to_string(i)));
    ASSERT_TRUE(bob->node->send_message(alice->identity.uuid(), kName, as_bytes("from bob " + std::to_string(i))));
    bob->node->post([] {});
    simulator.run_for(10ms);
  }
  simulator.run_for(1min);
  ASSERT_EQ(at_bob->texts.size(), 300u);
  ASSERT_EQ(at_alice->texts.size(), 300u);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(at_bob->texts[static_cast<std::size_t>(i)], "from alice " + std::to_string(i));
    EXPECT_EQ(at_alice->texts[static_cast<std::size_t>(i)], "from bob " + std::to_string(i));
  }
}

TEST_F(MessagesTest, TheSizeLimitHoldsToTheByteOnBothSides) {
  start({}, {.message_size_max = 1000});
  EXPECT_EQ(code_of(send(std::string((1 << 20) + 1, 'x'))), ErrorCode::limit) << "refused here";
  std::vector<ErrorCode> ends;
  const auto note = [&](Result<void> sent) { ends.push_back(code_of(sent)); };
  ASSERT_TRUE(send(std::string(1000, 'x'), {}, note));
  simulator.run_for(1s);
  ASSERT_TRUE(send(noise(1001, 0), {}, note));
  simulator.run_for(1s);
  ASSERT_TRUE(send(std::string(1001, 'y'), {}, note)) << "the limit counts what comes out of the compression";
  simulator.run_for(1s);
  ASSERT_TRUE(send("small again", {}, note));
  simulator.run_for(1s);
  EXPECT_EQ(at_bob->texts.size(), 2u);
  ASSERT_EQ(ends.size(), 4u);
  EXPECT_EQ(ends[0], ErrorCode{});
  EXPECT_EQ(ends[1], ErrorCode::limit);
  EXPECT_EQ(ends[2], ErrorCode::limit);
  EXPECT_EQ(ends[3], ErrorCode{}) << "a new stream carries on";
  start({.message_size_max = 2 << 20}, {.message_size_max = 2 << 20});
  ASSERT_TRUE(send(noise(2 << 20, 7)));
  simulator.run_for(1min);
  ASSERT_EQ(at_bob->texts.size(), 1u);
  EXPECT_EQ(at_bob->texts[0], noise(2 << 20, 7));
}

TEST_F(MessagesTest, NobodyThereIsSaidSo) {
  start();
  std::optional<ErrorCode> end;
  ASSERT_TRUE(alice->node->send_message(bob->identity.uuid(), "test.nobody", as_bytes("x"), {},
                                        [&](Result<void> sent) { end = code_of(sent); }));
  alice->node->post([] {});
  simulator.run_for(1s);
  EXPECT_EQ(end, ErrorCode::not_found);
  EXPECT_EQ(code_of(alice->node->send_message(alice->identity.uuid(), kName, as_bytes("x"))), ErrorCode::not_found);
  EXPECT_EQ(code_of(alice->node->send_message(bob->identity.uuid(), "Bad Name", as_bytes("x"))),
            ErrorCode::invalid_argument);
}

TEST_F(MessagesTest, ALostSessionIsToldToWhoWaits) {
  start();
  std::optional<ErrorCode> end;
  bob->kill();
  ASSERT_TRUE(send("into the void", {}, [&](Result<void> sent) { end = code_of(sent); }));
  simulator.run_for(2min);
  EXPECT_EQ(end, ErrorCode::timed_out);
}

TEST_F(MessagesTest, ExpeditedOvertakesNormalOvertakesDelayed) {
  simulator.set_default_link({.delay = 10ms});
  start({.compression = Compression::off}, {.compression = Compression::off});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send("bulk " + noise(250'000, 0), {.priority = Priority::delayed}));
  simulator.run_for(40ms);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(send("usual " + noise(60'000, 0)));
  ASSERT_TRUE(send("urgent", {.priority = Priority::expedited}));
  simulator.run_for(1min);
  ASSERT_EQ(at_bob->texts.size(), 9u);
  const auto place = [&](std::string_view start) {
    return std::ranges::find_if(at_bob->texts, [&](const auto& t) { return t.starts_with(start); }) -
           at_bob->texts.begin();
  };
  EXPECT_LT(place("urgent"), place("usual"));
  EXPECT_TRUE(at_bob->texts.back().starts_with("bulk"));
  const auto last_usual = std::ranges::find_if(at_bob->texts.rbegin(), at_bob->texts.rend(),
                                               [](const auto& t) { return t.starts_with("usual"); });
  EXPECT_GT(last_usual - at_bob->texts.rbegin(), 1) << "bulk waited for what is usual";
}

TEST_F(MessagesTest, ASenderThatNeverStopsIsToldToWaitAndThenToGoOn) {
  start({.compression = Compression::off}, {.compression = Compression::off});
  std::size_t accepted = 0, bytes = 0;
  at_alice->when_room = [&] {
    while (accepted < 500 &&
           alice->node->send_message(bob->identity.uuid(), kName, as_bytes(noise(10'000, accepted)))) {
      ++accepted;
    }
  };
  at_alice->when_room();
  bytes = accepted * 10'000;
  EXPECT_LE(bytes, (1u << 20) + 2 * 10'000u) << "the stated bound";
  EXPECT_EQ(code_of(send(noise(10'000, 0))), ErrorCode::would_block);
  simulator.run_until([&] { return at_bob->texts.size() == 500; }, 1min);
  EXPECT_EQ(at_bob->texts.size(), 500u);
  EXPECT_GE(at_alice->rooms, 3);
}

TEST_F(MessagesTest, WhoIsNotTheExtenderCanWaitForRoomToo) {
  start({.compression = Compression::off}, {.compression = Compression::off});
  const PeerUuid to = bob->identity.uuid();
  const auto fill = [&](const char* name) {
    while (alice->node->send_message(to, name, as_bytes(noise(100'000, 0)), {.compression = Compression::off})) {
    }
    alice->node->post([] {});
  };
  const auto owner = std::make_shared<int>();
  std::vector<std::string> called;
  const auto wait = [&](const char* name, std::string mark, std::weak_ptr<const void> whose) {
    return alice->node->await_message_room(
        to, name, [&called, mark = std::move(mark)] { called.push_back(mark); }, std::move(whose));
  };
  fill(kName);
  ASSERT_TRUE(wait(kName, "first", owner));
  ASSERT_TRUE(wait(kName, "forgotten", std::make_shared<int>()));
  ASSERT_TRUE(wait(kName, "second", owner));
  ASSERT_TRUE(wait("test.other", "another extender", owner));
  EXPECT_TRUE(called.empty()) << "never inside the call";
  simulator.run_for(1min);
  EXPECT_EQ(called, (std::vector<std::string>{"first", "second"}));
  fill(kName);
  simulator.run_for(1min);
  EXPECT_EQ(called.size(), 2u) << "once";

  // The peer refuses what they wait behind; then the session ends.
  called.clear();
  fill("test.nobody");
  ASSERT_TRUE(wait("test.nobody", "refused", owner));
  simulator.run_for(1s);
  EXPECT_EQ(called, std::vector<std::string>{"refused"});
  called.clear();
  fill(kName);
  const int rooms = at_alice->rooms;
  ASSERT_TRUE(wait(kName, "gone", owner));
  alice->node->post([&] { ASSERT_TRUE(alice->node->disconnect(to)); });
  simulator.run_for(1s);
  EXPECT_EQ(called, std::vector<std::string>{"gone"});
  EXPECT_EQ(at_alice->rooms, rooms + 1) << "the extender learns it likewise";

  // The bound counts those who still wait.
  for (int i = 0; i < 1023; ++i) ASSERT_TRUE(wait(kName, "", owner)) << i;
  EXPECT_EQ(code_of(wait(kName, "", owner)), ErrorCode::limit);
  start();
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(wait(kName, "", std::make_shared<int>())) << i;
}

TEST_F(MessagesTest, AnExtenderThatKeepsMessagesSlowsItsSenderDown) {
  start({.compression = Compression::off}, {.compression = Compression::off});
  at_bob->hold = true;
  std::size_t accepted = 0;
  at_alice->when_room = [&] {
    while (accepted < 3000 &&
           alice->node->send_message(bob->identity.uuid(), kName, as_bytes(noise(10'000, accepted)))) {
      ++accepted;
    }
  };
  at_alice->when_room();
  simulator.run_for(1min);
  EXPECT_LE(at_bob->held.size(), (4u << 20) / 10'000 + 1) << "4 MiB, and the one that went over";
  EXPECT_LT(accepted, 3000u);
  const std::size_t before = at_bob->texts.size();
  at_bob->held.clear();
  at_bob->hold = false;
  bob->node->post([] {});
  simulator.run_until([&] { return at_bob->texts.size() == 3000; }, 5min);
  EXPECT_GT(at_bob->texts.size(), before);
  EXPECT_EQ(at_bob->texts.size(), 3000u) << "nothing was lost";

  // The other bound: their number.
  at_bob->texts.clear();
  at_bob->hold = true;
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(send("x"));
  simulator.run_for(1min);
  EXPECT_EQ(at_bob->held.size(), 1024u);
  at_bob->hold = false;
  auto outlives = std::move(at_bob->held.back());
  at_bob->held.clear();
  simulator.run_for(1min);
  EXPECT_EQ(at_bob->texts.size(), 3000u);
  bob.reset();
  EXPECT_EQ(outlives.text(), "x") << "a message outlives its node";
}

TEST_F(MessagesTest, TextShrinksAndNoiseAndWhatMustNotDoNot) {
  std::string text;
  for (int i = 0; text.size() < 500'000; ++i) text += "line " + std::to_string(i % 100) + " of a log file\n";
  struct Case {
    std::string content;
    ExtenderOptions extender;
    SendOptions send;
    bool shrinks;
  };
  const Case cases[] = {
      {text, {}, {}, true},
      {text, {}, {.compression = Compression::off}, false},
      {text, {.compression = Compression::off}, {}, false},
      {noise(500'000, 3), {}, {}, false},
  };
  for (const Case& c : cases) {
    start(c.extender, {});
    const auto before = simulator.traffic().sent_bytes;
    ASSERT_TRUE(send(c.content, c.send));
    simulator.run_until([&] { return at_bob->texts.size() == 1; }, 1min);
    ASSERT_EQ(at_bob->texts.size(), 1u);
    EXPECT_EQ(at_bob->texts[0], c.content);
    const auto used = simulator.traffic().sent_bytes - before;
    if (c.shrinks) {
      EXPECT_LT(used, 60'000u);
    } else {
      EXPECT_GT(used, 500'000u);
    }
    EXPECT_LT(used, 560'000u);
  }
}

TEST_F(MessagesTest, StreamsAreCompressedByBlocksUnlessTurnedOff) {
  std::string text;
  for (int i = 0; text.size() < 2'000'000; ++i) text += "line " + std::to_string(i % 1000) + " of a log file\n";
  for (const auto compression : {Compression::automatic, Compression::off}) {
    start();
    std::string got;
    bool ended = false;
    const auto sink = make_extender("test.text", {.on_stream = [&](std::shared_ptr<Stream> stream) {
                                      stream->on_readable([&, stream] {
                                        Bytes piece(777);
                                        while (const std::size_t size = stream->read(piece))
                                          got += as_text(BytesView(piece).first(size));
                                        ended = stream->at_end();
                                        if (ended) stream->finish();
                                      });
                                    }});
    TestNode carol(simulator, 3, {.extenders = {sink}});
    ASSERT_TRUE(alice->connect(carol.address()));
    const auto before = simulator.traffic().sent_bytes;
    const auto opened = alice->node->open_stream(carol.identity.uuid(), "test.text", {.compression = compression});
    ASSERT_TRUE(opened);
    const auto stream = *opened;
    bool closed = false;
    std::size_t written = 0, step = 0;
    const auto write = [&] {
      // Writes of all sizes, so that blocks of all sizes meet reads of another.
      while (written < text.size()) {
        const std::size_t size = std::min<std::size_t>(1 + step++ * 37 % 90'000, text.size() - written);
        const std::size_t taken = stream->write(as_bytes(std::string_view(text).substr(written, size)));
        written += taken;
        if (taken < size) return;
      }
      stream->finish();
    };
    stream->on_writable(write);
    stream->on_closed([&](std::optional<Error> error, std::uint64_t) { closed = !error; });
    write();
    alice->node->post([] {});
    simulator.run_until([&] { return closed; }, 1min);
    EXPECT_TRUE(ended && closed);
    EXPECT_TRUE(got == text);
    const auto used = simulator.traffic().sent_bytes - before;
    if (compression == Compression::automatic) {
      EXPECT_LT(used, 400'000u);
    } else {
      EXPECT_GT(used, 2'000'000u);
    }
  }
}

TEST_F(MessagesTest, DatagramsArriveOvertakeAndAreBounded) {
  start();
  EXPECT_EQ(alice->node->datagram_size_max(alice->identity.uuid()), 0u) << "no session";
  const std::size_t max = alice->node->datagram_size_max(bob->identity.uuid());
  EXPECT_GE(max, 1000u);
  ASSERT_TRUE(send_datagram(noise(max, 1)));
  EXPECT_EQ(code_of(send_datagram(noise(max + 1, 1))), ErrorCode::limit);
  ASSERT_TRUE(send_datagram(""));
  simulator.run_for(1s);
  ASSERT_EQ(at_bob->datagrams.size(), 2u);
  EXPECT_EQ(at_bob->datagrams[0], noise(max, 1));
  EXPECT_EQ(at_bob->datagrams[1], "");

  // Behind a megabyte of messages, it arrives first.
  ASSERT_TRUE(send(noise(1'000'000, 0), {.compression = Compression::off}));
  simulator.run_for(2ms);
  ASSERT_TRUE(send_datagram("now"));
  simulator.run_for(3ms);  // a megabyte takes six round trips of 2 ms and more
  EXPECT_EQ(at_bob->datagrams.size(), 3u);
  EXPECT_TRUE(at_bob->texts.empty());

  int accepted = 0;
  while (accepted < 10'000 && alice->node->send_datagram(bob->identity.uuid(), kName, as_bytes("x"))) ++accepted;
  EXPECT_EQ(accepted, 64);
  simulator.run_for(10s);
  EXPECT_EQ(at_bob->datagrams.size(), 3u + 64);

  EXPECT_TRUE(alice->node->send_datagram(bob->identity.uuid(), "test.nobody", as_bytes("x")));
  alice->node->post([] {});
  simulator.run_for(1s);
  EXPECT_EQ(bob->node->counters().dropped_datagram_frames, 1u);
}

TEST_F(MessagesTest, TheLongestDatagramFillsTheLargestPacket) {
  for (const std::uint32_t packet_size : {1232u, 1233u, 1472u}) {
    at_bob = std::make_shared<Talk>();
    alice = std::make_unique<TestNode>(simulator, 1, TestNode::Options{.packet_size_max = packet_size});
    bob = std::make_unique<TestNode>(simulator, 2, TestNode::Options{.extenders = {at_bob}});
    ASSERT_TRUE(alice->connect(bob->address()));
    ASSERT_TRUE(send_datagram("whatever"));  // larger ones would be of use
    simulator.run_for(100ms);
    at_bob->datagrams.clear();
    std::size_t largest = 0;
    simulator.add_tap([&](const sim::PassingDatagram& passing) {
      largest = std::max(largest, passing.data.size());
      return sim::Verdict{};
    });
    const std::string text = noise(alice->node->datagram_size_max(bob->identity.uuid()), 1);
    ASSERT_TRUE(send_datagram(text));
    EXPECT_EQ(code_of(send_datagram(text + "x")), ErrorCode::limit);
    simulator.run_for(1s);
    simulator.clear_taps();
    EXPECT_EQ(largest, packet_size);
    EXPECT_EQ(at_bob->datagrams, std::vector{text});
  }
}

// How many of the datagrams offered in 20 s arrive, over a link that loses, and how many were put on it.
std::pair<std::size_t, std::uint64_t> offered(std::uint32_t loss_per_million) {
  sim::Simulator simulator(3);
  simulator.set_default_link({.delay = 20ms});
  const auto talk = std::make_shared<Talk>();
  TestNode alice(simulator, 1), bob(simulator, 2, {.extenders = {talk}});
  EXPECT_TRUE(alice.connect(bob.address()));
  simulator.set_default_link({.delay = 20ms, .loss_per_million = loss_per_million});
  for (int i = 0; i < 20'000; ++i) {
    alice.node->post([&] { (void)alice.node->send_datagram(bob.identity.uuid(), kName, as_bytes("x")); });
    simulator.run_for(1ms);
  }
  return {talk->datagrams.size(), alice.node->counters().datagrams_sent};
}

TEST(DatagramWindowTest, TheWindowOpensOnAGoodPathAndClosesOnALossyOne) {
  const auto [good, good_sent] = offered(0);
  EXPECT_GT(good, 19'000u) << "1,000 a second is little for a path that loses nothing";
  const auto [bad, bad_sent] = offered(300'000);
  EXPECT_LT(bad_sent, good_sent / 4) << "a path that loses a third is not flooded";
  EXPECT_GT(bad, 40u) << "but not given up either";
}

TEST_F(MessagesTest, AFloodOfDatagramsIsDroppedWhereItArrives) {
  // 64 in one turn are handed over; the peer's window is its own affair.
  start();
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 64; ++i) (void)alice->node->send_datagram(bob->identity.uuid(), kName, as_bytes("x"));
    alice->node->post([] {});
    simulator.run_for(10ms);
  }
  simulator.run_for(10s);
  const auto c = alice->node->counters();
  EXPECT_EQ(at_bob->datagrams.size(), c.datagram_frames_sent);
}

TEST_F(MessagesTest, DatagramsAloneOpenTheirWindow) {
  start();
  simulator.run_for(1s);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(alice->node->send_datagram(bob->identity.uuid(), kName, as_bytes("x")));
  alice->node->post([] {});
  simulator.run_for(1s);
  EXPECT_EQ(at_bob->datagrams.size(), 64u) << "without any other traffic that would carry the request for the count";
}

TEST_F(MessagesTest, MetricsHaveStableNamesAndRightValues) {
  start();
  ASSERT_TRUE(send("one"));
  simulator.run_for(1s);
  const auto metrics = bob->node->metrics();
  const auto value = [&](std::string_view name) {
    const auto found = std::ranges::find(metrics, name, &Metric::name);
    return found == metrics.end() ? std::uint64_t(-1) : found->value;
  };
  EXPECT_EQ(value("quantumgate_peers"), 1u);
  EXPECT_EQ(value("quantumgate_messages_received"), 1u);
  EXPECT_EQ(value("quantumgate_handshakes_completed"), 1u);
  const std::string text = openmetrics_text(metrics);
  EXPECT_NE(text.find("# TYPE quantumgate_messages_received counter\n"), std::string::npos);
  EXPECT_NE(text.find("\nquantumgate_messages_received_total 1\n"), std::string::npos);
  EXPECT_NE(text.find("\nquantumgate_peers 1\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace quantumgate::network_test
