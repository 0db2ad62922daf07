// SPDX-License-Identifier: MIT
#include "extenders/chat/chat.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "extenders/common/utf8.hpp"

namespace quantumgate::chat {
namespace {

constexpr std::byte kTaken{1};           // what the receiver answers for each line
constexpr std::size_t kLengthBytes = 2;  // big-endian, before each line

bool is_line(std::string_view text) {
  return !text.empty() && text.size() <= kLineBytesMax && text.find('\n') == std::string_view::npos &&
         text::is_utf8(text);
}

}  // namespace

struct Chat::Outgoing {
  std::shared_ptr<Stream> stream;
  Bytes unsent;  // at most kUnacknowledgedMax lines
  std::deque<std::pair<std::string, std::function<void(Result<void>)>>> unacknowledged;
};

struct Chat::Incoming {
  std::shared_ptr<Stream> stream;
  Bytes partial;  // less than one whole record
};

Chat::Chat() : Extender(kName) {}
Chat::~Chat() = default;

void Chat::on_start(Node& node) { node_ = &node; }

void Chat::on_stop() {
  node_ = nullptr;  // the kernel closes the streams next, which ends every waiting `done`
}

Result<void> Chat::send(const PeerUuid& peer, std::string_view text, std::function<void(Result<void>)> done) {
  if (!is_line(text)) return fail(ErrorCode::invalid_argument, "sending a chat line");
  if (node_ == nullptr) return fail(ErrorCode::closed, "sending a chat line");
  auto& out = outgoing_[peer];
  if (!out) {
    auto stream = node_->open_stream(peer, name());
    if (!stream) {
      outgoing_.erase(peer);
      return fail(stream.error());
    }
    out = std::make_shared<Outgoing>();
    out->stream = std::move(*stream);
    // The stream drops its callbacks when it closes, so these references do not keep anything alive for ever.
    out->stream->on_readable([this, out = out] { take_acknowledgements(out); });
    out->stream->on_writable([this, out = out] { flush(out); });
    out->stream->on_closed([this, out = out](std::optional<Error> error, std::uint64_t code) {
      const bool absent = code == kStreamNoSuchExtender || code == kStreamRefused;
      give_up(out, error && error->code == ErrorCode::reset && absent
                       ? Error{ErrorCode::unsupported, "sending a chat line"}
                       : error.value_or(Error{ErrorCode::closed_by_peer}));
    });
  }
  if (out->unacknowledged.size() >= kUnacknowledgedMax) return fail(ErrorCode::would_block, "sending a chat line");
  out->unsent.push_back(static_cast<std::byte>(text.size() >> 8));
  out->unsent.push_back(static_cast<std::byte>(text.size() & 0xFF));
  const BytesView bytes = as_bytes(text);
  out->unsent.insert(out->unsent.end(), bytes.begin(), bytes.end());
  out->unacknowledged.emplace_back(std::string(text), std::move(done));
  flush(out);
  return {};
}

void Chat::flush(std::shared_ptr<Outgoing> out) {
  const std::size_t taken = out->stream->write(out->unsent);
  out->unsent.erase(out->unsent.begin(), out->unsent.begin() + static_cast<std::ptrdiff_t>(taken));
}

void Chat::take_acknowledgements(std::shared_ptr<Outgoing> out) {
  std::array<std::byte, 256> bytes;
  while (const std::size_t size = out->stream->read(bytes)) {
    for (const std::byte byte : std::span(bytes).first(size)) {
      if (byte != kTaken || out->unacknowledged.empty()) {
        out->stream->reset(kCodeMalformed);
        return give_up(out, Error{ErrorCode::malformed, "reading the answer of a peer's chat"});
      }
      auto [text, done] = std::move(out->unacknowledged.front());
      out->unacknowledged.pop_front();
      add(out->stream->peer(), true, true, std::move(text));
      if (done) done({});
    }
  }
  if (out->stream->at_end()) {  // the peer's chat is going; it takes no more lines
    out->stream->finish();
    give_up(out, Error{ErrorCode::closed_by_peer, "sending a chat line"});
  }
}

void Chat::give_up(std::shared_ptr<Outgoing> out, Error error) {
  const auto found = outgoing_.find(out->stream->peer());
  if (found != outgoing_.end() && found->second == out) outgoing_.erase(found);
  for (auto& [text, done] : std::exchange(out->unacknowledged, {})) {
    add(out->stream->peer(), true, false, std::move(text));
    if (done) done(fail(error));
  }
}

void Chat::on_stream(std::shared_ptr<Stream> stream) {
  const auto of_peer = [&](const auto& in) { return in->stream->peer() == stream->peer(); };
  if (static_cast<std::size_t>(std::count_if(incoming_.begin(), incoming_.end(), of_peer)) >= kIncomingMax) return;
  auto in = std::make_shared<Incoming>();
  in->stream = std::move(stream);
  incoming_.push_back(in);
  in->stream->on_readable([this, in] { take_lines(in); });
  in->stream->on_closed([this, in](std::optional<Error>, std::uint64_t) { incoming_.remove(in); });
  take_lines(in);
}

void Chat::take_lines(std::shared_ptr<Incoming> in) {
  std::array<std::byte, kLengthBytes + kLineBytesMax> piece;
  while (const std::size_t size = in->stream->read(piece)) {
    in->partial.insert(in->partial.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
    std::size_t start = 0;
    while (in->partial.size() - start >= kLengthBytes) {
      const std::size_t length =
          std::to_integer<std::size_t>(in->partial[start]) << 8 | std::to_integer<std::size_t>(in->partial[start + 1]);
      if (length == 0 || length > kLineBytesMax) return break_off(in);
      if (in->partial.size() - start - kLengthBytes < length) break;
      std::string text(as_text(BytesView(in->partial).subspan(start + kLengthBytes, length)));
      if (!is_line(text)) return break_off(in);
      start += kLengthBytes + length;
      // A peer that does not read its acknowledgements (a million of them unread) is not worth a buffer.
      if (in->stream->write({&kTaken, 1}) != 1) return break_off(in);
      add(in->stream->peer(), false, true, std::move(text));
    }
    in->partial.erase(in->partial.begin(), in->partial.begin() + static_cast<std::ptrdiff_t>(start));
  }
  if (in->stream->at_end()) {
    if (!in->partial.empty()) return break_off(in);
    in->stream->finish();
  }
}

void Chat::break_off(std::shared_ptr<Incoming> in) {
  incoming_.remove(in);
  in->stream->reset(kCodeMalformed);
}

void Chat::add(const PeerUuid& peer, bool outgoing, bool delivered, std::string text) {
  const Line line = history_.add(peer, outgoing, delivered, std::move(text));
  const auto followers = followers_;  // a callback may unfollow
  for (const auto& [number, callback] : followers) {
    if (followers_.contains(number)) callback(line);
  }
}

std::uint64_t Chat::follow(std::function<void(const Line&)> callback) {
  followers_.emplace(++followers_made_, std::move(callback));
  return followers_made_;
}

void Chat::unfollow(std::uint64_t follower) { followers_.erase(follower); }

}  // namespace quantumgate::chat
