// SPDX-License-Identifier: MIT
#include "tests/network/network_test.hpp"

namespace quantumgate::network_test {

void Sink::on_stream(std::shared_ptr<Stream> stream) {
  const auto at = std::make_shared<std::uint64_t>(0);
  stream->on_readable([this, stream, at] {
    std::array<std::byte, 16384> buffer;
    while (const std::size_t size = stream->read(buffer)) {
      for (std::size_t i = 0; i < size; ++i) wrong += buffer[i] != data_byte(*at + i);
      *at += size;
      received += size;
    }
    if (!stream->at_end()) return;
    ++ended;
    const std::byte answer{wrong == 0};
    stream->write(BytesView(&answer, 1));
    stream->finish();
  });
  stream->on_closed([this](std::optional<Error> error, std::uint64_t) {
    if (error) errors.push_back(*error);
  });
}

Source::Source(Node& node, const PeerUuid& peer, std::uint64_t size) : size_(size) {
  auto stream = node.open_stream(peer, "test.sink");
  if (!stream) {
    error_ = stream.error();
    return;
  }
  stream_ = *stream;
  stream_->on_writable([this] { write(); });
  stream_->on_readable([this] {
    std::byte answer{};
    if (stream_->read(MutableBytesView(&answer, 1)) == 1) answered_ = answer == std::byte{1};
    stream_->read({});
  });
  stream_->on_closed([this](std::optional<Error> error, std::uint64_t) {
    closed_ = true;
    error_ = error;
  });
  write();
}

void Source::write() {
  std::array<std::byte, 65536> buffer;
  while (written_ < size_) {
    const std::size_t size = std::min<std::uint64_t>(buffer.size(), size_ - written_);
    for (std::size_t i = 0; i < size; ++i) buffer[i] = data_byte(written_ + i);
    const std::size_t taken = stream_->write(BytesView(buffer).first(size));
    written_ += taken;
    if (taken < size) return;
  }
  stream_->finish();
}

TestNode::TestNode(sim::Simulator& s, std::uint8_t seed, const Options& o)
    : simulator(s),
      host(s.add_host()),
      identity(Identity::from_seed([&] {
        std::array<std::byte, 32> bytes{};
        bytes[0] = std::byte{seed};
        return Secret<32>(bytes);
      }())),
      options(o) {
  restart();
}

void TestNode::kill() {
  // What a dying process still says must not arrive.
  const auto silence = [](const sim::PassingDatagram&) { return sim::Verdict{.deliver = false}; };
  simulator.add_tap(silence);
  node.reset();
  simulator.run_for(10s);
  simulator.clear_taps();
}

void TestNode::restart() {
  if (node) kill();
  NodeOptions node_options;
  node_options.listen = {options.v6 ? host.v6(5000) : host.v4(5000)};
  if (options.anywhere) node_options.listen = {Endpoint::v4(0, 0, 0, 0, 5000)};
  node_options.network = options.network;
  node_options.sessions_max = options.sessions_max;
  node_options.suites = options.suites;
  node_options.privacy = options.privacy;
  node_options.cover_for_peers_max = options.cover_for_peers_max;
  node_options.packet_size_max = options.packet_size_max;
  node_options.tcp = options.tcp;
  node_options.log = [this](LogLevel, std::string_view, std::string_view line) { log.emplace_back(line); };
  if (options.shared_secret != 0) {
    std::array<std::byte, 32> bytes;
    bytes.fill(std::byte{options.shared_secret});
    node_options.shared_secret.emplace(bytes);
  }
  sink = std::make_shared<Sink>();
  observer = std::make_shared<Observer>();
  std::vector<std::shared_ptr<Extender>> extenders{sink, observer};
  extenders.insert(extenders.end(), options.extenders.begin(), options.extenders.end());
  auto created = node::LocalNode::create(host, identity, node_options, std::move(extenders));
  ASSERT_TRUE(created);
  node = std::move(*created);
}

Address TestNode::address() const { return node->address(); }

Result<Peer> TestNode::connect(const Address& to, const ConnectOptions& connect_options) {
  std::optional<Result<Peer>> answer;
  node->connect(to, connect_options, [&](Result<Peer> result) { answer = std::move(result); });
  simulator.run_until([&] { return answer.has_value(); }, connect_options.time_limit + 1min);
  if (!answer) return fail(ErrorCode::timed_out, "the test's own limit");
  return *answer;
}

std::uint64_t TestNode::dropped() const {
  const NodeCounters c = node->counters();
  return c.dropped_malformed + c.dropped_unauthentic + c.dropped_replayed + c.dropped_clock + c.dropped_no_cookie +
         c.dropped_trial_limit + c.dropped_start_limit + c.dropped_full;
}

Source& Transfers::start(TestNode& from, const TestNode& to, std::uint64_t size) {
  Source& source = *sources_.emplace_back(std::make_unique<Source>(*from.node, to.identity.uuid(), size));
  from.node->post([] {});
  return source;
}

bool Transfers::ends(const Source& source, Duration limit) {
  return simulator.run_until([&] { return source.done() || source.failed(); }, limit) && source.done();
}

void Transfers::one_session(const TestNode& a, const TestNode& b) {
  for (const TestNode* node : {&a, &b}) {
    EXPECT_EQ(node->observer->ups.size(), 1u);
    EXPECT_EQ(node->observer->downs.size(), 0u);
    EXPECT_EQ(node->sink->wrong, 0u);
  }
}

}  // namespace quantumgate::network_test
