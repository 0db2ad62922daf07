// SPDX-License-Identifier: MIT
// The numbers below are of everyday use: lines of a chat, pages with their pictures, a voice or a small video. They
// need only be different enough for an observer, and slow enough for the privacy levels that hold all back to one rate.
#include "bench/adversary/application.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/byte_order.hpp"
#include "base/check.hpp"

namespace quantumgate::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "bench.adversary/1";
constexpr std::size_t kHeader = 4;  // of a stream: how many bytes are wanted as its answer
constexpr std::size_t kStamp = 8;   // of a message: when it was sent

// Something that does not shrink, as what is encrypted or compressed already.
const Bytes& content() {
  static const Bytes bytes = [] {
    Bytes made(64 * 1024);
    sim::SeededRandom(1).fill(made);
    return made;
  }();
  return bytes;
}

}  // namespace

Application::Application(node::Environment& environment, std::uint64_t seed, std::function<void()> connected)
    : Extender(kName, {.compression = Compression::off}),
      environment_(environment),
      random_(seed),
      connected_(std::move(connected)) {}

void Application::on_start(Node& node) {
  node_ = &node;
  timer_ = environment_.make_timer([this] { node_->post([this] { act(); }); });
}

void Application::on_stop() {
  timer_.reset();
  stream_.reset();
  node_ = nullptr;
}

void Application::on_peer_up(const Peer&) { connected_(); }

void Application::on_peer_down(const Peer&, CloseReason) { lost_ = node_ != nullptr; }

void Application::begin(Activity activity, const PeerUuid& peer) {
  activity_ = activity;
  peer_ = peer;
  if (activity == Activity::idle) return;
  if (activity == Activity::streaming) {
    constexpr std::array kIntervals{20ms, 40ms, 100ms, 200ms, 500ms, 1000ms};
    chunk_interval_ = kIntervals[random_.below(kIntervals.size())];
    const auto bytes_per_second = static_cast<std::int64_t>(size_between(4'000, 32'000));
    chunk_.assign(static_cast<std::size_t>(bytes_per_second * (chunk_interval_ / 1ms) / 1000), std::byte{});
    random_.fill(chunk_);
    stream_ = open_stream();
    stream_->write(std::array<std::byte, kHeader>{});  // no answer is wanted
  }
  again_after(between(0ms, activity == Activity::chat ? 4s : 1s));
}

void Application::again_after(Duration pause) {
  if (timer_) timer_->set(environment_.now() + pause);
}

void Application::act() {
  if (lost_) return;
  switch (activity_) {
    case Activity::idle:
      break;
    case Activity::chat:
      return say();
    case Activity::file:
      return send_file();
    case Activity::streaming:
      return send_chunk();
    case Activity::web:
      return open_page();
  }
}

void Application::say() {
  Bytes line(kStamp + size_between(10, 400));
  random_.fill(line);
  store_be(static_cast<std::uint64_t>(environment_.now().time_since_epoch().count()), std::span(line).first<kStamp>());
  CHECK(node_->send_message(peer_, kName, line).has_value());
  again_after(random_.below(4) == 0 ? between(500ms, 2s) : between(2s, 12s));
}

void Application::on_message(Message message) {
  const BytesView bytes = message.bytes();
  content_bytes_ += bytes.size();
  const TimePoint sent(Duration(static_cast<Duration::rep>(load_be<std::uint64_t>(bytes.first<kStamp>()))));
  delays_.push_back(environment_.now() - sent);
  if (activity_ == Activity::chat && random_.below(3) != 0) again_after(between(1s, 6s));  // an answer
}

void Application::send_file() {
  const auto stream = open_stream();
  stream->on_closed([this](std::optional<Error> error, std::uint64_t) {
    if (!error) again_after(between(0ms, 1s));
  });
  stream->write(std::array<std::byte, kHeader>{});
  send(stream, size_between(1'000'000, 30'000'000));
}

void Application::send_chunk() {
  stream_->write(chunk_);  // what a slow path leaves no room for is left out, as in a live picture
  again_after(chunk_interval_);
}

void Application::open_page() {
  page_begin_ = environment_.now();
  page_parts_ = 1;
  const auto part_done = [this] {
    if (--page_parts_ > 0) return;
    delays_.push_back(environment_.now() - page_begin_);
    again_after(between(1s, 8s));
  };
  const auto pictures = [this, part_done] {
    page_parts_ += 2 + random_.below(6);
    for (std::size_t i = 1; i < page_parts_; ++i) {
      fetch(200 + random_.below(700), static_cast<std::uint32_t>(size_between(1'000, 60'000)), part_done);
    }
    part_done();
  };
  fetch(200 + random_.below(700), static_cast<std::uint32_t>(size_between(3'000, 60'000)), pictures);
}

void Application::fetch(std::size_t size, std::uint32_t answer_size, std::function<void()> done) {
  const auto stream = open_stream();
  stream->on_readable([this, stream] {
    std::array<std::byte, 16384> buffer;
    while (const std::size_t got = stream->read(buffer)) content_bytes_ += got;
  });
  stream->on_closed([done = std::move(done)](std::optional<Error> error, std::uint64_t) {
    if (!error) done();
  });
  std::array<std::byte, kHeader> header;
  store_be(answer_size, std::span(header));
  stream->write(header);
  send(stream, size);
}

std::uint64_t Application::size_between(std::uint64_t min, std::uint64_t max) {
  const double share = static_cast<double>(random_.next() >> 11) * 0x1p-53;
  return static_cast<std::uint64_t>(static_cast<double>(min) *
                                    std::pow(static_cast<double>(max) / static_cast<double>(min), share));
}

std::shared_ptr<Stream> Application::open_stream() {
  auto stream = node_->open_stream(peer_, kName, {.compression = Compression::off});
  CHECK(stream.has_value());
  return std::move(*stream);
}

void Application::send(const std::shared_ptr<Stream>& stream, std::uint64_t size) {
  const auto left = std::make_shared<std::uint64_t>(size);
  const auto more = [left, stream = std::weak_ptr(stream)] {
    const auto to = stream.lock();
    while (*left > 0) {
      const BytesView piece = BytesView(content()).first(std::min<std::uint64_t>(*left, content().size()));
      const std::size_t taken = to->write(piece);
      *left -= taken;
      if (taken < piece.size()) return;
    }
    to->finish();
  };
  stream->on_writable(more);
  more();
}

void Application::on_stream(std::shared_ptr<Stream> stream) {
  struct Header {
    std::array<std::byte, kHeader> bytes;
    std::size_t size = 0;
  };
  stream->on_readable([this, stream, header = std::make_shared<Header>()] {
    header->size += stream->read(std::span(header->bytes).subspan(header->size));
    std::array<std::byte, 16384> buffer;
    while (const std::size_t got = stream->read(buffer)) content_bytes_ += got;
    if (stream->at_end()) send(stream, load_be<std::uint32_t>(std::span(header->bytes)));
  });
}

}  // namespace quantumgate::bench
