// SPDX-License-Identifier: MIT
#include "node/connection_stream.hpp"

#include <utility>

namespace quantumgate::node {

ConnectionStream::ConnectionStream(StreamHub& hub, stream::StreamId id, bool blocks, bool compress)
    : hub_(&hub), id_(id), peer_(hub.peer_uuid()) {
  if (!blocks) return;
  writer_.emplace(compress);
  reader_.emplace();
}

std::size_t ConnectionStream::write(BytesView bytes) {
  if (hub_ == nullptr) return 0;
  const std::size_t taken =
      writer_ ? writer_->write(hub_->streams(), id_, hub_->compressor(), bytes) : hub_->streams().write(id_, bytes);
  if (taken > 0) hub_->touched();
  return taken;
}

void ConnectionStream::finish() {
  if (hub_ == nullptr) return;
  hub_->streams().finish(id_);
  hub_->touched();
}

void ConnectionStream::reset(std::uint64_t code) {
  if (hub_ == nullptr) return;
  StreamHub& hub = *hub_;
  detach();
  hub.break_off(id_, code);  // may drop the last reference to this object
}

std::size_t ConnectionStream::read(MutableBytesView out) {
  std::size_t total = 0;
  while (hub_ != nullptr && total < out.size()) {
    const MutableBytesView rest = out.subspan(total);
    const std::size_t moved = reader_ ? reader_->read(hub_->streams(), id_, rest) : hub_->streams().read(id_, rest);
    total += moved;
    if (!advance() || moved == 0) break;
  }
  if (total > 0 && hub_ != nullptr) hub_->touched();  // the sender's credit must reach it
  return total;
}

std::size_t ConnectionStream::readable() const noexcept {
  if (hub_ == nullptr) return 0;
  return reader_ ? reader_->readable(hub_->streams(), id_) : hub_->streams().readable(id_);
}

bool ConnectionStream::at_end() const noexcept {
  if (hub_ == nullptr) return at_end_;
  return hub_->streams().at_end(id_) && (!reader_ || reader_->between());
}

// False if the stream was broken off.
bool ConnectionStream::advance() {
  if (!reader_ || reader_->advance(hub_->streams(), id_, hub_->compressor())) return true;
  StreamHub& hub = *hub_;
  const auto closed = std::move(on_closed_);
  detach();
  if (closed) closed(Error{ErrorCode::malformed, "reading a stream"}, kStreamMalformed);
  hub.break_off(id_, kStreamMalformed);
  return false;
}

void ConnectionStream::on_readable(std::function<void()> callback) {
  on_readable_.set(std::move(callback));
  // What arrived before anybody listened is announced at the next turn.
  if (hub_ != nullptr && (readable() > 0 || at_end())) hub_->wake(id_);
}

void ConnectionStream::announce_readable() {
  if (hub_ == nullptr || !advance()) return;
  if (readable() == 0 && !at_end()) return;  // a part of a block
  on_readable_.call();
}

void ConnectionStream::announce_writable() { on_writable_.call(); }

void ConnectionStream::announce_closed(std::optional<Error> error, std::uint64_t code) {
  at_end_ = !error;
  const auto callback = std::move(on_closed_);
  detach();
  if (callback) callback(error, code);
}

// Also breaks the circle of a stream whose callbacks own it.
void ConnectionStream::detach() {
  hub_ = nullptr;
  on_readable_.set(nullptr);
  on_writable_.set(nullptr);
  on_closed_ = nullptr;
}

}  // namespace quantumgate::node
